"""What mlx-lm answers on the real chat model, greedily, for RealChatTest.

Usage: record_real.py MODEL_FOLDER OUT.json     (needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2;
MODEL_FOLDER is SmolLM2-135M-Instruct of samples/bench/make_real.py)

An answer ends before a token whose logit is less than NEAR above the next one: there, other products decide otherwise.
A conversation ends before an answer of which nothing is left.
"""
import json
import pathlib
import sys

import mlx.core as mx
import mlx_lm
from mlx_lm.models.cache import make_prompt_cache

NEAR, TOKENS_MAX = 0.004, 64
SYSTEM = "You are a helpful assistant."
CONVERSATIONS = [
    ["What is the capital of France?", "And of Italy?", "Which of the two cities is larger?"],
    ["Write one sentence about the sea.", "Now write one about the mountains."],
    ["List three fruits that are red.", "Which of them grows on a tree?"],
    ["How many minutes are there in two hours?"],
    ["Translate 'good morning' into Spanish."],
    ["Explain in two sentences why the sky is blue.", "Thank you. What color is it at sunset?"],
    ["Write a function in Python that adds two numbers."],
    ["Who wrote the play Hamlet?", "Name another play by the same author."],
    ["What is the opposite of the word 'hot'?"],
    ["Give me a short recipe for pancakes."],
    ["Was ist die Hauptstadt von Deutschland?"],
    ["Summarize: The train to Lisbon leaves at noon from platform four. It arrives in the evening."],
]


def answer(model, tokenizer, messages):
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    cache, tokens, feed = make_prompt_cache(model), [], mx.array([prompt])
    while len(tokens) < TOKENS_MAX:
        logits = model(feed, cache=cache)[0, -1]
        first, second = mx.sort(logits)[-2:][::-1].tolist()
        token = mx.argmax(logits).item()
        if first - second < NEAR or token in tokenizer.eos_token_ids:
            break
        tokens.append(token)
        feed = mx.array([[token]])
    ended = token in tokenizer.eos_token_ids and first - second >= NEAR
    return {"text": tokenizer.decode(tokens), "tokens": len(tokens) + ended, "ended": ended, "prompt": len(prompt)}


def main(folder, out):
    model, tokenizer = mlx_lm.load(folder)
    recorded = []
    for questions in CONVERSATIONS:
        messages, turns = [{"role": "system", "content": SYSTEM}], []
        for question in questions:
            messages.append({"role": "user", "content": question})
            said = answer(model, tokenizer, messages)
            if not said["tokens"]:
                break
            messages.append({"role": "assistant", "content": said["text"]})
            turns.append({"user": question, **said})
        recorded.append(turns)
    source = f"record_real.py, mlx-lm {mlx_lm.__version__}, mlx {mx.__version__}, greedy"
    pathlib.Path(out).write_text(json.dumps({"source": source, "system": SYSTEM, "conversations": recorded},
                                            ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
