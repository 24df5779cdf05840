"""mlx-lm's side of the benchmark, driven line by line so that both sides take turns.

Reads "run LENGTH TOKENS" from standard input; writes one JSON object a line with the seconds and the tokens.
Needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2   Usage: reference.py MODEL_FOLDER PREFILL_CHUNK
"""

import json
import sys
import time
from pathlib import Path

import mlx.core as mx
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model

model, config = load_model(Path(sys.argv[1]))
chunk = int(sys.argv[2])


def prompt(length):
    """The tokens that the other side uses too: a linear congruential sequence over the vocabulary."""
    state, ids = 12345, []
    for _ in range(length):
        state = (state * 1103515245 + 12345) % (1 << 31)
        ids.append(10 + (state >> 8) % (config["vocab_size"] - 10))
    return mx.array(ids, mx.int32)


def run(length, tokens):
    """Seconds to the first token, seconds for each token after it, and the tokens."""
    ids, cache, out = prompt(length), make_prompt_cache(model), []
    mx.eval(ids)
    begun = time.perf_counter()
    for token, _ in generate_step(ids, model, max_tokens=tokens, prompt_cache=cache, prefill_step_size=chunk):
        if not out:
            first = time.perf_counter()
        out.append(int(token))
    each = (time.perf_counter() - first) / max(1, tokens - 1)
    return first - begun, each, out


print(json.dumps({"mlx": mx.__version__, "ready": True}), flush=True)
for line in sys.stdin:
    _, length, tokens = line.split()
    first, each, out = run(int(length), int(tokens))
    print(json.dumps({"first": first, "each": each, "tokens": out}), flush=True)
