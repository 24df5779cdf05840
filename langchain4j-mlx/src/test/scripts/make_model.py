"""A tiny model with random weights, in the layout of mlx-community folders, and the logits that mlx-lm computes for it.

usage: make_model.py CONFIG.json OUT_FOLDER [--bits B --group-size G --mode MODE] [--mix affine|modes] [--dtype bfloat16]
       (needs: pip install mlx==0.32.4 mlx-cpu==0.32.4 mlx-lm==0.32.2, on a Mac without mlx-cpu; with mlx 0.32.2, mlx-lm
       runs everything but quantized experts)

CONFIG.json is the config.json of the architecture with small numbers. OUT_FOLDER gets config.json, model.safetensors and
golden.safetensors, which ModelGoldenTest reads:
  prompt   int32  [1, P]       the token ids of one prefill
  logits   float32[1, P, V]    the logits of that prefill
  decode   int32  [D]          greedy tokens that follow, one at a time
  steps    float32[D, V]       the logits after each of them
  chunked  float32[1, V]       the last row when the prompt is fed in chunks of five
"""
import argparse
import itertools
import json
import pathlib
import zlib

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import _get_classes, load_model, quantize_model, save_config

PROMPT_TOKENS, DECODE_TOKENS, CHUNK = 21, 12, 5
AFFINE = [dict(group_size=g, bits=b, mode="affine") for b in (2, 3, 4, 5, 6, 8) for g in (32, 64, 128)]
# affine first: the embedding decides in which type a model computes, and in bfloat16 the choice of experts is noise
MODES = [dict(group_size=64, bits=8, mode="affine"), dict(group_size=32, bits=4, mode="mxfp4"),
         dict(group_size=32, bits=8, mode="mxfp8"), dict(group_size=16, bits=4, mode="nvfp4")]


def randomize(model, seed):
    """Weights of a size that keeps logits apart; states of recurrent layers decay as trained ones do."""
    mx.random.seed(seed)
    weights = []
    for name, old in tree_flatten(model.parameters()):
        leaf = name.split(".")[-1]
        if not mx.issubdtype(old.dtype, mx.floating):
            weights.append((name, old))
            continue
        if leaf == "A_log":
            new = mx.log(mx.random.uniform(1.0, 8.0, old.shape))
        elif leaf == "dt_bias":
            new = mx.random.uniform(-2.0, 0.5, old.shape)
        elif leaf == "layer_scalar":
            new = mx.ones(old.shape)
        elif "norm" in name and leaf == "weight":
            new = 1.0 + 0.1 * mx.random.normal(old.shape)
        elif old.ndim >= 2:
            new = mx.random.normal(old.shape) * (1.3 / old.shape[-1] ** 0.5)
        else:
            new = 0.2 * mx.random.normal(old.shape)
        weights.append((name, new.astype(old.dtype)))
    model.update(tree_unflatten(weights))
    mx.eval(model.parameters())


def save(model, config, folder):
    folder.mkdir(parents=True, exist_ok=True)
    weights = dict(tree_flatten(model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    save_config(config, config_path=str(folder / "config.json"))


def golden(folder, seed):
    model, config = load_model(folder)
    rows = config.get("text_config", config)["vocab_size"]
    mx.random.seed(seed)
    prompt = mx.random.randint(0, rows, (1, PROMPT_TOKENS))
    cache = make_prompt_cache(model)
    logits = model(prompt, cache=cache).astype(mx.float32)
    token, tokens, steps = mx.argmax(logits[0, -1]).item(), [], []
    for _ in range(DECODE_TOKENS):
        tokens.append(token)
        row = model(mx.array([[token]]), cache=cache)[0, -1].astype(mx.float32)
        steps.append(row)
        token = mx.argmax(row).item()
    cache = make_prompt_cache(model)
    for i in range(0, PROMPT_TOKENS, CHUNK):
        chunked = model(prompt[:, i : i + CHUNK], cache=cache)[:, -1].astype(mx.float32)
        mx.eval(chunked)
    if mx.any(mx.isnan(logits)).item() or mx.std(logits).item() < 1e-2:
        raise SystemExit("these logits tell nothing: they are all alike, or not numbers")
    mx.save_safetensors(
        str(folder / "golden.safetensors"),
        dict(prompt=prompt.astype(mx.int32), logits=logits, decode=mx.array(tokens, mx.int32), steps=mx.stack(steps),
             chunked=chunked))
    gap = mx.max(mx.abs(chunked - logits[:, -1])).item()
    print(f"{folder}: {len(set(tokens))} different tokens, chunks differ from one prefill by {gap:.2g}")


def mixed(model, config, formats):
    """Another format for each layer in turn, which config.json names."""
    turn = itertools.cycle(formats)
    first = formats[0]
    return quantize_model(
        model, config, first["group_size"], first["bits"], mode=first["mode"],
        quant_predicate=lambda path, layer: dict(next(turn)) if hasattr(layer, "to_quantized") else False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--bits", type=int)
    parser.add_argument("--group-size", type=int, default=64)
    parser.add_argument("--mode", default="affine")
    parser.add_argument("--mix", choices=["affine", "modes"], help="another format for each layer")
    parser.add_argument("--dtype", default="float32")
    args = parser.parse_args()
    mx.set_default_device(mx.cpu)
    settings = json.loads(args.config.read_text())
    cls, arguments = _get_classes(settings)
    tiny = cls(arguments.from_dict(settings))
    seed = zlib.crc32(args.out.name.encode())
    randomize(tiny, seed)
    tiny.set_dtype(getattr(mx, args.dtype))
    if args.bits:
        tiny, settings = quantize_model(tiny, settings, args.group_size, args.bits, mode=args.mode)
    elif args.mix:
        tiny, settings = mixed(tiny, settings, AFFINE if args.mix == "affine" else MODES)
    save(tiny, settings, args.out)
    golden(args.out, seed + 1)
