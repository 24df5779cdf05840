"""What mlx-lm computes with quantized and with bounded KV caches, for KvFormatGoldenTest and KvFormatDistanceTest.

usage: make_kv_goldens.py        (needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2)

Writes src/test/resources/goldens/kv-formats: tiny models whose heads are wide enough to be quantized, and for each case
of cases.json NAME.safetensors with
  prompt   int32  [P]      fed in the chunks of the case
  logits   float32[V]      the last row of that prefill
  decode   int32  [D]      greedy tokens that follow, one at a time
  steps    float32[D, V]   the logits after each of them

Of models with windows and states, the caches that hold all positions are quantized and the others stay as they are. mlx-lm
does that by itself for states; windows it refuses to quantize, so here they are left out. It cannot quantize where layers
share keys (gemma4_text) or attention has sinks (gpt_oss): of these there are folders, and no cases.
"""
import json
import pathlib

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.generate import maybe_quantize_kv_cache
from mlx_lm.models.cache import KVCache, QuantizedKVCache, make_prompt_cache
from mlx_lm.utils import _get_classes, load_model, save_config

from make_model import randomize

GOLDENS = pathlib.Path(__file__).parent.parent / "resources" / "goldens"
OUT = GOLDENS / "kv-formats"
WIDE = dict(model_type="qwen3", hidden_size=32, num_hidden_layers=2, intermediate_size=48, num_attention_heads=4,
            num_key_value_heads=2, head_dim=64, rms_norm_eps=1e-6, vocab_size=96, max_position_embeddings=512,
            rope_theta=10000.0, tie_word_embeddings=True)


# Architectures with windows, states, shared keys, sinks and latent vectors: the goldens' small configs with wider heads.
HYBRIDS = {
    "gemma3_text": dict(head_dim=32, query_pre_attn_scalar=32),
    "gemma4_text": dict(head_dim=32, global_head_dim=32),
    "cohere2": dict(head_dim=32),
    "ministral3": dict(head_dim=32),
    "gpt_oss": dict(head_dim=32),
    "qwen3_next": dict(head_dim=32),
    "lfm2": dict(),
}
# The same with full attention alone, which the others are compared with.
FULL = {"llama": dict(head_dim=32), "olmo2": dict(head_dim=32)}


def case(name, model="wide", bits=0, group=64, start=0, size=0, chunks=(21,), decode=12, single=False):
    """single: mlx-lm is fed token by token, because what its kept head shows to a chunk depends on the chunk."""
    return dict(name=name, model=model, bits=bits, groupSize=group, quantizedStart=start, maxSize=size,
                chunks=list(chunks), decode=decode, single=single)


CASES = [
    case("q8", bits=8, chunks=(21,)),
    case("q4-chunked", bits=4, chunks=(5, 5, 11)),
    case("q4-group32", bits=4, group=32, chunks=(300, 3), decode=4),
    case("q2-group32", bits=2, group=32),
    case("q8-from-16", bits=8, start=16, chunks=(16, 8)),
    case("q6-from-7", bits=6, group=32, start=7, chunks=(7, 14)),
    case("q3-from-9", bits=3, start=9, chunks=(9, 1, 11)),
    case("q5-from-30-in-decode", bits=5, start=30, chunks=(21,), decode=20),
    case("q4-a-chunk-reaches-over-the-start", bits=4, start=10, chunks=(14, 7)),
    case("max12", size=12, chunks=(10,), decode=30),
    case("max12-long-prompt", size=12, chunks=(40, 7), decode=12, single=True),
    case("max5", size=5, chunks=(23,), decode=8, single=True),
    case("max300", size=300, chunks=(260, 60), decode=5, single=True),
    case("max12-gemma2", model="gemma2", size=12, chunks=(9, 20), decode=6, single=True),
    case("max12-deepseek_v3", model="deepseek_v3", size=12, chunks=(9, 20), decode=6, single=True),
    case("max12-phi3", model="phi3", size=12, chunks=(12,), decode=20),
    case("q8-gemma3_text", model="wide-gemma3_text", bits=8, group=32, chunks=(21,)),
    case("q4-llama", model="full-llama", bits=4, group=32, chunks=(7, 14)),
    case("q4-olmo2", model="full-olmo2", bits=4, group=32, chunks=(7, 14)),
    case("q4-gemma3_text", model="wide-gemma3_text", bits=4, group=32, chunks=(7, 14)),
    case("q4-cohere2", model="wide-cohere2", bits=4, group=32, chunks=(7, 14)),
    case("q4-ministral3", model="wide-ministral3", bits=4, group=32, chunks=(7, 14)),
    case("q4-qwen3_next", model="wide-qwen3_next", bits=4, group=32, chunks=(7, 14)),
    case("q4-lfm2", model="wide-lfm2", bits=4, group=32, chunks=(7, 14)),
    case("q8-from-16-gemma3_text", model="wide-gemma3_text", bits=8, group=32, start=16, chunks=(16, 8)),
]


def wide(name, settings, seed, dtype):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    cls, args = _get_classes(settings)
    model = cls(args.from_dict(settings))
    randomize(model, seed)
    model.set_dtype(dtype)
    weights = dict(tree_flatten(model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    save_config(settings, config_path=str(folder / "config.json"))


def wider(prefix, name, changes):
    settings = json.loads((GOLDENS / "models" / name / "config.json").read_text())
    settings.update(hidden_size=64, intermediate_size=48, num_attention_heads=2, num_key_value_heads=1, **changes)
    wide(prefix + name, settings, 7, mx.bfloat16)


def make(c):
    folder = OUT / c["model"] if c["model"].startswith(("wide", "full-")) else GOLDENS / "models" / c["model"]
    model, config = load_model(folder)
    model.set_dtype(mx.float32)
    mx.random.seed(len(c["name"]))
    prompt = mx.random.randint(0, config["vocab_size"], (sum(c["chunks"]),))
    cache = make_prompt_cache(model, max_kv_size=c["maxSize"] or None)
    if c["bits"] and c["quantizedStart"] == 0:
        cache = [QuantizedKVCache(c["groupSize"], c["bits"]) if type(k) is KVCache else k for k in cache]

    def call(tokens):
        row = model(tokens[None], cache=cache)[0, -1].astype(mx.float32)
        if c["bits"]:
            whole = [i for i, k in enumerate(cache) if type(k) is KVCache]
            some = [cache[i] for i in whole]
            maybe_quantize_kv_cache(some, c["quantizedStart"], c["groupSize"], c["bits"])
            for i, k in zip(whole, some):
                cache[i] = k
        mx.eval(row, [k.state for k in cache])
        return row

    at = 0
    for chunk in [1] * prompt.size if c["single"] else c["chunks"]:
        row = call(prompt[at : at + chunk])
        at += chunk
    tensors = dict(prompt=prompt.astype(mx.int32), logits=row)
    tokens, steps = [], []
    for _ in range(c["decode"]):
        tokens.append(mx.argmax(row).item())
        row = call(mx.array(tokens[-1:]))
        steps.append(row)
    tensors.update(decode=mx.array(tokens, mx.int32), steps=mx.stack(steps))
    mx.save_safetensors(str(OUT / (c["name"] + ".safetensors")), tensors)
    print(c["name"], len(set(tokens)), "tokens", flush=True)


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    wide("wide", WIDE, 7, mx.float32)
    for name, changes in HYBRIDS.items():
        wider("wide-", name, changes)
    for name, changes in FULL.items():
        wider("full-", name, changes)
    for c in CASES:
        make(c)
    (OUT / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in CASES) + "\n]\n")
