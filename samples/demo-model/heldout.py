"""Dialogues that the training never draws: 300 of a fixed seed, as JSON lines of messages and tools.

python heldout.py > heldout.jsonl
"""

import json
import random

import dialogues

COUNT = 300
SEED = "held out"


def held_out(count=COUNT, seed=SEED):
    """The messages, the tools and, for each turn of the assistant, its kind."""
    draw = random.Random(seed)
    return [dialogues.dialogue(draw) for _ in range(count)]


if __name__ == "__main__":
    for messages, tools, _ in held_out():
        print(json.dumps({"messages": messages, "tools": tools}, ensure_ascii=False))
