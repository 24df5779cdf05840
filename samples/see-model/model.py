"""SmolVLM in PyTorch, with the names and axes that its MLX folders have."""

import math

import torch
from torch.nn import functional as F

VISION = dict(hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8)
TEXT = dict(
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=4,
    rms_norm_eps=1e-5,
    rope_theta=10000.0,
)
SCALE = 2
TOKENS = (VISION["image_size"] // VISION["patch_size"] // SCALE) ** 2


def weights(vocabulary):
    """Random weights by name."""
    made = {}

    def linear(name, out, width, bias=False):
        made[name + ".weight"] = torch.randn((out, width)) / math.sqrt(width)
        if bias:
            made[name + ".bias"] = torch.zeros(out)

    def norm(name, width, bias=False):
        made[name + ".weight"] = torch.ones(width)
        if bias:
            made[name + ".bias"] = torch.zeros(width)

    seen, side, patches = VISION["hidden_size"], VISION["patch_size"], (VISION["image_size"] // VISION["patch_size"]) ** 2
    embeddings = "vision_model.embeddings."
    made[embeddings + "patch_embedding.weight"] = torch.randn((seen, side, side, 3)) / (side * math.sqrt(3))
    made[embeddings + "patch_embedding.bias"] = torch.zeros(seen)
    made[embeddings + "position_embedding.weight"] = 0.5 * torch.randn((patches, seen))
    for i in range(VISION["num_hidden_layers"]):
        name = f"vision_model.encoder.layers.{i}."
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(name + "self_attn." + part, seen, seen, True)
        linear(name + "mlp.fc1", VISION["intermediate_size"], seen, True)
        linear(name + "mlp.fc2", seen, VISION["intermediate_size"], True)
        norm(name + "layer_norm1", seen, True)
        norm(name + "layer_norm2", seen, True)
    norm("vision_model.post_layernorm", seen, True)
    hidden = TEXT["hidden_size"]
    linear("connector.modality_projection.proj", hidden, seen * SCALE**2)
    made["language_model.embed_tokens.weight"] = torch.randn((vocabulary, hidden))
    for i in range(TEXT["num_hidden_layers"]):
        name = f"language_model.layers.{i}."
        for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
            linear(name + "self_attn." + part, hidden, hidden)
        linear(name + "mlp.gate_proj", TEXT["intermediate_size"], hidden)
        linear(name + "mlp.up_proj", TEXT["intermediate_size"], hidden)
        linear(name + "mlp.down_proj", hidden, TEXT["intermediate_size"])
        norm(name + "input_layernorm", hidden)
        norm(name + "post_attention_layernorm", hidden)
    norm("language_model.norm", hidden)
    linear("language_model.lm_head", vocabulary, hidden)
    return made


def linear(w, name, x):
    return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))


def layer_norm(w, name, x):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-6)


def rms_norm(w, name, x):
    return F.rms_norm(x, x.shape[-1:], w[name + ".weight"], TEXT["rms_norm_eps"])


def turned(x):
    """Heads [n, heads, length, dim] with rotary positions."""
    half = x.shape[-1] // 2
    frequencies = TEXT["rope_theta"] ** (-torch.arange(half) / half)
    angles = torch.arange(x.shape[2])[:, None] * frequencies
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([x[..., :half] * cos - x[..., half:] * sin, x[..., half:] * cos + x[..., :half] * sin], dim=-1)


def attention(w, name, out, x, heads, causal):
    def split(part):
        return linear(w, name + part, x).unflatten(-1, (heads, -1)).transpose(1, 2)

    q, k, v = split("q_proj"), split("k_proj"), split("v_proj")
    if causal:
        q, k = turned(q), turned(k)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    return linear(w, name + out, y.transpose(1, 2).flatten(2))


def see(w, pixels):
    """Features [n, tokens, hidden] of pixels [n, 32, 32, 3]."""
    n, side, patch = pixels.shape[0], pixels.shape[1] // VISION["patch_size"], VISION["patch_size"]
    patches = pixels.reshape(n, side, patch, side, patch, 3).permute(0, 1, 3, 2, 4, 5).reshape(n, side * side, -1)
    embeddings = "vision_model.embeddings."
    kernels = w[embeddings + "patch_embedding.weight"]
    h = patches @ kernels.reshape(kernels.shape[0], -1).T + w[embeddings + "patch_embedding.bias"]
    h = h + w[embeddings + "position_embedding.weight"]
    for i in range(VISION["num_hidden_layers"]):
        name = f"vision_model.encoder.layers.{i}."
        x = layer_norm(w, name + "layer_norm1", h)
        h = h + attention(w, name + "self_attn.", "out_proj", x, VISION["num_attention_heads"], False)
        x = linear(w, name + "mlp.fc1", layer_norm(w, name + "layer_norm2", h))
        h = h + linear(w, name + "mlp.fc2", F.gelu(x, approximate="tanh"))
    h = layer_norm(w, "vision_model.post_layernorm", h)
    blocks = h.reshape(n, side // SCALE, SCALE, side // SCALE, SCALE, -1).permute(0, 1, 3, 2, 4, 5)
    return linear(w, "connector.modality_projection.proj", blocks.reshape(n, TOKENS, -1))


def logits(w, ids, pixels, place):
    """Logits [n, length, vocabulary] of ids, in which the tokens of the picture begin at a place."""
    h = w["language_model.embed_tokens.weight"][ids]
    h = torch.cat([h[:, :place], see(w, pixels), h[:, place + TOKENS :]], dim=1)
    for i in range(TEXT["num_hidden_layers"]):
        name = f"language_model.layers.{i}."
        x = rms_norm(w, name + "input_layernorm", h)
        h = h + attention(w, name + "self_attn.", "o_proj", x, TEXT["num_attention_heads"], True)
        x = rms_norm(w, name + "post_attention_layernorm", h)
        gate = linear(w, name + "mlp.gate_proj", x)
        h = h + linear(w, name + "mlp.down_proj", F.silu(gate) * linear(w, name + "mlp.up_proj", x))
    return linear(w, "language_model.lm_head", rms_norm(w, "language_model.norm", h))
