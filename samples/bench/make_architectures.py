"""Makes a small model of each architecture for the benchmark: random weights from a fixed seed, no use but for timing.

Needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2   Usage: make_architectures.py FOLDER [NAME ...]
Prints the names. What is there already is left alone.
"""

import sys
from pathlib import Path

import mlx.core as mx
from mlx_lm.utils import _get_classes

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "langchain4j-mlx/src/test/scripts"))
from make_model import randomize, save

BASE = dict(hidden_size=256, num_hidden_layers=4, intermediate_size=512, num_attention_heads=8, num_key_value_heads=4,
            head_dim=32, rms_norm_eps=1e-6, vocab_size=2048, max_position_embeddings=4096, rope_theta=10000.0,
            tie_word_embeddings=False)
LAYERS = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]
ROPE = dict(rope_theta=10000.0, rope_type="default")
DELTA = dict(linear_num_value_heads=8, linear_num_key_heads=4, linear_key_head_dim=32, linear_value_head_dim=32,
             linear_conv_kernel_dim=4, full_attention_interval=4, attention_bias=False)
EXPERTS = dict(num_experts=8, num_experts_per_tok=2, moe_intermediate_size=128, norm_topk_prob=True,
               decoder_sparse_step=1, mlp_only_layers=[])
SHARED = dict(shared_expert_intermediate_size=128)
ROUTED = dict(moe_intermediate_size=128, n_shared_experts=1, n_routed_experts=8, routed_scaling_factor=1.0, n_group=2,
              topk_group=1, num_experts_per_tok=2, first_k_dense_replace=1, norm_topk_prob=True, attention_bias=False)
PARTIAL = dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5)
GEMMA4_ROPE = dict(
    full_attention=dict(partial_rotary_factor=0.25, rope_theta=1000000.0, rope_type="proportional"),
    sliding_attention=dict(partial_rotary_factor=1.0, rope_theta=10000.0, rope_type="default"))
LATENT = dict(kv_lora_rank=64, q_lora_rank=64, qk_rope_head_dim=16, v_head_dim=32, qk_nope_head_dim=32)
DEEPSEEK = dict(**ROUTED, **LATENT, topk_method="noaux_tc", scoring_func="sigmoid", moe_layer_freq=1)
INDEXED = dict(DEEPSEEK, index_head_dim=32, index_n_heads=8, index_topk=256)
MAMBA = dict(mamba_n_heads=16, mamba_d_head=32, mamba_d_state=64, mamba_d_conv=4, mamba_n_groups=1, mamba_conv_bias=True,
             mamba_proj_bias=False, attention_bias=False, mlp_bias=False)
MINISTRAL = dict(sliding_window=512, layer_types=LAYERS, rope_parameters={
    **ROPE, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 4096})
GEMMA3 = dict(sliding_window=512, sliding_window_pattern=4, query_pre_attn_scalar=32)
GEMMA4 = dict(
    global_head_dim=64, vocab_size_per_layer_input=2048, num_global_key_value_heads=2, num_kv_shared_layers=1,
    hidden_size_per_layer_input=32, sliding_window=512, sliding_window_pattern=2, attention_k_eq_v=False,
    final_logit_softcapping=30.0, use_double_wide_mlp=False, enable_moe_block=False, tie_word_embeddings=True,
    layer_types=["sliding_attention", "full_attention"] * 2, rope_parameters=GEMMA4_ROPE)
LFM2 = dict(norm_eps=1e-5, conv_bias=False, conv_L_cache=3, layer_types=["conv", "full_attention"] * 2)


def wrapped(model_type, /, **text):
    """The language model of one that sees."""
    text = {**BASE, "model_type": model_type + "_text", **text}
    return dict(model_type=model_type, vocab_size=text["vocab_size"], text_config=text)


