"""Tiny models with a head that predicts the token behind the next one (MTP), in the layout of raw folders.

usage: make_mtp_goldens.py [random|trained ...]   (needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2)

mlx-lm drops these weights. So the head is written out here (class Head): the embedding of token i, normed, and the hidden
state behind token i - 1, normed, joined in this order by one matrix; one block as the model has them; a norm; the model's
logits. The state that a further token is drafted with is the block's output, behind the norm for Qwen, before it for DeepSeek
and GLM. Source: arXiv:2412.19437, section 2.2; vLLM's deepseek_mtp.py and qwen3_next_mtp.py. The hidden state before the
first token is zero.

random: src/test/resources/goldens/mtp/NAME, for MtpGoldenTest: config.json, model.safetensors, golden.safetensors with
  prompt   int32  [1, P]       token ids
  logits   float32[1, P, V]    what the head says behind each of them
  chain    int32  [D]          the likeliest token behind the last one, and those that the head goes on with by itself
  steps    float32[D, V]       the logits of these
trained: NAME-trained, which learned to go on with what repeats, for MtpAcceptanceTest. Prints the share of right tokens.
"""
import json
import pathlib
import sys

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.models import deepseek_v3, glm4_moe, qwen3_5, qwen3_next
from mlx_lm.models.base import create_attention_mask
from mlx_lm.models.cache import KVCache
from mlx_lm.utils import _get_classes

from make_model import randomize

OUT = pathlib.Path(__file__).parent.parent / "resources" / "goldens" / "mtp"
PROMPT, CHAIN = 21, 4
DIMS = dict(hidden_size=32, num_hidden_layers=2, intermediate_size=48, num_attention_heads=2, num_key_value_heads=1,
            head_dim=16, rms_norm_eps=1e-6, vocab_size=96, max_position_embeddings=512, rope_theta=10000.0,
            tie_word_embeddings=False)
LINEAR = dict(linear_num_value_heads=2, linear_num_key_heads=1, linear_key_head_dim=16, linear_value_head_dim=16,
              linear_conv_kernel_dim=4, full_attention_interval=2, attention_bias=False)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, decoder_sparse_step=1, mlp_only_layers=[], norm_topk_prob=True,
               shared_expert_intermediate_size=16, moe_intermediate_size=16)
ROUTED = dict(moe_intermediate_size=16, n_shared_experts=1, n_routed_experts=4, num_experts_per_tok=2, norm_topk_prob=True,
              first_k_dense_replace=1, n_group=1, topk_group=1, num_nextn_predict_layers=1)
ROPE = dict(rope_theta=10000.0, partial_rotary_factor=0.5, type="default")


def text(model_type, **more):
    return {**DIMS, "model_type": model_type, **more}


CONFIGS = {
    "qwen3_next": text("qwen3_next", **LINEAR, **EXPERTS, partial_rotary_factor=0.5),
    "qwen3_5": dict(model_type="qwen3_5", text_config=text("qwen3_5_text", **LINEAR, rope_parameters=ROPE)),
    "qwen3_5_moe": dict(model_type="qwen3_5_moe",
                        text_config=text("qwen3_5_moe_text", **LINEAR, **EXPERTS, rope_parameters=ROPE)),
    "glm4_moe": text("glm4_moe", **ROUTED, routed_scaling_factor=1.0, use_qk_norm=True, attention_bias=True,
                     partial_rotary_factor=0.5, rope_scaling=None),
    "deepseek_v3": text("deepseek_v3", **ROUTED, num_key_value_heads=2, routed_scaling_factor=2.5, kv_lora_rank=16,
                        q_lora_rank=24, qk_rope_head_dim=8, v_head_dim=16, qk_nope_head_dim=16, topk_method="noaux_tc",
                        scoring_func="sigmoid", moe_layer_freq=1, attention_bias=False),
}
SMALL = dict(vocab_size=48, hidden_size=48)
TRAINED = {
    "qwen3_5": dict(model_type="qwen3_5", text_config=text("qwen3_5_text", **LINEAR, rope_parameters=ROPE) | SMALL),
    "glm4_moe": text("glm4_moe", use_qk_norm=True, attention_bias=False, partial_rotary_factor=0.5, rope_scaling=None,
                     num_nextn_predict_layers=1, first_k_dense_replace=9, **{k: v for k, v in ROUTED.items()
                     if k not in ("first_k_dense_replace", "num_nextn_predict_layers")}, routed_scaling_factor=1.0) | SMALL,
}


