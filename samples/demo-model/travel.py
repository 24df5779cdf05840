"""Turns that call tools: weather, trains, bookings, money, sums, and tools made up for the dialogue."""

import words
from toolbox import SUMS
from values import amount, cities, city, clock, code, departures, listing, person, phrase, seats, sky


def weather(t):
    c = city(t.r)
    previous = t.last and t.last[0] == "weather"
    if previous and t.r.random() < 0.7:
        t.ask(f"And in {c}?", f"And {c}?", f"What about {c}?", f"And what is it like in {c}?")
    else:
        t.ask(
            f"What is the weather in {c}?",
            f"What is the weather in {c}?",
            f"How is the weather in {c} today?",
            f"What is the weather like in {c}?",
            f"Weather in {c}, please.",
            f"Is it warm in {c}?",
            f"Is it raining in {c}?",
            f"Do I need an umbrella in {c}?",
            f"tell me the weather for {c}",
        )
    t.call("weather", c)
    if t.fails():
        return None
    w = sky(t.r)
    t.result(w)
    t.say(f"In {c} it is {w}.")
    return ("weather",)


def compare(t):
    a, b = cities(t.r, 2)
    t.ask(
        f"Is it warmer in {a} or in {b}?",
        f"Compare the weather in {a} and {b}.",
        f"Which is warmer, {a} or {b}?",
        f"What is the weather in {a} and in {b}?",
    )
    weathers = []
    for c in (a, b):
        t.call("weather", c)
        if t.fails(0.03):
            return
        weathers.append(sky(t.r))
        t.result(weathers[-1])
    t.say(f"In {a} it is {weathers[0]}, in {b} it is {weathers[1]}.")
    return


def trains(t):
    if t.last and t.last[0] == "trains" and t.r.random() < 0.5:
        b, a = t.last[1:3]
        t.ask("And back?", "And the way back?", f"And from {a} to {b}?")
    else:
        a, b = cities(t.r, 2)
        t.ask(
            f"When do trains leave from {a} to {b}?",
            f"Show me trains from {a} to {b}.",
            f"I want to go from {a} to {b}. Which trains are there?",
            f"trains {a} to {b}",
            f"Which trains go from {a} to {b}?",
        )
    t.call("trains", a, b)
    if t.fails():
        return None
    if t.r.random() < 0.06:
        t.result("no trains")
        t.say(f"There are no trains from {a} to {b}.")
        return None
    d = departures(t.r)
    t.result(listing(d))
    t.say(f"Trains from {a} to {b}: {listing(d)}.")
    return ("trains", a, b, d)


def pick(r, count):
    """Which of the listed trains to take: the word and the index."""
    choices = [("first", 0), ("first", 0), ("last", count - 1)]
    return r.choice(choices)


def confirm(t, count, train, time, a, b):
    """Calls the booking tool; gives what there is to say, or None after an error."""
    t.call("book", train, count)
    if t.fails():
        return None
    k = code(t.r)
    t.result(t.r.choice([f"Booking {k} confirmed", f"Booking {k} confirmed", f"Booking code {k}", f"confirmed: {k}"]))
    t.bookings.append((k, train))
    return f"I booked {seats(count)} on train {train} at {time} from {a} to {b}. Your booking code is {k}."


def book(t):
    follow = t.last and t.last[0] == "trains"
    count = t.r.randint(1, 9)
    wanted = seats(count)
    if t.r.random() < 0.2:
        wanted = wanted.replace(str(count), words.NUMBERS[count - 1])
    then = t.has("weather") and t.r.random() < 0.4
    if follow:
        a, b, d = t.last[1:]
        which, index = pick(t.r, len(d))
        request = t.r.choice(
            [
                f"Book {wanted} on the {which} one",
                f"Please book {wanted} on the {which} train",
                f"I take the {which} one, {wanted}",
            ]
        )
    else:
        a, b = cities(t.r, 2)
        d = departures(t.r)
        which, index = pick(t.r, len(d))
        request = t.r.choice(
            [
                f"Book {wanted} on the {which} train from {a} to {b}",
                f"Please book the {which} train from {a} to {b} for {wanted.split()[0]}",
                f"I need {wanted} from {a} to {b} on the {which} train",
                f"Can you book {wanted} from {a} to {b} on the {which} train",
            ]
        )
    if then:
        request += t.r.choice(
            [" and tell me the weather there.", f", and what is the weather in {b}?", " and check the weather there."]
        )
    else:
        request += "."
    t.user(request)
    if not follow:
        t.call("trains", a, b)
        if t.fails():
            return
        t.result(listing(d))
    done = confirm(t, count, *d[index], a, b)
    if done is None:
        return
    if then:
        t.call("weather", b)
        w = sky(t.r)
        t.result(w)
        done += f" In {b} it is {w}."
    t.say(done)
    return


