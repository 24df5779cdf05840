"""Makes a model folder of random weights for benchmarks: Qwen3, 30 million parameters, single precision.

Needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2   Usage: make_model.py OUT_FOLDER [tiny]
"""

import json
import shutil
import sys
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten
from mlx_lm.models import qwen3

SMALL = dict(num_hidden_layers=8, hidden_size=384, intermediate_size=2048, num_attention_heads=8,
             num_key_value_heads=4, head_dim=64, vocab_size=8192)
TINY = dict(num_hidden_layers=2, hidden_size=64, intermediate_size=1536, num_attention_heads=4,
            num_key_value_heads=2, head_dim=64, vocab_size=2048)

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
config = dict(model_type="qwen3", rms_norm_eps=1e-6, max_position_embeddings=65536, rope_theta=1000000.0,
              tie_word_embeddings=False, attention_bias=False, eos_token_id=1, torch_dtype="float32",
              **(TINY if "tiny" in sys.argv[2:] else SMALL))
mx.random.seed(7)
model = qwen3.Model(qwen3.ModelArgs.from_dict(config))


def value(name, p):
    """Unit norms; a large embedding, so that greedy output depends on the context."""
    if p.ndim == 1:
        return mx.ones(p.shape)
    return mx.random.normal(p.shape) * (1.0 if "embed_tokens" in name else 1.6 / p.shape[-1] ** 0.5)


model.update(tree_unflatten([(name, value(name, p)) for name, p in tree_flatten(model.parameters())]))
weights = dict(tree_flatten(model.parameters()))
mx.save_safetensors(str(out / "model.safetensors"), weights, metadata={"format": "mlx"})
(out / "config.json").write_text(json.dumps(config, indent=1))
demo = Path(__file__).parent.parent / "demo-model" / "model"
for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
    shutil.copy(demo / name, out / name)
print(out, sum(w.size for w in weights.values()) / 1e6, "million parameters")