class Head(nn.Module):
    """A block and what stands around it. Its model is given, for embedding and logits are the model's."""

    def __init__(self, name, args):
        super().__init__()
        hidden, eps = args.hidden_size, args.rms_norm_eps
        self.qwen = name.startswith("qwen")
        self.enorm = nn.RMSNorm(hidden, eps=eps)
        self.hnorm = nn.RMSNorm(hidden, eps=eps)
        self.join = nn.Linear(2 * hidden, hidden, bias=False)
        self.last = nn.RMSNorm(hidden, eps=eps)
        layer = args.full_attention_interval - 1 if self.qwen else args.num_hidden_layers
        cls = {"qwen3_next": qwen3_next.Qwen3NextDecoderLayer, "qwen3_5": qwen3_5.DecoderLayer,
               "qwen3_5_moe": qwen3_5.DecoderLayer, "glm4_moe": glm4_moe.DecoderLayer,
               "deepseek_v3": deepseek_v3.DeepseekV3DecoderLayer}[name]
        self.block = cls(args, layer)

    def __call__(self, model, tokens, before, cache=None):
        embedded = self.enorm(model.model.embed_tokens(tokens))
        x = self.join(mx.concatenate([embedded, self.hnorm(before)], axis=-1))
        x = self.block(x, create_attention_mask(x, cache, return_array=True), cache)
        normed = self.last(x)
        return (normed if self.qwen else x), logits_of(model, normed)


def logits_of(model, normed):
    return model.lm_head(normed)


def before(hidden):
    """The states behind the tokens before, of those behind each token."""
    return mx.concatenate([mx.zeros_like(hidden[:, :1]), hidden[:, :-1]], axis=1)


def build(config):
    cls, args = _get_classes(config)
    whole = cls(args.from_dict(config))
    model = whole.language_model if hasattr(whole, "language_model") else whole
    return whole, model, Head(config["model_type"], model.args)


# ---- raw folders ----------------------------------------------------------------------------------------------------

def raw(name, model, head):
    """Names and shapes as the authors' folders have them."""
    if name.startswith("qwen"):
        around = {"enorm": "mtp.pre_fc_norm_embedding", "hnorm": "mtp.pre_fc_norm_hidden", "join": "mtp.fc",
                  "last": "mtp.norm", "block": "mtp.layers.0"}
    else:
        layer = f"model.layers.{model.args.num_hidden_layers}"
        around = {"enorm": layer + ".enorm", "hnorm": layer + ".hnorm", "join": layer + ".eh_proj",
                  "last": layer + ".shared_head.norm", "block": layer}
    tensors = dict(tree_flatten(model.parameters()))
    for key, value in tree_flatten(head.parameters()):
        part, _, rest = key.partition(".")
        tensors[f"{around[part]}.{rest}"] = value
    if not name.startswith("qwen"):
        # copies, which share the model's memory when they are loaded by others
        tensors[layer + ".embed_tokens.weight"] = tensors["model.embed_tokens.weight"]
        tensors[layer + ".shared_head.head.weight"] = tensors["lm_head.weight"]
    out = {}
    for key, value in tensors.items():
        key, value = raw_tensor(name, key, value)
        if ".switch_mlp." not in key:
            out[key] = value
        elif name != "qwen3_5_moe":
            for e in range(value.shape[0]):
                out[key.replace("switch_mlp", f"experts.{e}")] = value[e]
        elif "up_proj" in key:
            gate = tensors[key.replace("model.language_model.", "model.").replace("up_proj", "gate_proj")]
            out[key.replace("switch_mlp.up_proj.weight", "experts.gate_up_proj")] = mx.concatenate([gate, value], axis=1)
        elif "down_proj" in key:
            out[key.replace("switch_mlp.down_proj.weight", "experts.down_proj")] = value
    if name == "deepseek_v3":
        for key in [k for k in out if k.endswith(".embed_q.weight")]:
            keys = out.pop(key).swapaxes(-1, -2)
            values = out.pop(key.replace("embed_q", "unembed_out"))
            both = mx.concatenate([keys, values], axis=1)
            out[key.replace("embed_q", "kv_b_proj")] = both.reshape(-1, both.shape[-1])
    return {key: mx.contiguous(value) for key, value in out.items()}