def booked(t):
    """Questions about the one booking of this dialogue."""
    k, train = t.bookings[0]
    if t.r.random() < 0.5:
        t.ask("What is my booking code?", "Which booking code do I have?", "Tell me my booking code again.")
        t.say(f"Your booking code is {k}.")
    else:
        t.ask("Which train did I book?", "On which train am I booked?", "Which train is it?")
        t.say(f"You are booked on train {train}.")


def convert(t):
    x = amount(t.r)
    s, c = t.r.sample(words.CURRENCIES, 2)
    if t.last and t.last[0] == "convert" and t.r.random() < 0.6:
        x, s, previous = t.last[1:]
        c = t.r.choice([other for other in words.CURRENCIES if other not in (s, previous)])
        t.ask(f"And in {c}?", f"What about {c}?", f"And {c}?")
    else:
        t.ask(
            f"How much is {x} {s} in {c}?",
            f"Convert {x} {s} to {c}.",
            f"What are {x} {s} worth in {c}?",
            f"{x} {s} in {c}",
        )
    t.call("convert", x, s, c)
    if t.fails():
        return None
    y = round(x * t.r.uniform(0.01, 90), 2)
    y = t.r.choice([f"{y} {c}", f"{y} {c}", f"{y}"])
    t.result(y)
    t.say(f"{x} {s} is {y}.")
    return ("convert", x, s, c)


def calculate(t):
    role = next(role for role in SUMS if t.has(role))
    a, b = t.r.randint(1, 99), t.r.randint(1, 99)
    if role == "sum":
        t.ask(
            f"What is {a} plus {b}?", f"How much is {a} + {b}?", f"Add {a} and {b}.", f"What is the sum of {a} and {b}?"
        )
    elif role == "product":
        t.ask(
            f"What is {a} times {b}?",
            f"How much is {a} * {b}?",
            f"Multiply {a} by {b}.",
            f"What is the product of {a} and {b}?",
        )
    else:
        t.ask(f"What is the square root of {a}?", f"Square root of {a}, please.", f"Give me the square root of {a}.")
    t.call(role, *(a, b)[: len(t.toolbox.roles[role].parameters)])
    y = t.r.choice([str(t.r.randint(1, 99999)), str(t.r.randint(10, 9999) / 100)])
    t.result(y)
    t.say(f"The result is {y}.")


def strange(t):
    tool = t.r.choice(t.toolbox.strange)
    subject = t.r.choice([city(t.r), city(t.r), str(t.r.randint(10, 999)), person(t.r)])
    values = [subject]
    extra = ""
    if len(tool.parameters) == 2:
        detail = list(tool.parameters)[1]
        values.append(t.r.randint(1, 2030))
        extra = t.r.choice([f" with {detail} {values[1]}", f" for {detail} {values[1]}", f", {detail} {values[1]}"])
    key = next(iter(tool.parameters))
    t.ask(
        f"What is the {tool.noun} of {subject}{extra}?",
        f"What is the {tool.noun} of {subject}{extra}?",
        f"Tell me the {tool.noun} of {subject}{extra}.",
        f"Look up the {tool.noun} of {subject}{extra}.",
        f"Get the {tool.noun} of {key} {subject}{extra}.",
        f"Call {tool.name} for {subject}{extra}.",
        f"Use the {tool.name} tool for {subject}{extra}.",
    )
    t.call(tool, *values)
    if t.fails(0.06):
        return
    y = t.r.choice(
        [
            city(t.r),
            str(t.r.randint(2, 9999)),
            code(t.r, 5),
            f"{t.r.randint(2, 99)} {t.r.choice(['km', 'kg', 'percent', 'points', 'euros'])}",
            phrase(t.r),
            person(t.r),
            t.r.choice(words.COLORS),
        ]
    )
    t.result(y)
    t.say(f"The {tool.noun} of {subject} is {y}.")
    return


def bare(t):
    tool = t.toolbox.bare[0]
    t.ask(
        f"Use the {tool.name} tool.",
        f"What is it now? Use the {tool.name} tool.",
        f"Call {tool.name}.",
        f"What is the time now? Use the {tool.name} tool.",
        f"Please run {tool.name}.",
    )
    t.call(tool)
    y = t.r.choice(
        [
            clock(t.r),
            clock(t.r) + " " + t.r.choice(["CET", "UTC"]),
            code(t.r),
            city(t.r),
            f"{t.r.randint(1, 28)} May {t.r.randint(1990, 2040)}",
            f"{t.r.randint(8, 20)} {t.r.choice(['hours', 'points'])} and {t.r.randint(1, 59)} minutes",
        ]
    )
    t.result(y)
    t.say(f"The result is {y}.")
