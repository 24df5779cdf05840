"""Makes the model folders of the benchmarks: random weights from a fixed seed, no use but for timing.

Needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2   Usage: make_models.py FOLDER [NAME ...]
"""

import json
import sys
import zlib
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models import llama, qwen3
from mlx_lm.utils import quantize_model, save_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEMPLATE = (
    "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + '\\n' + (m['content'] or '') }}"
    "{%- for c in m['tool_calls'] or [] %}{{- '<tool_call>' + (c['function'] | tojson) + '</tool_call>' }}{%- endfor %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>"]
# layers, hidden, inner, heads, KV heads, head dim, vocabulary
SHAPES = {"tiny-qwen3": (qwen3, 2, 64, 1536, 4, 2, 64, 1024),
          "small-qwen3": (qwen3, 8, 384, 2048, 8, 4, 64, 8192),
          "small-llama": (llama, 8, 512, 2048, 8, 4, 64, 8192),
          # a model, and one that drafts for it: its first layers, and what the others add is small
          "pair-qwen3": (qwen3, 12, 512, 2048, 8, 4, 64, 8192),
          "draft-qwen3": (qwen3, 1, 512, 2048, 8, 4, 64, 8192)}
SMALL_FROM, SMALL = 1, 0.06
ALL = ["tiny-qwen3-fp32", "small-qwen3-fp32", "small-qwen3-bf16", "small-qwen3-fp16", "small-qwen3-q4",
       "small-llama-fp32", "small-llama-bf16", "small-llama-q4", "pair-qwen3-fp32", "draft-qwen3-fp32"]
TYPES = {"fp32": mx.float32, "bf16": mx.bfloat16, "fp16": mx.float16, "q4": mx.bfloat16}


def tokenizer(vocabulary):
    """Byte-level BPE, trained on Python's own standard library, which is text that every machine has."""
    files = sorted(str(f) for f in Path(json.__file__).parent.parent.glob("*.py"))
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.train(files, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=SPECIAL, show_progress=False,
                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return made


def write_tokenizer(folder, made):
    """Writes the tokenizer's files and returns the ids of the special tokens."""
    made.save(str(folder / "tokenizer.json"))
    ids = {text: made.token_to_id(text) for text in SPECIAL}
    added = {str(i): {"content": text, "special": text.startswith("<|"), "lstrip": False, "rstrip": False,
                      "normalized": False, "single_word": False} for text, i in ids.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "bos_token": None, "model_max_length": 65536, "chat_template": TEMPLATE, "added_tokens_decoder": added}, indent=1))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [ids["<|im_end|>"]]}))
    return ids


def value(base, name, p):
    """Unit norms; a large embedding, so that greedy output depends on the context."""
    if p.ndim == 1:
        return mx.ones(p.shape)
    if base in ("pair-qwen3", "draft-qwen3"):
        mx.random.seed(zlib.crc32(name.encode()))  # equal names are equal in both
    random = mx.random.normal(p.shape) * (1.0 if "embed_tokens" in name else 1.6 / p.shape[-1] ** 0.5)
    layer = name.split(".")[2] if name.startswith("model.layers.") else "0"
    adds = name.endswith(("o_proj.weight", "down_proj.weight"))
    return random * SMALL if base == "pair-qwen3" and adds and int(layer) >= SMALL_FROM else random


def make(folder, name):
    """Makes one model folder."""
    base, kind = name.rsplit("-", 1)
    module, layers, hidden, inner, heads, kv_heads, head_dim, vocabulary = SHAPES[base]
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tokenizer(folder, tokenizer(vocabulary))
    model_type = base.split("-")[1]
    config = dict(
        model_type=model_type, hidden_size=hidden, num_hidden_layers=layers, intermediate_size=inner,
        num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_dim, rms_norm_eps=1e-6,
        vocab_size=vocabulary, max_position_embeddings=65536, rope_theta=1000000.0, tie_word_embeddings=False,
        hidden_act="silu", attention_bias=False, bos_token_id=ids["<|endoftext|>"], eos_token_id=ids["<|im_end|>"],
        architectures=["Qwen3ForCausalLM" if module is qwen3 else "LlamaForCausalLM"], initializer_range=0.02,
        torch_dtype={"fp32": "float32", "fp16": "float16"}.get(kind, "bfloat16"))
    if module is llama:
        config["mlp_bias"] = False
    mx.random.seed(7)
    model = module.Model(module.ModelArgs.from_dict(config))
    model.update(tree_unflatten([(n, value(base, n, p)) for n, p in tree_flatten(model.parameters())]))
    mx.eval(model.parameters())
    model.set_dtype(TYPES[kind])
    if kind == "q4":
        model, config = quantize_model(model, config, 64, 4)
    save_model(str(folder), model)
    (folder / "config.json").write_text(json.dumps(config, indent=1))


root = Path(sys.argv[1])
for wanted in sys.argv[2:] or ALL:
    if not (root / wanted / "config.json").exists():
        make(root / wanted, wanted)
        print(root / wanted, flush=True)
