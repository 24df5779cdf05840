"""Tiny models that see, in the layout that transformers saves, and what transformers computes for pictures.

    python make_tower_goldens.py OUT

pip install torch==2.15.0 transformers==5.24.0 safetensors numpy
Each OUT/NAME has config.json, model.safetensors and golden.safetensors: pixels.I as a vision tower takes them, the features of
all pictures in order, a prompt with their tokens, and its logits. Settings differ from those of the families' real models
where that shows more: windows smaller than a picture, patches that fill no square, layers other than the last.
"""

import math
import os
import sys

import numpy as np
import torch
import transformers as hf
from safetensors.numpy import save_file

HIDDEN = 16
IMAGE = 8


def text_config(kind, **settings):
    return dict(
        model_type=kind,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        intermediate_size=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=4,
        vocab_size=48,
        max_position_embeddings=512,
    ) | settings


def fill(model, norms_from_one):
    """Random weights of a size that keeps what goes through layers as large as it was, which bfloat16 holds exactly."""
    random = torch.Generator().manual_seed(11)
    tensors = list(model.named_parameters()) + list(model.named_buffers())
    for name, tensor in tensors:
        with torch.no_grad():
            noise = torch.randn(tensor.shape, generator=random)
            if name.endswith(("input_min", "output_min")):
                tensor.fill_(-0.8)
            elif name.endswith(("input_max", "output_max")):
                tensor.fill_(0.9)
            elif "inv_freq" in name or "embed_scale" in name or not tensor.dtype.is_floating_point:
                continue
            elif tensor.ndim >= 2:
                table = "embed_tokens" in name or "position_embedding" in name
                tensor.copy_(noise * (0.5 if table else 1 / math.sqrt(tensor[0].numel())))
            elif name.endswith("bias") or (norms_from_one and "norm" in name and "layer_norm" not in name):
                tensor.copy_(noise * 0.1)
            else:
                tensor.copy_(1 + noise * 0.1)
            tensor.copy_(tensor.bfloat16())
    model.eval()


def pixels(seed, *shape, low=-1):
    return np.random.default_rng(seed).uniform(low, 1, shape).astype(np.float32)


def prompt(*pictures):
    """Text, and the tokens of each picture, which are given as runs with a token between them."""
    random = np.random.default_rng(5)
    words = lambda count: random.integers(20, 48, count).tolist()
    ids = [2] + words(9)
    for runs in pictures:
        ids.append(6)
        for run in runs:
            ids += [IMAGE] * run + [7]
        ids += words(3)
    return ids


def save(folder, model, ids, pictures, features, **inputs):
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), use_cache=False, **inputs).logits
    golden = dict(prompt=np.array([ids], np.int32), features=features.numpy(), logits=logits.numpy())
    for i, picture in enumerate(pictures):
        golden[f"pixels.{i}"] = picture
    model.bfloat16().save_pretrained(folder)
    os.remove(os.path.join(folder, "generation_config.json"))
    save_file(golden, os.path.join(folder, "golden.safetensors"))
    print(os.path.basename(folder), tuple(features.shape), sum(os.path.getsize(f.path) for f in os.scandir(folder)))


def types(ids):
    return (torch.tensor([ids]) == IMAGE).long()


def gemma3(folder):
    """A window of 5 and pictures of 9 tokens; 7 patches a side, pooled by twos; a head that is not used."""
    config = hf.Gemma3Config(
        text_config=text_config("gemma3_text", sliding_window=5, query_pre_attn_scalar=4)
        | dict(layer_types=["sliding_attention", "full_attention"]),
        vision_config=dict(
            model_type="siglip_vision_model",
            hidden_size=24,
            intermediate_size=20,
            num_attention_heads=3,
            num_hidden_layers=2,
            patch_size=4,
            image_size=29,
        ),
        mm_tokens_per_image=9,
        image_token_index=IMAGE,
    )
    model = hf.Gemma3ForConditionalGeneration(config)
    fill(model, True)
    pictures = [pixels(seed, 3, 29, 29) for seed in (1, 2)]
    both = torch.tensor(np.stack(pictures))
    with torch.no_grad():
        features = model.model.get_image_features(both).pooler_output.reshape(-1, HIDDEN)
    ids = prompt([9], [9])
    save(folder, model, ids, pictures, features, pixel_values=both, token_type_ids=types(ids))


