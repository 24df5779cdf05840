"""Tiny random text encoders in the layout of sentence-transformers, with the vectors that a reference computes for them.

Usage: make_embeddings.py OUT_DIR [FOLDER]     (needs: pip install numpy tokenizers safetensors mlx-lm==0.32.2)

Every folder OUT_DIR/NAME holds a model and expected.json: texts, their vectors one text at a time (no padding), the
vectors of queries and documents where there are prompts, and the number of tokens. BERT and its kin are computed in NumPy
from the papers, Qwen3 by mlx-lm. With FOLDER, the vectors of that BERT folder are written to OUT_DIR/expected.json.
"""
import json, math, pathlib, sys
import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

TEXTS = ["the cat sat on the mat", "a dog", "Trains to Lisbon leave at noon, and the first one is the best one of all trains",
         "  the CAT sat  ", "on", "weather in Porto: fog"]
WORDS = "the a cat dog sat on mat train ##s to lisbon leave at noon and first one is best of all weather in porto fog , : query passage".split()


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1 + erf(x / math.sqrt(2))),
    "gelu_new": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
}


def norm(x, w, name, eps):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * w[name + ".weight"] + w[name + ".bias"]


def linear(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def bert(c, w, ids):
    """Vectors of tokens, in double precision."""
    distil = c["model_type"] == "distilbert"
    eps = c.get("layer_norm_eps", 1e-12)
    heads = c["n_heads"] if distil else c["num_attention_heads"]
    first = c["pad_token_id"] + 1 if "roberta" in c["model_type"] else 0
    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][first : first + len(ids)]
    if not distil:
        x = x + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, w, "embeddings.LayerNorm", eps)
    names = ["attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2",
             "output_layer_norm"] if distil else [
             "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
             "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"]
    act = ACTIVATIONS[c["activation" if distil else "hidden_act"]]
    for i in range(c["n_layers"] if distil else c["num_hidden_layers"]):
        q, k, v, o, n1, up, down, n2 = [("transformer.layer." if distil else "encoder.layer.") + f"{i}." + n for n in names]
        def split(t):
            return t.reshape(len(ids), heads, -1).transpose(1, 0, 2)
        a, b, d = split(linear(x, w, q)), split(linear(x, w, k)), split(linear(x, w, v))
        scores = a @ b.transpose(0, 2, 1) / math.sqrt(a.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ d).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(mixed, w, o), w, n1, eps)
        x = norm(x + linear(act(linear(x, w, up)), w, down), w, n2, eps)
    return x


def pool(x, ways, skipped=0):
    y, n = x[skipped:], len(x) - skipped
    place = np.arange(skipped + 1, len(x) + 1)[:, None]
    made = {"cls_token": x[0], "max_tokens": y.max(0), "mean_tokens": y.mean(0), "mean_sqrt_len_tokens": y.sum(0) / math.sqrt(n),
            "weightedmean_tokens": (y * place).sum(0) / place.sum(), "lasttoken": x[-1]}
    return np.concatenate([made[way] for way in ways])


