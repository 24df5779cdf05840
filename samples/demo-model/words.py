"""The words the dialogues are made of. Names are half real, half invented, so that they must be copied, not known."""

REAL_CITIES = """Lisbon Porto Madrid Sevilla Paris Lyon Lille Berlin Hamburg Munich Vienna Graz Zurich Geneva
Basel Milan Rome Turin Naples Venice Prague Brno Warsaw Krakow Gdansk Oslo Bergen Stockholm Malmo Copenhagen
Aarhus Helsinki Turku Tallinn Riga Vilnius Athens Patras Dublin Cork London Leeds York Glasgow Edinburgh
Brussels Ghent Antwerp Amsterdam Utrecht Delft Tokyo Osaka Kyoto Seoul Busan Taipei Hanoi Delhi Mumbai Cairo
Tunis Nairobi Lagos Accra Lima Quito Bogota Santiago Toronto Montreal Boston Chicago Denver Seattle Austin
Miami Sydney Perth Auckland Cologne Frankfurt Stuttgart Barcelona Valencia Bilbao Faro Coimbra Braga Nice
Marseille Bordeaux""".split()

SYLLABLES = """ba be bi bo bra da de dor el fa fen ga gor ha hel il ka kel kor la lem lo lu ma mar mi mon na
nor o pa pel ra rin ro sa sel si sto ta tel ti tor u va vel vi wen ya zo""".split()

PEOPLE = """Klaus Anna Maria John Peter Julia Ahmed Wei Olga Ivan Sofia Lucas Emma Noah Mia Paul Clara Hugo
Nina Omar Priya Kenji Lena Tom Alice Bob Carol David Eva Frank""".split()

COLORS = "red blue green yellow orange purple black white brown pink grey silver gold turquoise violet".split()
FOODS = "pizza sushi pasta soup bread cheese rice salad curry cake fish tofu noodles apples dumplings".split()
ANIMALS = "cat dog horse owl fox bear tiger rabbit dolphin penguin eagle turtle whale wolf frog".split()

SKY = ["sunny", "light rain", "cloudy", "heavy rain", "fog", "snow", "clear sky", "windy", "thunderstorms", "rainy"]
PLAIN = """warm cold mild dry wet calm storm drizzle showers haze frost ice hail sleet mist breeze wind rain sun heat
overcast bright dark partly mostly slightly very quite light heavy strong weak some few many no with and then later now
soon early late today tomorrow morning noon evening night north south east west open closed free full empty old new
ready lost found slow fast long short high low good bad red line platform track seat service server network data file
missing invalid wrong broken limit reached denied failed error problem please try wait call""".split()
CURRENCIES = "EUR USD GBP JPY CHF NOK INR BRL CAD KRW SEK PLN".split()
NUMBERS = "one two three four five six seven eight nine".split()

CAPITALS = {
    "Germany": "Berlin",
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Portugal": "Lisbon",
    "Austria": "Vienna",
    "Poland": "Warsaw",
    "Norway": "Oslo",
    "Sweden": "Stockholm",
    "Denmark": "Copenhagen",
    "Finland": "Helsinki",
    "Ireland": "Dublin",
    "Greece": "Athens",
    "Belgium": "Brussels",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Kenya": "Nairobi",
    "England": "London",
    "Latvia": "Riga",
}

PHRASES = {
    "I love you": "Ich liebe dich",
    "Good morning": "Guten Morgen",
    "Good night": "Gute Nacht",
    "Thank you": "Danke",
    "Where is the station?": "Wo ist der Bahnhof?",
    "I am hungry": "Ich habe Hunger",
    "How are you?": "Wie geht es dir?",
    "See you tomorrow": "Bis morgen",
    "The train is late": "Der Zug ist zu spät",
    "I like music": "Ich mag Musik",
}

SMALL_TALK = [
    (["Hello!", "Hi", "Hi there!", "Hello", "Hey"], "Hello! How can I help you?"),
    (["Good morning", "Good morning!"], "Good morning! How can I help you?"),
    (["Good evening", "Good evening!"], "Good evening! How can I help you?"),
    (["Thanks!", "Thank you very much.", "Thank you!", "Great, thanks."], "You are welcome."),
    (["Bye", "Goodbye!", "See you."], "Goodbye!"),
    (["How are you?", "How are you today?"], "I am fine, thank you. How can I help you?"),
    (
        ["Who are you?", "What are you?", "Are you a robot?"],
        "I am a small demo assistant. I can look up weather and trains, book seats and convert money.",
    ),
    (
        ["What can you do?", "How can you help me?", "Help"],
        "I can look up weather and trains, book seats and convert money.",
    ),
    (["Tell me a joke.", "Do you know a joke?"], "Why did the train stop? It was out of track."),
    (["Ok.", "Good.", "Fine.", "Nice!"], "Is there anything else I can do for you?"),
]