def raw_tensor(name, key, value):
    if not name.startswith("qwen"):
        return key, value
    if key.endswith("conv1d.weight"):
        value = value.moveaxis(2, 1)
    elif "norm" in key and "linear_attn.norm" not in key:
        value = value - 1
    if name != "qwen3_next" and key.startswith("model."):
        key = "model.language_model." + key[len("model."):]
    return key, value


def save(folder, config, model, head):
    folder.mkdir(parents=True, exist_ok=True)
    name = config["model_type"]
    mx.save_safetensors(str(folder / "model.safetensors"), raw(name, model, head), metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")


# ---- random weights -------------------------------------------------------------------------------------------------

def make_random(name, config):
    whole, model, head = build(config)
    randomize(model, 11)
    randomize(head, 12)
    whole.eval(), head.eval()
    mx.random.seed(13)
    prompt = mx.random.randint(0, model.args.vocab_size, (1, PROMPT))
    hidden = model.model(prompt)
    cache = KVCache()
    state, logits = head(model, prompt, before(hidden), cache)
    chain, steps = [], []
    token, state = mx.argmax(logits[:, -1:], axis=-1), state[:, -1:]
    for _ in range(CHAIN):
        chain.append(token.item())
        state, row = head(model, token, state, cache)
        steps.append(row[0, 0])
        token = mx.argmax(row, axis=-1)
    folder = OUT / name
    save(folder, config, model, head)
    mx.save_safetensors(str(folder / "golden.safetensors"), {
        "prompt": prompt.astype(mx.int32), "logits": logits.astype(mx.float32),
        "chain": mx.array(chain, dtype=mx.int32), "steps": mx.stack(steps).astype(mx.float32)})
    print(name, sum(f.stat().st_size for f in folder.iterdir()), "bytes")


# ---- trained weights ------------------------------------------------------------------------------------------------

def sequences(rng, count, length, vocabulary):
    """Random patterns of 5 to 9 tokens, each again and again."""
    rows = []
    for _ in range(count):
        pattern = rng.integers(4, vocabulary, rng.integers(5, 10))
        rows.append(np.resize(pattern, length))
    return mx.array(np.stack(rows))


class Both(nn.Module):
    def __init__(self, model, head):
        super().__init__()
        self.model = model
        self.head = head

    def loss(self, tokens):
        hidden = self.model.model(tokens)
        main = nn.losses.cross_entropy(logits_of(self.model, hidden)[:, :-1], tokens[:, 1:])
        _, logits = self.head(self.model, tokens, before(hidden))
        ahead = nn.losses.cross_entropy(logits[:, :-1], tokens[:, 1:])
        return main.mean() + ahead.mean()


def make_trained(name, config, steps=1500, batch=32, length=36):
    mx.random.seed(5)
    rng = np.random.default_rng(5)
    whole, model, head = build(config)
    both = Both(model, head)
    schedule = optim.join_schedules([optim.linear_schedule(0, 3e-3, 100), optim.cosine_decay(3e-3, steps)], [100])
    optimizer = optim.AdamW(learning_rate=schedule, weight_decay=0.01)
    step = nn.value_and_grad(both, lambda m, x: m.loss(x))
    for i in range(steps):
        loss, gradients = step(both, sequences(rng, batch, length, model.args.vocab_size))
        gradients, _ = optim.clip_grad_norm(gradients, 1.0)
        optimizer.update(both, gradients)
        mx.eval(both.parameters(), optimizer.state)
        if i % 100 == 0:
            print(name, i, round(loss.item(), 3), flush=True)
    both.eval()
    tokens = sequences(rng, 200, length, model.args.vocab_size)
    hidden = model.model(tokens)
    for label, states in [("right", before(hidden)), ("no", mx.zeros_like(hidden)),
                          ("the next token's", hidden)]:
        _, logits = head(model, tokens, states)
        right = mx.argmax(logits[:, 20:-1], axis=-1) == tokens[:, 21:]
        print(f"{name}: {label} hidden states: {right.mean().item():.3f} right", flush=True)
    save(OUT / (name + "-trained"), config, model, head)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["random", "trained"]
    if "random" in wanted:
        for name, config in CONFIGS.items():
            make_random(name, config)
    for name, config in TRAINED.items():
        if "trained" in wanted or name + "-trained" in wanted:
            make_trained(name, config)