CONFIGS = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "smollm3": dict(no_rope_layer_interval=4),
    "ministral3": MINISTRAL,
    "mistral3": wrapped("mistral3", **MINISTRAL, model_type="ministral3"),
    "phi3": dict(num_key_value_heads=8),
    "gemma2": dict(query_pre_attn_scalar=32, attn_logit_softcapping=50.0, final_logit_softcapping=30.0),
    "gemma3_text": GEMMA3,
    "gemma3": wrapped("gemma3", **GEMMA3),
    "gemma4_text": GEMMA4,
    "gemma4": wrapped("gemma4", **GEMMA4),
    "gpt_oss": dict(sliding_window=128, num_local_experts=8, num_experts_per_tok=2,
                    layer_types=["sliding_attention", "full_attention"] * 2, rope_scaling=dict(
                        rope_type="yarn", factor=4.0, original_max_position_embeddings=1024, beta_fast=32.0,
                        beta_slow=1.0, truncate=False)),
    "olmo2": {},
    "olmoe": dict(num_experts=8, num_experts_per_tok=2),
    "granite": dict(attention_bias=False, mlp_bias=False, attention_multiplier=0.2, embedding_multiplier=2.0,
                    residual_multiplier=0.5, logits_scaling=2.0, rope_scaling=None),
    "cohere2": dict(sliding_window=512, sliding_window_pattern=4),
    "glm4": dict(partial_rotary_factor=0.5, attention_bias=True),
    "glm4_moe": dict(**ROUTED, use_qk_norm=True, partial_rotary_factor=0.5, rope_scaling=None),
    "mixtral": dict(num_local_experts=8, num_experts_per_tok=2),
    "qwen3_moe": EXPERTS,
    "deepseek_v2": dict(DEEPSEEK, topk_method="greedy", norm_topk_prob=False, rope_scaling=dict(
        type="yarn", factor=4.0, original_max_position_embeddings=1024, mscale=0.707, mscale_all_dim=0.707)),
    "deepseek_v3": DEEPSEEK,
    "deepseek_v32": INDEXED,
    "glm4_moe_lite": DEEPSEEK,
    "glm_moe_dsa": dict(INDEXED, rope_parameters=ROPE),
    "longcat_flash": dict(LATENT, attention_method="MLA", zero_expert_type="identity", ffn_hidden_size=512, moe_topk=2,
                          expert_ffn_hidden_size=128, n_routed_experts=8, zero_expert_num=2, num_layers=2,
                          routed_scaling_factor=1.0, mla_scale_q_lora=True, mla_scale_kv_lora=True, attention_bias=False),
    "kimi_linear": dict(LATENT, q_lora_rank=None, model_max_length=4096, num_experts=8, num_experts_per_token=2,
                        moe_intermediate_size=128, num_shared_experts=1, first_k_dense_replace=1, linear_attn_config=dict(
                            kda_layers=[1, 2, 3], full_attn_layers=[4], num_heads=8, head_dim=32,
                            short_conv_kernel_size=4)),
    "nemotron_h": dict(ROUTED, hybrid_override_pattern="ME*-", num_hidden_layers=4, mamba_num_heads=16, mamba_head_dim=32,
                       ssm_state_size=64, conv_kernel=4, n_groups=2, mamba_proj_bias=False, use_bias=False,
                       use_conv_bias=True, mlp_bias=False, layer_norm_epsilon=1e-5,
                       moe_shared_expert_intermediate_size=128),
    "granitemoehybrid": dict(MAMBA, num_local_experts=8, num_experts_per_tok=2, shared_intermediate_size=128,
                             layer_types=["mamba", "attention"] * 2, attention_multiplier=0.2, embedding_multiplier=2.0,
                             residual_multiplier=0.5, logits_scaling=2.0, position_embedding_type="nope"),
    "falcon_h1": dict(MAMBA, mamba_d_ssm=512, rope_scaling=None),
    "gemma3n": wrapped("gemma3n", num_kv_shared_layers=2, vocab_size_per_layer_input=2048, sliding_window=512,
                       rope_local_base_freq=10000.0, final_logit_softcapping=30.0, hidden_size_per_layer_input=32,
                       layer_types=["sliding_attention", "full_attention"] * 2, altup_num_inputs=4, altup_coef_clip=120.0,
                       activation_sparsity_pattern=[0.95, 0.0, 0.0, 0.0], altup_correct_scale=True, altup_active_idx=0,
                       laurel_rank=16),
    "step3p5": dict(num_attention_groups=4, layer_types=LAYERS, sliding_window=512, moe_num_experts=8, moe_top_k=2,
                    moe_intermediate_size=128, share_expert_dim=128),
    "laguna": dict(layer_types=LAYERS, sliding_window=512, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=128,
                   shared_expert_intermediate_size=128, rope_parameters=dict(full_attention=ROPE, sliding_attention=ROPE)),
    "lfm2": dict(**LFM2, block_dim=256, block_ff_dim=512, block_multiple_of=32, block_ffn_dim_multiplier=1.0,
                 block_auto_adjust_ff_dim=False, full_attn_idxs=[1, 3]),
    "lfm2_moe": dict(**LFM2, moe_intermediate_size=128, num_experts=8, num_experts_per_tok=2, norm_topk_prob=True,
                     num_dense_layers=1, use_expert_bias=True),
    "mamba2": dict(num_heads=16, head_dim=32, intermediate_size=512, state_size=64, layer_norm_epsilon=1e-5, expand=2,
                   conv_kernel=4, n_groups=2, use_bias=False, use_conv_bias=True, tie_word_embeddings=True,
                   time_step_limit=[0.01, 10.0], time_step_rank="auto"),
    "ernie4_5": dict(use_bias=False, tie_word_embeddings=True),
    "ernie4_5_moe": dict(use_bias=False, tie_word_embeddings=True, moe_num_experts=8, moe_k=2, moe_intermediate_size=128,
                         moe_num_shared_experts=1, moe_layer_start_index=1),
    "exaone4": dict(sliding_window=512, sliding_window_pattern="LLLG", rope_scaling=None),
    "hunyuan_v1_dense": dict(rope_scaling=dict(type="dynamic", alpha=1000.0, factor=1.0)),
    "internlm2": dict(bias=False),
    "internlm3": {},
    "seed_oss": dict(attention_bias=True),
    "olmo3": dict(sliding_window=512),
    "phi": dict(partial_rotary_factor=0.5),
    "phimoe": dict(num_local_experts=8, num_experts_per_tok=2),
    "qwen2_moe": dict(**{**EXPERTS, "norm_topk_prob": False}, **SHARED),
    "qwen3_vl": wrapped("qwen3_vl"),
    "qwen3_vl_moe": wrapped("qwen3_vl_moe", **EXPERTS),
    "stablelm": dict(use_qkv_bias=True, partial_rotary_factor=0.25, layer_norm_eps=1e-5),
    "starcoder2": dict(norm_epsilon=1e-5, tie_word_embeddings=True),
    "apertus": dict(mlp_bias=False, attention_bias=False, post_norm=False, qk_norm=True),
    "minimax_m2": dict(num_local_experts=8, num_experts_per_tok=2, shared_intermediate_size=0, rotary_dim=16),
    "bailing_moe": dict(num_experts=8, num_experts_per_tok=2, moe_intermediate_size=128, num_shared_experts=1,
                        first_k_dense_replace=1, norm_topk_prob=True, use_qk_norm=True, partial_rotary_factor=0.5,
                        moe_router_enable_expert_bias=True, score_function="sigmoid", n_group=2, topk_group=1),
    "cohere": dict(use_qk_norm=True, layer_norm_eps=1e-5, tie_word_embeddings=True),
    "dots1": dict(**ROUTED),
    "exaone": dict(num_layers=4, layer_norm_epsilon=1e-5),
    "gemma": {},
    "mimo": {},
    "nemotron": dict(hidden_act="relu2", norm_eps=1e-5),
    "qwen3_next": dict(**EXPERTS, **SHARED, **DELTA, partial_rotary_factor=0.5),
    "qwen3_5": wrapped("qwen3_5", **DELTA, rope_parameters=PARTIAL),
    "qwen3_5_moe": wrapped("qwen3_5_moe", **DELTA, **EXPERTS, **SHARED, rope_parameters=PARTIAL),
}


if __name__ == "__main__":
    root = Path(sys.argv[1])
    mx.set_default_device(mx.cpu)
    for name in sys.argv[2:] or CONFIGS:
        settings = CONFIGS[name]
        if "text_config" not in settings:
            settings = {**BASE, "model_type": name, **settings}
        if not (root / name / "config.json").exists():
            cls, arguments = _get_classes(settings)
            model = cls(arguments.from_dict(settings))
            randomize(model, 7)
            save(model, settings, root / name)
        print(name, flush=True)
