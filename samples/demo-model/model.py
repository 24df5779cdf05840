"""The Qwen3 architecture in plain PyTorch, for training on a CPU: float32 weights and residuals, bfloat16 products."""

import torch
import torch.nn.functional as F

CONFIG = {
    "model_type": "qwen3",
    "architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 256,
    "num_hidden_layers": 5,
    "intermediate_size": 640,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "rms_norm_eps": 1e-6,
    "vocab_size": 2048,
    "max_position_embeddings": 4096,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "eos_token_id": 1,
    "bos_token_id": None,
    "hidden_act": "silu",
    "attention_bias": False,
}

EMBEDDING = "model.embed_tokens.weight"
LAYER_PARTS = (
    "input_layernorm",
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.q_norm",
    "self_attn.k_norm",
    "self_attn.o_proj",
    "post_attention_layernorm",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)


def weight_name(layer, part):
    """The checkpoint's name of one weight of a layer."""
    return f"model.layers.{layer}.{part}.weight"


def initial_weights(config, seed):
    """Random weights by checkpoint name, as float32 tensors."""
    g = torch.Generator().manual_seed(seed)
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    shapes = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    weights = {EMBEDDING: torch.randn(config["vocab_size"], hidden, generator=g) * 0.05}
    for layer in range(config["num_hidden_layers"]):
        for part in LAYER_PARTS:
            if part in shapes:
                rows, columns = shapes[part]
                scale = columns**-0.5 * (0.35 if part in ("self_attn.o_proj", "mlp.down_proj") else 1.0)
                weights[weight_name(layer, part)] = torch.randn(rows, columns, generator=g) * scale
            else:
                size = config["head_dim"] if part.startswith("self_attn") else hidden
                weights[weight_name(layer, part)] = torch.ones(size)
    weights["model.norm.weight"] = torch.ones(hidden)
    return weights


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotary_tables(config, length):
    """Cosines and sines of the rotary positions 0..length-1, each of shape (length, head_dim / 2)."""
    half = config["head_dim"] // 2
    frequencies = config["rope_theta"] ** (-torch.arange(half, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def make_block(config):
    """One decoder layer as a function of the residual stream and the layer's weights in the order of LAYER_PARTS."""
    heads, groups, size = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
    eps = config["rms_norm_eps"]

    def block(h, cos, sin, mask, ln1, wq, wk, wv, qn, kn, wo, ln2, gate, up, down):
        rows, length, _ = h.shape
        half = torch.bfloat16
        y = rms_norm(h, ln1, eps).to(half)
        q = F.linear(y, wq.to(half)).view(rows, length, heads, size).transpose(1, 2).float()
        k = F.linear(y, wk.to(half)).view(rows, length, groups, size).transpose(1, 2).float()
        v = F.linear(y, wv.to(half)).view(rows, length, groups, size).transpose(1, 2)
        q = rotate(rms_norm(q, qn * size**-0.5, eps), cos, sin).to(half)
        k = rotate(rms_norm(k, kn, eps), cos, sin).to(half)
        k = k.repeat_interleave(heads // groups, 1)
        v = v.repeat_interleave(heads // groups, 1)
        scores = q @ k.transpose(-1, -2) + mask
        o = (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, length, heads * size)
        h = h + F.linear(o, wo.to(half)).float()
        y = rms_norm(h, ln2, eps).to(half)
        return h + F.linear(F.silu(F.linear(y, gate.to(half))) * F.linear(y, up.to(half)), down.to(half)).float()

    return block


class Forward:
    """Runs the whole model over padded rows of token ids; gives the final hidden states of all tokens."""

    def __init__(self, config, longest, compiled=False):
        self.config = config
        self.cos, self.sin = rotary_tables(config, longest)
        self.mask = torch.full((longest, longest), -1e9).triu(1).to(torch.bfloat16)
        self.block = make_block(config)
        if compiled:
            self.block = torch.compile(self.block, dynamic=True)

    def __call__(self, weights, ids):
        length = ids.shape[1]
        cos, sin, mask = self.cos[:length], self.sin[:length], self.mask[:length, :length]
        h = weights[EMBEDDING][ids]
        for layer in range(self.config["num_hidden_layers"]):
            h = self.block(h, cos, sin, mask, *(weights[weight_name(layer, part)] for part in LAYER_PARTS))
        return rms_norm(h, weights["model.norm.weight"], self.config["rms_norm_eps"])

    def logits(self, weights, hidden):
        """The logits of hidden states of shape (n, hidden_size)."""
        return F.linear(hidden.to(torch.bfloat16), weights[EMBEDDING].to(torch.bfloat16)).float()
