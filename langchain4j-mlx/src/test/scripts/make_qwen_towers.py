"""Tiny random models of Qwen that see, in settings of which no released one is, with what transformers computes for them.

    python3 -m venv target/towers
    target/towers/bin/pip install torch==2.15.0 transformers==5.24.0
    target/towers/bin/python langchain4j-mlx/src/test/scripts/make_qwen_towers.py langchain4j-mlx/src/test/resources/goldens/towers

Folders are as transformers saves them. golden.safetensors has pixels and grids of random pictures, a prompt with them, its
positions, features, deepstack features, and logits; all in single precision.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForImageTextToText

IMAGE, START, END = 36, 37, 38
TEXT = {
    "hidden_size": 32, "intermediate_size": 40, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40,
    "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "bos_token_id": None, "eos_token_id": None,
}
EXPERTS = {"num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
DELTA = {
    "linear_num_value_heads": 2, "linear_num_key_heads": 1, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4, "head_dim": 16, "shared_expert_intermediate_size": 8,
}
VISION = {"hidden_size": 12, "num_heads": 3, "intermediate_size": 20, "depth": 3, "out_hidden_size": 32}


def rope(theta, *sections, **more):
    return {"rope_type": "default", "rope_theta": theta, "mrope_section": list(sections), **more}


MODELS = {
    # patches as wide as there are channels, blocks of nine, windows that the picture cuts, a base of its own
    "qwen2_5_vl": (
        {
            "text_config": {**TEXT, "num_hidden_layers": 1, "rope_parameters": rope(1e6, 1, 1, 2)},
            "vision_config": {
                **VISION, "depth": 2, "patch_size": 3, "spatial_merge_size": 3, "window_size": 25, "fullatt_block_indexes": [1],
                "hidden_act": "gelu_pytorch_tanh", "rope_parameters": {"rope_type": "axial", "rope_theta": 500.0},
            },
        },
        [(1, 15, 9), (1, 3, 6)],
    ),
    # a table that is no square, layers in no order, a layer without experts, sections that config.json leaves out
    "qwen3_vl_moe": (
        {
            "text_config": {
                **TEXT, **EXPERTS, "num_hidden_layers": 2, "head_dim": 8, "attention_bias": True, "mlp_only_layers": [1],
                "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [2, 1, 1]},
            },
            "vision_config": {
                **VISION, "patch_size": 4, "num_position_embeddings": 30, "deepstack_visual_indexes": [2, 0],
                "hidden_act": "silu",
            },
        },
        [(1, 6, 10), (1, 2, 2)],
    ),
    # a token for each patch, widths that can be quantized
    "qwen3_5_moe": (
        {
            "text_config": {
                **TEXT, **EXPERTS, **DELTA, "num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"],
                "rope_parameters": rope(1e7, 2, 1, 1, mrope_interleaved=True, partial_rotary_factor=0.5),
            },
            "vision_config": {
                **VISION, "hidden_size": 32, "num_heads": 2, "intermediate_size": 32, "depth": 1, "patch_size": 4,
                "num_position_embeddings": 16, "spatial_merge_size": 1,
            },
        },
        [(1, 3, 7)],
    ),
}


def randomize(model):
    for name, p in model.named_parameters():
        if name.endswith(("A_log", "dt_bias")):
            continue
        if p.ndim == 1 and "bias" not in name:
            p.add_(0.2 * torch.randn_like(p))
        else:
            inputs = p[0].numel() if p.ndim == 5 else p.shape[-1]
            p.copy_(torch.randn_like(p) * (0.2 if p.ndim == 1 else 1.2 * inputs**-0.5))


def make(name, settings, grids, target):
    torch.manual_seed(sum(map(ord, name)))
    ids = {"image_token_id": IMAGE, "video_token_id": 39, "vision_start_token_id": START, "vision_end_token_id": END}
    config = AutoConfig.for_model(name, **ids, **json.loads(json.dumps(settings)))
    model = AutoModelForImageTextToText.from_config(config, attn_implementation="eager").float().eval()
    randomize(model)
    vision = config.vision_config
    pixels = [torch.randn(h * w, 3, vision.patch_size, vision.patch_size) for _, h, w in grids]
    frames = [x[:, :, None].expand(-1, -1, vision.temporal_patch_size, -1, -1).flatten(1) for x in pixels]
    prompt = [1, 2, 3]
    for _, h, w in grids:
        prompt += [START] + [IMAGE] * (h * w // vision.spatial_merge_size**2) + [END, 4]
    tokens = torch.tensor([prompt + [5, 6, 7]])
    grid = torch.tensor(grids)
    kinds = (tokens == IMAGE).int()
    seen = model.model.visual(torch.cat(frames), grid)
    positions, _ = model.model.get_rope_index(tokens, mm_token_type_ids=kinds, image_grid_thw=grid)
    logits = model(
        input_ids=tokens, pixel_values=torch.cat(frames), image_grid_thw=grid, mm_token_type_ids=kinds, use_cache=False
    ).logits
    golden = {"prompt": tokens.int(), "grid_thw": grid.int(), "positions": positions[-3:].int(), "logits": logits,
              "features": seen.pooler_output}
    golden |= {f"pixels.{i}": x for i, x in enumerate(pixels)}
    golden |= {f"deepstack.{i}": x for i, x in enumerate(getattr(seen, "deepstack_features", []))}
    folder = target / name
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    save_file({key: value.contiguous() for key, value in golden.items()}, folder / "golden.safetensors")
    print(name, {key: tuple(value.shape) for key, value in golden.items()})


with torch.no_grad():
    for name, (settings, grids) in MODELS.items():
        make(name, settings, grids, Path(sys.argv[1]))
