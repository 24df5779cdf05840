"""llama.cpp's side of the benchmark, driven line by line as reference.py is.

Needs: pip install llama-cpp-python==0.3.36   Usage: llamacpp.py MODEL.gguf THREADS
{"prompt": [ids], "tokens": n} is answered with the seconds to the first token and those of each greedy token behind it.
"""

import json
import sys
import time

import llama_cpp
import numpy as np

CONTEXT, BATCH = 4096, 512


def greedy(model):
    logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    return int(np.argmax(np.ctypeslib.as_array(logits, shape=(model.n_vocab(),))))


def generate(model, prompt, count):
    model.reset()
    begun = time.perf_counter()
    model.eval(prompt)
    token = greedy(model)
    first = time.perf_counter()
    for _ in range(count - 1):
        model.eval([token])
        token = greedy(model)
    return {"first": first - begun, "each": (time.perf_counter() - first) / max(1, count - 1)}


def main(path, threads):
    model = llama_cpp.Llama(path, n_ctx=CONTEXT, n_batch=BATCH, n_threads=threads, n_threads_batch=threads, verbose=False)
    print(json.dumps({"llama-cpp-python": llama_cpp.__version__}), flush=True)
    for line in sys.stdin:
        ask = json.loads(line)
        print(json.dumps(generate(model, ask["prompt"], ask["tokens"])), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
