"""mlx-lm's side of the benchmark's section ring: a rank of a model that is split over processes.

Run: python ring.py MODEL TOKENS ROUNDS, as many times as MLX_HOSTFILE has ranks, each with its MLX_RANK; without both for one
process. Rank 0 prints the seconds of a token, a number for each round.
"""

import json
import sys
import time
from pathlib import Path

import mlx.core as mx
from mlx_lm.generate import generate_step
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model

WARM_UP = 2

folder, tokens, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
group = mx.distributed.init()
model, _ = load_model(folder, lazy=True)
if group.size() > 1:
    model.shard(group)
mx.eval(model.parameters())
seconds = []
for _ in range(WARM_UP + rounds):
    first = None
    for _ in generate_step(mx.array([10]), model, max_tokens=tokens, prompt_cache=make_prompt_cache(model)):
        first = first or time.perf_counter()
    seconds.append((time.perf_counter() - first) / (tokens - 1))
if group.rank() == 0:
    print(json.dumps(seconds[WARM_UP:]), flush=True)