def cut(tokenizer, text, limit):
    """Ids with their special tokens, at most so many."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(limit)
    return tokenizer.encode(text.strip()).ids


def wordpiece(lower):
    vocab = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + WORDS)}
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lower)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return t


def byte_level(special, single):
    vocab = {w: i for i, w in enumerate(special + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "t"), ("Ġ", "c"), ("Ġc", "at"), ("o", "n"), ("y", "e"), ("ye", "s"), ("n", "o")]
    for a, b in merges:
        vocab[a + b] = len(vocab)
    t = Tokenizer(models.BPE(vocab, merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.TemplateProcessing(single=single, special_tokens=[(s, vocab[s]) for s in special if s in single])
    t.add_special_tokens(special)
    return t


def weights(c, vocabulary, rng):
    distil = c["model_type"] == "distilbert"
    h, inner = (c["dim"], c["hidden_dim"]) if distil else (c["hidden_size"], c["intermediate_size"])
    w = {}
    def matrix(name, *shape): w[name] = rng.normal(0, 0.3, shape).astype(np.float32)
    def lin(name, i, o): matrix(name + ".weight", o, i), matrix(name + ".bias", o)
    def ln(name): w[name + ".weight"], w[name + ".bias"] = (1 + rng.normal(0, 0.2, h)).astype(np.float32), rng.normal(0, 0.2, h).astype(np.float32)
    matrix("embeddings.word_embeddings.weight", vocabulary, h)
    matrix("embeddings.position_embeddings.weight", c["max_position_embeddings"], h)
    if not distil:
        matrix("embeddings.token_type_embeddings.weight", c["type_vocab_size"], h)
    ln("embeddings.LayerNorm")
    for i in range(2):
        if distil:
            p = f"transformer.layer.{i}."
            for n in "qkv": lin(p + f"attention.{n}_lin", h, h)
            lin(p + "attention.out_lin", h, h), ln(p + "sa_layer_norm"), lin(p + "ffn.lin1", h, inner), lin(p + "ffn.lin2", inner, h)
            ln(p + "output_layer_norm")
        else:
            p = f"encoder.layer.{i}."
            for n in ("query", "key", "value"): lin(p + "attention.self." + n, h, h)
            lin(p + "attention.output.dense", h, h), ln(p + "attention.output.LayerNorm")
            lin(p + "intermediate.dense", h, inner), lin(p + "output.dense", inner, h), ln(p + "output.LayerNorm")
    return w


def dump(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def settings(folder, ways, normalize, limit=None, prompts=None, include_prompt=True, default=None, types="sentence_transformers.models."):
    modules = [dict(idx=0, name="0", path="", type=types + "Transformer"), dict(idx=1, name="1", path="1_Pooling", type=types + "Pooling")]
    if normalize:
        modules.append(dict(idx=2, name="2", path="2_Normalize", type=types + "Normalize"))
    dump(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    flags = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"]
    dump(folder / "1_Pooling/config.json", {**{"pooling_mode_" + f: f in ways for f in flags}, "include_prompt": include_prompt})
    if limit:
        dump(folder / "sentence_bert_config.json", dict(max_seq_length=limit, do_lower_case=False))
    if prompts:
        dump(folder / "config_sentence_transformers.json", dict(prompts=prompts, default_prompt_name=default, similarity_fn_name="cosine"))


def unit(v, normalize):
    return v / np.linalg.norm(v) if normalize else v


def expected(folder, vector, tokens, prompts):
    def rows(prompt): return [[round(float(x), 6) for x in vector(prompt, t)] for t in TEXTS]
    value = dict(texts=TEXTS, vectors=rows(""), tokens=sum(tokens(t) for t in TEXTS))
    for name, prompt in (prompts or {}).items():
        value[name] = rows(prompt)
    dump(folder / "expected.json", value)


def write_bert(out, name, config, tokenizer, ways, normalize, limit, prompts=None, include_prompt=True, prefix=""):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = {**config, "vocab_size": tokenizer.get_vocab_size()}
    w = weights(config, config["vocab_size"], np.random.default_rng(len(name)))
    extra = {"pooler.dense.weight": np.zeros((2, 2), np.float32), "embeddings.position_ids": np.zeros((1, 4), np.int64)}
    save_file({prefix + k: v for k, v in {**w, **extra}.items()}, folder / "model.safetensors")
    dump(folder / "config.json", config)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings(folder, ways, normalize, limit, prompts, include_prompt)
    double = {k: v.astype(np.float64) for k, v in w.items()}
    def vector(prompt, text):
        ids = cut(tokenizer, prompt + text, limit)
        skipped = 0 if include_prompt or not prompt else len(cut(tokenizer, prompt, 1000)) - 1
        return unit(pool(bert(config, double, ids), ways, skipped), normalize)
    expected(folder, vector, lambda t: len(cut(tokenizer, t, limit)), prompts)


def write_qwen3(out, name):
    import mlx.core as mx
    from mlx.utils import tree_flatten
    from mlx_lm.models import qwen3
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
    tokenizer = byte_level(special, "$A <|endoftext|>")
    config = dict(model_type="qwen3", hidden_size=32, num_hidden_layers=2, intermediate_size=48, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=8, rms_norm_eps=1e-6, vocab_size=tokenizer.get_vocab_size(),
                  max_position_embeddings=1024, rope_theta=10000.0, tie_word_embeddings=True)
    mx.random.seed(7)
    model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
    flat = {k: mx.random.normal(v.shape) * 0.3 if "norm" not in k else 1 + 0.2 * mx.random.normal(v.shape) for k, v in tree_flatten(model.parameters())}
    model.load_weights(list(flat.items()))
    # Saved without the head, names do not begin with "model.".
    mx.save_safetensors(str(folder / "model.safetensors"), {k.removeprefix("model."): v for k, v in flat.items()})
    dump(folder / "config.json", config)
    dump(folder / "tokenizer_config.json", dict(model_max_length=1024, eos_token="<|endoftext|>", chat_template="{{ messages[0].content }}"))
    tokenizer.save(str(folder / "tokenizer.json"))
    prompts = dict(query="Instruct: find passages\nQuery:", document="")
    settings(folder, ["lasttoken"], True, None, prompts)
    def vector(prompt, text):
        ids = tokenizer.encode((prompt + text).strip()).ids
        return unit(np.array(model.model(mx.array([ids]))[0, -1].astype(mx.float32)), True)
    expected(folder, vector, lambda t: len(tokenizer.encode(t.strip()).ids), prompts)
    before = ('<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. '
              'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n')
    after = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    def ids(text): return tokenizer.encode(text, add_special_tokens=False).ids
    query, task = "where do cats sit", "Given a web search query, retrieve relevant passages that answer the query"
    scores = []
    for text in TEXTS:
        prompt = ids(before) + ids(f"<Instruct>: {task}\n<Query>: {query}\n<Document>: {text}") + ids(after)
        logits = model(mx.array([prompt]))[0, -1]
        both = mx.softmax(mx.array([logits[tokenizer.token_to_id("no")], logits[tokenizer.token_to_id("yes")]]).astype(mx.float32))
        scores.append(round(float(both[1]), 6))
    dump(folder / "scores.json", dict(query=query, texts=TEXTS, scores=scores))


def main():
    out = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        folder = pathlib.Path(sys.argv[2])
        config, w = json.loads((folder / "config.json").read_text()), load_file(folder / "model.safetensors")
        double = {k.removeprefix("bert."): v.astype(np.float64) for k, v in w.items() if v.dtype == np.float32}
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
        expected(out, lambda p, t: unit(pool(bert(config, double, cut(tokenizer, p + t, limit)), ["mean_tokens"]), True),
                 lambda t: len(cut(tokenizer, t, limit)), None)
        return
    base = dict(hidden_size=24, num_hidden_layers=2, intermediate_size=40, num_attention_heads=4, max_position_embeddings=40,
                type_vocab_size=2, layer_norm_eps=1e-12, hidden_act="gelu", pad_token_id=0, position_embedding_type="absolute")
    write_bert(out, "bert-mean", {**base, "model_type": "bert"}, wordpiece(True), ["mean_tokens"], True, 10)
    write_bert(out, "roberta-cls", {**base, "model_type": "roberta", "pad_token_id": 1, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
                                    "hidden_act": "gelu_new", "max_position_embeddings": 66},
               byte_level(["<s>", "<pad>", "</s>"], "<s> $A </s>"), ["cls_token"], False, 64,
               dict(query="query: ", passage="passage: "), prefix="roberta.")
    write_bert(out, "xlm-roberta-mean", {**base, "model_type": "xlm-roberta", "pad_token_id": 1, "type_vocab_size": 1,
                                         "max_position_embeddings": 130},
               byte_level(["<s>", "<pad>", "</s>"], "<s> $A </s>"), ["mean_tokens", "weightedmean_tokens"], True, 128,
               dict(query="query: ", passage="passage: "), include_prompt=False)
    distil = dict(model_type="distilbert", dim=24, hidden_dim=40, n_heads=4, n_layers=2, max_position_embeddings=40, activation="relu")
    write_bert(out, "distilbert-max", distil, wordpiece(False), ["max_tokens", "mean_sqrt_len_tokens", "lasttoken"], False, 30,
               prefix="distilbert.")
    write_qwen3(out, "qwen3-last")


main()
