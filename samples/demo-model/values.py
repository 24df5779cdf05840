"""Names, numbers and texts that a dialogue draws."""

import words


def city(r):
    return r.choice(words.REAL_CITIES) if r.random() < 0.5 else invented(r, 2, 4)


def invented(r, least, most):
    return "".join(r.choice(words.SYLLABLES) for _ in range(r.randint(least, most))).capitalize()


def cities(r, count):
    found = []
    while len(found) < count:
        name = city(r)
        if name not in found:
            found.append(name)
    return found


def person(r):
    return r.choice(words.PEOPLE) if r.random() < 0.5 else invented(r, 2, 3)


def code(r, length=4):
    return "".join(r.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(length))


def clock(r, hour=None):
    return f"{r.randint(5, 22) if hour is None else hour:02d}:{r.randint(0, 59):02d}"


def phrase(r):
    """A few words, known or invented, that can only be repeated."""
    count = r.randint(1, 4)
    said = [r.choice(words.PLAIN) if r.random() < 0.7 else invented(r, 1, 3).lower() for _ in range(count)]
    return " ".join(dict.fromkeys(said))  # no word twice: where to go on would be a guess


def sky(r):
    degrees = r.randint(-9, 36)
    return r.choice(
        [
            f"{degrees} degrees, {r.choice(words.SKY)}",
            f"{degrees} degrees, {r.choice(words.SKY)}",
            f"{degrees} degrees and {r.choice(words.SKY)}",
            f"{r.choice(words.SKY)}, {degrees} C",
            f"{degrees} degrees, {phrase(r)}",
            phrase(r),
            r.choice(words.SKY),
        ]
    )


def amount(r):
    return r.choice([r.randint(1, 99), r.randint(100, 999), r.randint(1, 99) * 10, r.randint(10, 9999) / 10])


def departures(r):
    hours = sorted(r.sample(range(5, 23), r.randint(1, 3)))
    return [(r.choice("TKRX") + str(r.randint(10, 999)), clock(r, hour)) for hour in hours]


def listing(trains):
    return ", ".join(f"{train} at {time}" for train, time in trains)


def seats(count):
    return "1 seat" if count == 1 else f"{count} seats"


def value_of(r, sort):
    return {
        "time": lambda: clock(r),
        "price": lambda: f"{r.randint(2, 99)} euros",
        "street": lambda: f"{invented(r, 2, 3)} Street {r.randint(1, 99)}",
        "person": lambda: f"{person(r)} {invented(r, 2, 3)}",
        "digits": lambda: str(r.randint(10000, 999999)),
        "color": lambda: r.choice(words.COLORS),
        "number": lambda: str(r.randint(3, 400)),
        "code": lambda: code(r, 5),
        "food": lambda: f"{r.choice(words.FOODS)} and {r.choice(words.FOODS)}",
        "year": lambda: str(r.randint(1100, 2020)),
    }[sort]()
