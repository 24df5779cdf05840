"""A dialogue under way: what has been said, and what of it later turns lean on."""

import words
from values import code, phrase


class Talk:
    """A dialogue under way."""

    def __init__(self, r, toolbox):
        self.r, self.toolbox = r, toolbox
        self.messages, self.kinds = [], []
        self.kind, self.last = "", None
        self.facts, self.memory, self.bookings = {}, {}, []

    def has(self, *roles):
        return self.toolbox is not None and all(role in self.toolbox.roles for role in roles)

    def user(self, text):
        self.messages.append({"role": "user", "content": text})

    def ask(self, *texts):
        self.user(self.r.choice(texts))

    def call(self, tool, *values):
        """Calls a tool of the toolbox (by role, or the tool itself) with values in the order of its parameters."""
        tool = self.toolbox.roles[tool] if isinstance(tool, str) else tool
        function = {"name": tool.name, "arguments": dict(zip(tool.parameters, values, strict=True))}
        self.messages.append(
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": function}]}
        )
        self.kinds.append(self.kind + " call")

    def result(self, text):
        self.messages.append({"role": "tool", "content": text})

    def say(self, text):
        self.messages.append({"role": "assistant", "content": text})
        self.kinds.append(self.kind + " answer")

    def fails(self, share=0.04):
        """Now and then a tool answers with an error; the assistant says so and the request ends."""
        if self.r.random() >= share:
            return False
        error = self.r.choice(words.ERRORS) if self.r.random() < 0.6 else phrase(self.r)
        if self.r.random() < 0.3:
            error += " " + code(self.r)
        self.result("error: " + error)
        self.say(f"I am sorry, that did not work: {error}.")
        return True
