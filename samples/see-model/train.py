"""Trains the model that reads numbers and colours, and writes its folder.

    python train.py OUT [--minutes 10] [--from OUT]

Each minute it prints how many dialogues are right to the letter about numbers that training never shows.
"""

import argparse
import functools
import os
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional as F

import folder
import model
import pictures

BATCH = 64
POOL = 4096


class Dialogues:
    """Pictures of some numbers, drawn once, and dialogues about them."""

    def __init__(self, seed, numbers, count):
        tokenizer = Tokenizer.from_str(folder.files()["tokenizer.json"])
        self.vocabulary = tokenizer.get_vocab_size()
        self.encode = functools.cache(lambda text: tokenizer.encode(text, add_special_tokens=False).ids)
        self.random = np.random.default_rng(seed)
        self.numbers = self.random.choice(numbers, count)
        self.colours = self.random.choice(list(pictures.COLOURS), count)
        each = [pictures.draw(self.random, n, c)[None] for n, c in zip(self.numbers, self.colours)]
        self.pixels = torch.tensor(np.concatenate([pictures.pixels(p) for p in each]))

    def dialogue(self, picture):
        """Ids of a picture and two questions in any order, and the places of the answers."""
        pictured = "<fake_token_around_image><global-img>" + "<image>" * model.TOKENS + "<fake_token_around_image>"
        turns = [(folder.NUMBER, str(self.numbers[picture])), (folder.COLOUR, str(self.colours[picture]))]
        ids, answers = list(self.encode("<|im_start|>User:" + pictured)), []
        for i in self.random.permutation(2):
            question, answer = turns[i]
            ids += self.encode(("\nUser: " if answers else "") + question + "<end_of_utterance>\nAssistant:")
            said = self.encode(" " + answer + "<end_of_utterance>")
            answers += range(len(ids), len(ids) + len(said))
            ids += said
        return ids, answers

    def batch(self, chosen):
        """Ids [n, length], which of them answer, pixels, and where the tokens of the picture begin."""
        rows = [self.dialogue(i) for i in chosen]
        shape = len(rows), max(len(ids) for ids, _ in rows)
        ids, counted = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
        for i, (row, answers) in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            counted[i, answers] = True
        return ids, counted, self.pixels[torch.tensor(chosen)], rows[0][0].index(folder.IMAGE)

    def right(self, weights):
        """Share of dialogues of which both answers are right."""
        ids, counted, pixels, place = self.batch(range(len(self.numbers)))
        with torch.no_grad():
            best = model.logits(weights, ids[:, :-1], pixels, place).argmax(-1)
        return ((best == ids[:, 1:]) | ~counted[:, 1:]).all(1).float().mean().item()


def save(out, weights):
    os.makedirs(out, exist_ok=True)
    for name, content in folder.files().items():
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(content)
    save_file({k: v.detach().half() for k, v in weights.items()}, os.path.join(out, "model.safetensors"))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("out")
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--from", dest="start")
    given = arguments.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(1)
    shown = Dialogues(None, [n for n in range(10, 100) if n not in pictures.HELD_OUT], POOL)
    held_out = Dialogues(2, pictures.HELD_OUT, 256)
    weights = model.weights(shown.vocabulary)
    if given.start:
        weights = {k: v.float() for k, v in load_file(os.path.join(given.start, "model.safetensors")).items()}
    for tensor in weights.values():
        tensor.requires_grad_()
    optimizer = torch.optim.AdamW(weights.values(), lr=2e-3, weight_decay=0.01)
    began = printed = time.time()
    steps, losses = 0, []
    while (spent := (time.time() - began) / 60 / given.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1, (steps + 1) / 50) * min(1, 1.05 - spent)
        ids, counted, pixels, place = shown.batch(shown.random.integers(0, POOL, BATCH).tolist())
        pixels = pixels.roll(tuple(shown.random.integers(-1, 2, 2).tolist()), (1, 2))
        scores = model.logits(weights, ids[:, :-1], pixels, place)
        loss = F.cross_entropy(scores[counted[:, 1:]], ids[:, 1:][counted[:, 1:]])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        steps += 1
        losses.append(loss.item())
        if time.time() - printed > 60:
            print(f"{steps} steps, loss {np.mean(losses):.3f}, held-out dialogues right {held_out.right(weights):.3f}", flush=True)
            printed = time.time()
            losses.clear()
            save(given.out, weights)
    print(f"{steps} steps, held-out dialogues right {held_out.right(weights):.3f}")
    save(given.out, weights)


if __name__ == "__main__":
    main()
