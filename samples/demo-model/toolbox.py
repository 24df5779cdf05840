"""The tools of a dialogue, under names and parameter names that vary."""

import words


class Tool:
    """A tool under the name and parameter names of this dialogue."""

    def __init__(self, r, name, description, **parameters):
        self.name, self.parameters = name, parameters
        function = {"name": name}
        if r.random() < 0.8:
            function["description"] = description
        function["parameters"] = {
            "type": "object",
            "properties": {key: {"type": kind} for key, kind in parameters.items()},
            "required": list(parameters),
        }
        self.specification = {"type": "function", "function": function}


def weather_tool(r):
    name = r.choice(["weather", "weather", "getWeather", "get_weather", "get_current_weather", "currentWeather"])
    place = r.choice(["city", "city", "location", "place", "town"])
    about = r.choice(["Current weather of a city", "Returns the weather in a city", "Looks up the weather"])
    return Tool(r, name, about, **{place: "string"})


def trains_tool(r):
    name = r.choice(["trains", "trains", "findTrains", "find_trains", "search_trains", "departures"])
    ends = r.choice([("origin", "destination"), ("origin", "destination"), ("from", "to"), ("start", "end")])
    about = r.choice(["Next trains between two cities", "Lists departures from one city to another"])
    return Tool(r, name, about, **dict.fromkeys(ends, "string"))


def book_tool(r):
    name = r.choice(["book", "book", "bookSeats", "book_seats", "reserve", "book_train"])
    train = r.choice(["train", "train", "trainNumber", "train_number"])
    about = r.choice(["Books seats on a train", "Reserves seats on a train and returns a booking code"])
    return Tool(r, name, about, **{train: "string", "seats": "integer"})


def convert_tool(r):
    name = r.choice(["convert", "convert", "convertCurrency", "convert_currency", "exchange"])
    ends = r.choice([("source", "target"), ("source", "target"), ("from", "to")])
    about = r.choice(["Converts an amount between currencies", "Currency conversion"])
    return Tool(r, name, about, amount="number", **dict.fromkeys(ends, "string"))


SUMS = {
    "sum": (["add", "add_two_numbers", "sum", "addNumbers"], "Adds two numbers", 2),
    "product": (["multiply", "multiply_numbers", "product"], "Multiplies two numbers", 2),
    "square root": (["sqrt", "squareRoot", "square_root"], "Square root of a number", 1),
}


def sum_tool(r, operation):
    names, about, count = SUMS[operation]
    parameters = r.choice([("a", "b"), ("x", "y"), ("first", "second"), ("arg0", "arg1")])[:count]
    return Tool(r, r.choice(names), about, **dict.fromkeys(parameters, r.choice(["number", "integer"])))


def strange_tool(r):
    """A tool made up for this dialogue; its noun stands in its name and in the request."""
    verb, noun = r.choice(words.VERBS), r.choice(words.NOUNS)
    name = r.choice([f"{verb}_{noun}", f"{verb}{noun.capitalize()}", noun, f"{noun}_of"])
    parameters = {r.choice(words.SUBJECTS): "string"}
    if r.random() < 0.4:
        parameters[r.choice(words.DETAILS)] = "integer"
    about = r.choice([f"Returns the {noun}", f"Looks up the {noun} of something", f"The {noun} of a thing"])
    tool = Tool(r, name, about, **parameters)
    tool.specification["function"]["description"] = about
    tool.noun = noun
    return tool


class Toolbox:
    """The tools of one dialogue, each under its role ("weather", "sum", ...); strange and bare ones in lists."""

    def __init__(self, r):
        self.roles, self.strange, self.bare = {}, [], []
        whole = r.random() < 0.6
        makers = {"weather": weather_tool, "trains": trains_tool, "book": book_tool, "convert": convert_tool}
        for role, make in makers.items():
            if whole or r.random() < 0.5:
                self.roles[role] = make(r)
        if r.random() < 0.2:
            operation = r.choice(list(SUMS))
            self.roles[operation] = sum_tool(r, operation)
        nouns = set()
        for _ in range(r.choice([0, 1]) if self.roles else 1):
            tool = strange_tool(r)
            if tool.noun not in nouns:
                nouns.add(tool.noun)
                self.strange.append(tool)
        if r.random() < 0.1:
            self.bare.append(Tool(r, r.choice(words.NO_ARGUMENT_TOOLS), "Needs no arguments"))
        tools = list(self.roles.values()) + self.strange + self.bare
        r.shuffle(tools)
        self.specifications = [tool.specification for tool in tools]