BEYOND = [
    "Write a poem about {city}.",
    "Tell me a long story",
    "Tell me a story about {city}.",
    "Who won the game yesterday?",
    "What is the meaning of life?",
    "Order a pizza for me.",
    "Write a program in Java.",
    "Call {person} for me.",
    "Send a mail to {person}.",
    "Who is the mayor of {city}?",
    "Sing a song.",
    "Paint a picture of {city}.",
    "How do I fix my car?",
    "What should I cook tonight?",
    "Explain quantum physics.",
    "Which film should I watch?",
    "Play some music.",
    "Who is {person}?",
    "Write a letter to {person}.",
    "How old is {person}?",
    "Remind me to call {person}.",
    "Give me medical advice.",
]

ROLES = [
    "You are a travel assistant.",
    "You are a helpful travel desk.",
    "You help people travel by train.",
    "You are a polite assistant.",
    "You are a helpful assistant.",
    "You are the assistant of a small travel office in {city}.",
    "You are a friendly guide for guests of {city}.",
    "You answer questions of travellers.",
    "You are {person}, a demo assistant.",
]
RULES = [
    "Use the tools when you need facts.",
    "Be brief.",
    "Use tools to look things up.",
    "Be polite and clear.",
    "Answer in one or two sentences.",
    "Never invent a train, a price or a booking code.",
    "If a tool fails, say so.",
    "If you do not know the answer, say so.",
    "Read the question carefully before you answer.",
    "Call one tool at a time and wait for its result.",
    "Repeat names and numbers exactly as they are given.",
    "The guests may ask several things in one sentence.",
    "Times are local times of the departure city.",
    "Prices are given in the currency that the guest asked for.",
    "Do not talk about politics.",
    "The office is open from Monday to Friday.",
    "A booking is final when a booking code has been given.",
]

# Facts for answers from given text: the ways to ask, and the sentence that is both the fact and the answer.
FACTS = {
    "opening": (
        ["When does {t} open?", "At what time does {t} open?", "What are the opening hours of {t}?"],
        "{T} opens at {v}.",
        "time",
    ),
    "closing": (
        ["When does {t} close?", "At what time does {t} close?", "Until when is {t} open?"],
        "{T} closes at {v}.",
        "time",
    ),
    "ticket": (
        ["How much is a ticket for {t}?", "What does {t} cost?", "What is the price of {t}?"],
        "A ticket for {t} costs {v}.",
        "price",
    ),
    "address": (["Where is {t}?", "What is the address of {t}?"], "{T} is in {v}.", "street"),
    "manager": (["Who is the manager of {t}?", "Who runs {t}?"], "The manager of {t} is {v}.", "person"),
    "founder": (["Who is the founder of {t}?", "Who founded {t}?"], "The founder of {t} is {v}.", "person"),
    "phone": (["What is the phone number of {t}?", "How can I call {t}?"], "The phone number of {t} is {v}.", "digits"),
    "colour": (["What is the colour of {t}?", "What colour is {t}?"], "The colour of {t} is {v}.", "color"),
    "height": (["What is the height of {t}?", "How high is {t}?"], "The height of {t} is {v} metres.", "number"),
    "password": (
        ["What is the password of {t}?", "Tell me the password of {t}."],
        "The password of {t} is {v}.",
        "code",
    ),
    "menu": (["What is the menu of {t}?", "What can I eat at {t}?"], "The menu of {t} is {v}.", "food"),
    "year": (["When was {t} built?", "How old is {t}?"], "{T} was built in {v}.", "year"),
}
THINGS = [
    "museum",
    "station",
    "hotel",
    "ferry",
    "castle",
    "market",
    "tower",
    "library",
    "night bus",
    "garden",
    "harbour",
    "theatre",
    "bridge",
    "old town",
    "airport bus",
    "zoo",
    "swimming pool",
]

# Tools that the assistant has not met: a verb and a noun make the name, the request mentions the noun.
VERBS = "get find lookup fetch read check query load show".split()
NOUNS = """price status owner weight score rank size length stock balance rating salary speed population
distance temperature version budget title author color family language rate fee level code name height label
grade""".split()
SUBJECTS = "id key item order user product account ticket symbol topic customer parcel query subject term".split()
DETAILS = "year month day count limit page room floor size group".split()
NO_ARGUMENT_TOOLS = """get_current_time now getTime current_date getDate list_offers status ping get_user
whoAmI getVersion opening_hours readSensor get_location""".split()
ERRORS = [
    "unknown city",
    "service unavailable",
    "timeout",
    "no connection",
    "try again later",
    "not found",
    "access denied",
    "unknown train",
    "bad request",
    "internal error",
    "the train is full",
    "too many requests",
    "unknown currency",
    "line is closed",
]
