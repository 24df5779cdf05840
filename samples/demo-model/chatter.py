"""Turns without tools: small talk, things to remember, what nobody can do, answers from given text."""

import words
from values import amount, cities, city, code, person, phrase, value_of

REFUSAL = "I am sorry, I cannot help with that."
UNKNOWN = "I do not know, the documents do not say."


def small_talk(t):
    questions, answer = t.r.choice(words.SMALL_TALK)
    t.ask(*questions)
    t.say(answer)
    return t.last


def capital(t):
    country, answer = t.r.choice(list(words.CAPITALS.items()))
    t.ask(
        f"What is the capital of {country}?",
        f"What is the capital of {country}?",
        f"Which city is the capital of {country}?",
        f"Name the capital of {country}.",
    )
    t.say(f"The capital of {country} is {answer}.")


def echo(t):
    makers = [
        city,
        person,
        code,
        lambda r: r.choice(words.ANIMALS),
        lambda r: r.choice(words.COLORS),
        lambda r: r.choice(["Hello", "World", "Hello World", "yes", "no", "good day"]),
    ]
    text = phrase(t.r) if t.r.random() < 0.4 else " ".join(t.r.choice(makers)(t.r) for _ in range(t.r.randint(1, 4)))
    t.ask(f"Say '{text}'", f"Say '{text}'", f"Repeat after me: {text}", f"Please say '{text}'.")
    t.say(text)


MEMORIES = {
    "name": (
        ["My name is {v}.", "I am {v}.", "Hello, my name is {v}.", "Hi, I am {v}"],
        "Nice to meet you, {v}.",
        ["What is my name?", "Do you know my name?", "Who am I?"],
        "Your name is {v}.",
    ),
    "color": (
        ["My favorite color is {v}.", "Hi, my favorite color is {v}", "I like the color {v} most."],
        "Your favorite color is {v}.",
        ["What is my favorite color?", "Which color do I like?"],
        "Your favorite color is {v}.",
    ),
    "food": (
        ["My favorite food is {v}.", "I like to eat {v} most."],
        "Your favorite food is {v}.",
        ["What is my favorite food?", "What do I like to eat?"],
        "Your favorite food is {v}.",
    ),
    "animal": (
        ["My favorite animal is the {v}.", "I like the {v} most of all animals."],
        "Your favorite animal is the {v}.",
        ["What is my favorite animal?", "Which animal do I like?"],
        "Your favorite animal is the {v}.",
    ),
    "home": (
        ["I live in {v}.", "I live in {v}", "My home is {v}."],
        "You live in {v}.",
        ["Where do I live?", "What is my home town?"],
        "You live in {v}.",
    ),
}


def remember(t):
    """Things the user says about themself, and questions about them later."""
    known = list(t.memory)
    if known and t.r.random() < 0.75:
        about = t.r.choice(known)
        t.ask(*MEMORIES[about][2])
        t.say(MEMORIES[about][3].format(v=t.memory[about]))
        return
    about = t.r.choice([key for key in MEMORIES if key not in t.memory])
    value = {
        "name": person,
        "color": lambda r: r.choice(words.COLORS),
        "food": lambda r: r.choice(words.FOODS),
        "animal": lambda r: r.choice(words.ANIMALS),
        "home": city,
    }[about](t.r)
    if t.r.random() < 0.1:
        t.ask(*MEMORIES[about][2])
        t.say("I do not know, you have not told me.")
        return
    statements, reply = MEMORIES[about][:2]
    t.ask(*(s.format(v=value) for s in statements))
    t.say(reply.format(v=value))
    t.memory[about] = value
    return


def refuse(t):
    missing = [role for role in ("weather", "trains", "convert") if not t.has(role)]
    if missing and t.r.random() < 0.5:
        a, b = cities(t.r, 2)
        s, c = t.r.sample(words.CURRENCIES, 2)
        t.ask(
            *{
                "weather": [f"What is the weather in {a}?", f"Do I need an umbrella in {a}?", f"Is it warm in {a}?"],
                "trains": [
                    f"Which trains go from {a} to {b}?",
                    f"trains {a} to {b}",
                    f"Show me trains from {a} to {b}.",
                ],
                "convert": [f"How much is {amount(t.r)} {s} in {c}?", f"Convert {amount(t.r)} {s} to {c}."],
            }[t.r.choice(missing)]
        )
    else:
        t.user(t.r.choice(words.BEYOND).format(city=city(t.r), person=person(t.r)))
    t.say(REFUSAL)


def documents(t):
    """A question with the text that answers it, as LangChain4j's content injector puts it."""
    r = t.r
    # Each thing and each kind of fact comes once in a text: a model this small looks one thing up, not two at once.
    topics = r.sample(list(words.FACTS), r.randint(2, 4))
    things = []
    while len(things) < len(topics):
        thing = f"the {r.choice(words.THINGS)} of {city(r)}"
        if thing not in things and all(thing != known for _, known in t.facts):
            things.append(thing)
    pairs = list(zip(topics, things, strict=True))
    lines = []
    for topic, thing in pairs:
        value = value_of(r, words.FACTS[topic][2])
        line = words.FACTS[topic][1].format(t=thing, T=thing[0].upper() + thing[1:], v=value)
        t.facts[topic, thing] = line
        lines.append(line)
    topic, thing = r.choice(pairs)
    answer = t.facts[topic, thing]
    question = r.choice(words.FACTS[topic][0]).format(t=thing)
    size = r.choice([1, 2, 3])
    body = "\n\n".join(" ".join(lines[i : i + size]) for i in range(0, len(lines), size))
    t.user(f"{question}\n\nAnswer using the following information:\n{body}")
    t.say(answer)
    return None