def gemma4(folder, text, vision):
    """A window of 4 and pictures of up to 15 tokens, of different sizes; fewer heads of keys than of queries."""
    config = hf.Gemma4Config(
        text_config=text_config(
            "gemma4_text",
            global_head_dim=8,
            sliding_window=4,
            vocab_size_per_layer_input=48,
            num_hidden_layers=4,
            layer_types=["sliding_attention", "full_attention"] * 2,
        )
        | text,
        vision_config=dict(
            model_type="gemma4_vision",
            hidden_size=16,
            intermediate_size=20,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=4,
            num_hidden_layers=2,
            patch_size=4,
            pooling_kernel_size=2,
            position_embedding_size=16,
        )
        | vision,
        audio_config=None,
        image_token_id=IMAGE,
        boi_token_id=6,
        eoi_token_id=7,
        audio_token_id=11,
        video_token_id=12,
    )
    model = hf.Gemma4ForConditionalGeneration(config)
    fill(model, False)
    pictures = [pixels(1, 3, 24, 40, low=0), pixels(2, 3, 16, 32, low=0)]
    length = max(p.shape[1] * p.shape[2] // 16 for p in pictures)
    rows, places = [], []
    for p in pictures:
        down, across = p.shape[1] // 4, p.shape[2] // 4
        patches = p.reshape(3, down, 4, across, 4).transpose(1, 3, 2, 4, 0).reshape(down * across, -1)
        place = np.stack(np.meshgrid(np.arange(across), np.arange(down), indexing="xy"), -1).reshape(-1, 2)
        rows.append(np.pad(patches, ((0, length - len(patches)), (0, 0))))
        places.append(np.pad(place, ((0, length - len(place)), (0, 0)), constant_values=-1))
    rows, places = torch.tensor(np.stack(rows)), torch.tensor(np.stack(places))
    with torch.no_grad():
        features = torch.cat(list(model.model.get_image_features(rows, places).pooler_output))
    ids = prompt(*[[p.shape[1] * p.shape[2] // 64] for p in pictures])
    inputs = dict(pixel_values=rows, image_position_ids=places, mm_token_type_ids=types(ids))
    save(folder, model, ids, pictures, features, **inputs)


def pixtral(folder, model, down, across, runs):
    fill(model, False)
    picture = pixels(1, 3, 4 * down, 4 * across)
    inputs = dict(pixel_values=torch.tensor(picture)[None], image_sizes=torch.tensor([[4 * down, 4 * across]]))
    with torch.no_grad():
        features = torch.cat(list(model.model.get_image_features(**inputs).pooler_output))
    save(folder, model, prompt(runs), [picture], features, **inputs)


def pixtral_vision(**settings):
    sizes = dict(hidden_size=16, intermediate_size=20, num_attention_heads=2, num_hidden_layers=3, patch_size=4)
    return dict(model_type="pixtral", image_size=32) | sizes | settings


def mistral3(folder):
    """Squares of 3 by 3 patches, biases, another base of positions, the outputs of the last layer but one."""
    config = hf.Mistral3Config(
        text_config=text_config("mistral", sliding_window=None, rms_norm_eps=1e-3, tie_word_embeddings=False),
        vision_config=pixtral_vision(hidden_act="gelu", rope_parameters=dict(rope_type="axial", rope_theta=500.0)),
        spatial_merge_size=3,
        multimodal_projector_bias=True,
        vision_feature_layer=-2,
        image_token_index=IMAGE,
        projector_hidden_act="gelu_pytorch_tanh",
        tie_word_embeddings=False,
    )
    pixtral(folder, hf.Mistral3ForConditionalGeneration(config), 6, 12, [4, 4])


def llava(folder):
    """A token for each patch, from two layers side by side."""
    config = hf.LlavaConfig(
        text_config=text_config("mistral", sliding_window=None, tie_word_embeddings=False),
        vision_config=pixtral_vision(hidden_act="silu"),
        vision_feature_layer=[-1, -3],
        vision_feature_select_strategy="full",
        image_token_index=IMAGE,
        tie_word_embeddings=False,
    )
    pixtral(folder, hf.LlavaForConditionalGeneration(config), 3, 5, [5, 5, 5])


def idefics3(folder, side, scale, tiles, tied):
    """Patches of 2 pixels, and a last one that is cut off."""
    config = hf.Idefics3Config(
        text_config=text_config("llama", tie_word_embeddings=tied, pad_token_id=0),
        vision_config=dict(
            hidden_size=16,
            intermediate_size=20,
            num_attention_heads=2,
            num_hidden_layers=2,
            patch_size=2,
            image_size=2 * side + 1,
        ),
        scale_factor=scale,
        image_token_id=IMAGE,
        tie_word_embeddings=tied,
    )
    model = hf.Idefics3ForConditionalGeneration(config)
    fill(model, False)
    picture = pixels(1, tiles, 3, 2 * side + 1, 2 * side + 1)
    values = torch.tensor(picture)[None]
    with torch.no_grad():
        features = torch.cat(list(model.model.get_image_features(values).pooler_output)).reshape(-1, HIDDEN)
    ids = prompt([len(features) // tiles] * tiles)
    save(folder, model, ids, [picture], features, pixel_values=values)


def main(out):
    gemma3(f"{out}/gemma3")
    wide = dict(attention_k_eq_v=True, num_global_key_value_heads=1, num_kv_shared_layers=0)
    wide |= dict(hidden_size_per_layer_input=0, use_bidirectional_attention="vision", use_double_wide_mlp=False)
    gemma4(f"{out}/gemma4", wide, dict(standardize=True))
    small = dict(num_kv_shared_layers=2, hidden_size_per_layer_input=4, use_double_wide_mlp=True, pad_token_id=3)
    gemma4(f"{out}/gemma4-shared", small | dict(use_bidirectional_attention="vision"), dict(use_clipped_linears=True))
    mistral3(f"{out}/mistral3")
    llava(f"{out}/llava")
    idefics3(f"{out}/idefics3", 27, 3, 1, False)
    idefics3(f"{out}/idefics3-tied", 6, 3, 4, True)


if __name__ == "__main__":
    main(sys.argv[1])
