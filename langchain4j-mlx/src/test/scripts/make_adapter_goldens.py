"""Adapters in mlx-lm's format for golden models, and the logits that mlx-lm computes with them, for AdapterGoldenTest.

usage: make_adapter_goldens.py        (needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2)

Writes src/test/resources/goldens/adapters/NAME: adapter_config.json, adapters.safetensors, and golden.safetensors with
  prompt   int32  [P]      fed at once
  logits   float32[V]      the last row of that prefill
  decode   int32  [D]      greedy tokens that follow, one at a time
  steps    float32[D, V]   the logits after each of them
adapter_config.json has one field more, model: the golden model that the adapter is for.

Where config.json says "truncate": false, mlx-lm rounds the bounds of yarn's ramp all the same; here they stay as they are.
"""
import json
import math
import pathlib
import shutil
import types
import zlib

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import rope_utils
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.tuner.utils import linear_to_lora_layers, load_adapters
from mlx_lm.utils import load_model

GOLDENS = pathlib.Path(__file__).parent.parent / "resources" / "goldens"
OUT = GOLDENS / "adapters"


def case(name, model, kind="lora", layers=-1, rank=4, scale=2.0, keys=None):
    return dict(name=name, model=model, kind=kind, layers=layers, rank=rank, scale=scale, keys=keys)


CASES = [
    case("lora-last-two-layers", "qwen3", layers=2, keys=["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"]),
    case("lora-tied-embedding", "qwen3", layers=1, keys=["self_attn.o_proj", "model.embed_tokens"]),
    case("lora-quantized-everything", "llama-q4"),
    case("lora-experts", "qwen3_moe", rank=2, keys=["mlp.gate", "mlp.switch_mlp.gate_proj", "mlp.switch_mlp.up_proj",
                                                     "mlp.switch_mlp.down_proj", "model.embed_tokens", "lm_head"]),
    case("lora-experts-with-bias", "gpt_oss", rank=3, keys=["mlp.experts.up_proj", "mlp.router", "self_attn.k_proj"]),
    case("lora-wrapper", "qwen3_5", layers=2, keys=["linear_attn.out_proj", "self_attn.q_proj", "mlp.up_proj"]),
    case("dora-bias-and-tied-embedding", "qwen2", "dora", keys=["self_attn.q_proj", "mlp.up_proj", "model.embed_tokens"]),
    case("dora-quantized", "llama-q4", "dora", layers=2, keys=["self_attn.v_proj", "mlp.gate_proj"]),
    case("full", "qwen3", "full"),
]


def train(model, c):
    """What training would leave, made of random numbers."""
    config = dict(fine_tune_type=c["kind"], model=c["model"], num_layers=c["layers"])
    if c["kind"] == "full":
        params = dict(tree_flatten(model.parameters()))
        names = ["model.layers.1.mlp.up_proj.weight", "model.norm.weight", "model.embed_tokens.weight"]
        return config, {n: params[n] + 0.1 * mx.random.normal(params[n].shape) for n in names}
    parameters = dict(rank=c["rank"], scale=c["scale"], dropout=0.0)
    if c["keys"]:
        parameters["keys"] = c["keys"]
    config["lora_parameters"] = parameters
    linear_to_lora_layers(model, c["layers"], {**parameters, "keys": c["keys"]}, use_dora=c["kind"] == "dora")
    tensors = {}
    for name, p in tree_flatten(model.parameters()):
        leaf = name.split(".")[-1]
        if leaf in ("lora_a", "lora_b"):
            tensors[name] = mx.random.normal(p.shape) * (0.5 / p.shape[-1] ** 0.5)
        elif leaf == "m":
            tensors[name] = p * mx.random.uniform(0.7, 1.4, p.shape)
    return config, tensors


def round_ramps(source):
    """Rounds the bounds of yarn's ramp or not, as the model's authors do it."""
    uncut = types.SimpleNamespace(**{**vars(math), "floor": lambda x: x, "ceil": lambda x: x})
    config = json.loads((source / "config.json").read_text())
    truncate = (config.get("rope_scaling") or {}).get("truncate", True)
    rope_utils.math = math if truncate else uncut


def make(c):
    folder = OUT / c["name"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = GOLDENS / "models" / c["model"]
    round_ramps(source)
    mx.random.seed(zlib.crc32(c["name"].encode()))
    config, tensors = train(load_model(source)[0], c)
    mx.save_safetensors(str(folder / "adapters.safetensors"), tensors)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=4) + "\n")
    model, settings = load_model(source)
    prompt = mx.random.randint(0, settings.get("text_config", settings)["vocab_size"], (11,))
    plain = model(prompt[None])[0, -1]
    model = load_adapters(model, str(folder))
    model.eval()
    cache = make_prompt_cache(model)
    row = model(prompt[None], cache=cache)[0, -1].astype(mx.float32)
    tokens, steps = [], []
    golden = dict(prompt=prompt.astype(mx.int32), logits=row)
    for _ in range(4):
        tokens.append(mx.argmax(row).item())
        row = model(mx.array([tokens[-1:]]), cache=cache)[0, -1].astype(mx.float32)
        steps.append(row)
    golden.update(decode=mx.array(tokens, mx.int32), steps=mx.stack(steps))
    mx.save_safetensors(str(folder / "golden.safetensors"), golden)
    change = mx.max(mx.abs(golden["logits"] - plain)).item()
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{c['name']}: {len(tensors)} tensors, {size // 1024} KiB, logits change by up to {change:.2g}", flush=True)


if __name__ == "__main__":
    mx.set_default_device(mx.cpu)
    for c in CASES:
        make(c)
