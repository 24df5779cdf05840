"""mlx-lm's side of the benchmark, driven line by line so that both sides take turns.

Reads one JSON object a line from standard input, {"do": NAME, ...}, and answers each with one.
Needs: pip install mlx==0.32.2 mlx-cpu==0.32.2 mlx-lm==0.32.2
"""

import gc
import json
import platform
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import mlx.core as mx
import mlx_lm
from mlx.utils import tree_flatten
from mlx_lm.models import gated_delta, ssm
from mlx_lm.generate import BatchGenerator, generate_step, speculative_generate_step
from mlx_lm.models.cache import KVCache, LRUPromptCache, load_prompt_cache, make_prompt_cache, save_prompt_cache
from mlx_lm.sample_utils import make_logits_processors, make_sampler
from mlx_lm.utils import load_model, load_tokenizer

MODELS = {}
STATE = {}
now = time.perf_counter


def ids(count, vocabulary, seed=12345):
    """Tokens that the other side makes too: a linear congruential sequence over the vocabulary."""
    state, out = seed, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) % (1 << 31)
        out.append(10 + (state >> 8) % (vocabulary - 10))
    return out


def model_of(ask):
    """The model of this folder, one at a time."""
    folder = ask["model"]
    if folder not in MODELS:
        MODELS.clear()
        gc.collect()
        mx.clear_cache()
        model, config = load_model(Path(folder))
        MODELS[folder] = model, {**config, **config.get("text_config", {})}
        mx.eval(MODELS[folder][0].parameters())
    return MODELS[folder]


def filled(model, config, count):
    """Caches that hold random keys and values for so many positions, with room for an answer."""
    caches = make_prompt_cache(model)
    if count == 0:
        return caches
    dtype = model.model.norm.weight.dtype
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    for layer in caches:
        shape = (1, config["num_key_value_heads"], (count + 511) // 256 * 256, head_dim)
        layer.keys = (mx.random.normal(shape) * 0.5).astype(dtype)
        layer.values = (mx.random.normal(shape) * 0.5).astype(dtype)
        layer.offset = count
    mx.eval([layer.state for layer in caches])
    return caches


def generate(model, prompt, tokens, caches, chunk):
    """Seconds to the first token, seconds for each token after it, and the tokens."""
    out, begun = [], now()
    for token, _ in generate_step(mx.array(prompt), model, max_tokens=tokens, prompt_cache=caches, prefill_step_size=chunk):
        if not out:
            first = now()
        out.append(int(token))
    return first - begun, (now() - first) / max(1, tokens - 1), out


def prefill(ask):
    """Time to the first token of a prompt."""
    model, config = model_of(ask)
    mx.reset_peak_memory()
    first, _, out = generate(model, ids(ask["length"], config["vocab_size"]), 1, make_prompt_cache(model), ask["chunk"])
    return {"seconds": first, "tokens": out, "peak": mx.get_peak_memory()}


def decode(ask):
    """Seconds for a token behind a context."""
    model, config = model_of(ask)
    caches = filled(model, config, ask["context"])
    _, each, out = generate(model, ids(1, config["vocab_size"]), ask["tokens"], caches, 2048)
    return {"seconds": each, "tokens": out}


def sampling(ask):
    """Seconds for a token that is drawn with these settings; with "top", its likeliest alternatives are read as well."""
    model, config = model_of(ask)
    sampler = make_sampler(**ask["sampler"])
    processors = make_logits_processors(**ask["processors"])
    top, first, tokens = ask["top"], None, ask["tokens"]
    steps = generate_step(mx.array(ids(1, config["vocab_size"])), model, max_tokens=tokens, sampler=sampler,
                          logits_processors=processors, prompt_cache=make_prompt_cache(model))
    for token, logprobs in steps:
        if top > 0:
            likeliest = mx.argpartition(-logprobs, kth=top - 1)[:top]
            likeliest.tolist(), logprobs[likeliest].tolist(), logprobs[token].item()
        first = first or now()
    return {"seconds": (now() - first) / (tokens - 1)}


def host(ask):
    """Seconds to build the graph of each greedy token, evaluated one by one so that nothing else runs meanwhile."""
    model, config = model_of(ask)
    prompt = mx.array(ids(64, config["vocab_size"]))
    caches = make_prompt_cache(model)
    mx.eval(model(prompt[None, :-1], cache=caches))
    token, times = prompt[-1:], []

    def step(y):
        logits = model(y[None], cache=caches)[:, -1, :]
        logprobs = logits - mx.logsumexp(logits, keepdims=True)
        return mx.argmax(logprobs, axis=-1), logprobs.squeeze(0)

    for _ in range(ask["tokens"]):
        begun = now()
        token, logprobs = step(token)
        times.append(now() - begun)
        mx.eval(token, logprobs)
    return {"seconds": times}


VIEWS = {"AsStrided", "Broadcast", "BroadcastAxes", "ExpandDims", "Flatten", "Reshape", "Slice", "Split", "Squeeze",
         "StopGradient", "Transpose", "Unflatten", "View"}


def nodes_for(results, *inputs):
    """One node that makes arrays of these shapes and types of the inputs."""
    blanks = [mx.broadcast_to(mx.array(0, dtype), shape) for shape, dtype in results]
    return mx.depends(blanks, [each for each in inputs if isinstance(each, mx.array)])


def type_with(x, weight):
    return x.dtype if weight is None or weight.dtype == x.dtype else mx.float32


def one_kernel_ssm(x, A_log, B, C, D, dt, dt_bias, state=None, time_step_limit=(0.001, 100.0), **more):
    if x.shape[1] > 1 or state is None:
        return SSM_ATTN(x, A_log, B, C, D, dt, dt_bias, state, time_step_limit, **more)
    dt = ssm.compute_dt(dt, dt_bias, time_step_limit)
    return tuple(nodes_for([(x.shape, x.dtype), (state.shape, state.dtype)], x, A_log, B, C, D, dt, state))


def broadcast(a, b):
    return tuple(max(x, y) for x, y in zip((1,) * (len(b) - len(a)) + tuple(a), (1,) * (len(a) - len(b)) + tuple(b)))


SSM_ATTN = ssm.ssm_attn
ON_GPU = [
    (mx.fast, "rms_norm", lambda x, weight, eps, **_: nodes_for([(x.shape, type_with(x, weight))], x, weight)[0]),
    (mx.fast, "layer_norm", lambda x, weight, bias, eps, **_: nodes_for([(x.shape, type_with(x, weight))], x, weight, bias)[0]),
    (mx.fast, "rope", lambda x, dims, *, offset=None, freqs=None, **_: nodes_for([(x.shape, x.dtype)], x, offset, freqs)[0]),
    (mx.fast, "scaled_dot_product_attention", lambda q, k, v, *, scale, mask=None, sinks=None, **_:
        nodes_for([(q.shape[:-1] + v.shape[-1:], q.dtype)], q, k, v, mask, sinks)[0]),
    (mx, "gather_mm", lambda x, w, lhs_indices=None, rhs_indices=None, **_:
        nodes_for([(broadcast(x.shape[:-2], rhs_indices.shape) + (x.shape[-2], w.shape[-1]), x.dtype)], x, w, rhs_indices)[0]),
    (gated_delta, "gated_delta_ops", lambda q, k, v, g, beta, state=None, mask=None:
        tuple(nodes_for([(v.shape, q.dtype), (state.shape, state.dtype)], q, k, v, g, beta, state, mask))),
    (ssm, "ssm_attn", one_kernel_ssm),
]


@contextmanager
def as_on_gpu():
    """Fused operations and kernels are one node each, where the CPU would get them spelled out."""
    plain = [getattr(owner, name) for owner, name, _ in ON_GPU]
    for owner, name, node in ON_GPU:
        setattr(owner, name, node)
    try:
        yield
    finally:
        for (owner, name, _), old in zip(ON_GPU, plain):
            setattr(owner, name, old)


def graph(ask):
    """Nodes of the graph of a step behind a context, by name: with one token its logits, else what the caches then hold."""
    model, config = model_of(ask)
    vocabulary, length = config["vocab_size"], ask["length"]
    caches = make_prompt_cache(model)
    mx.disable_compile()
    with as_on_gpu():
        for count in [ask["context"]] + [1] * (length == 1):
            mx.eval(model(mx.array(ids(count, vocabulary))[None], cache=caches), [c.state for c in caches])
    mx.enable_compile()
    with as_on_gpu(), tempfile.NamedTemporaryFile(suffix=".dot") as file:
        logits = model(mx.array(ids(length, vocabulary))[None], cache=caches)
        states = [each for _, each in tree_flatten([c.state for c in caches]) if isinstance(each, mx.array)]
        mx.export_to_dot(file.name, *([logits] if length == 1 else []), *states)
        names = re.findall(r'\[label ="(\w+)", shape=rectangle\]', Path(file.name).read_text())
    return {"nodes": Counter(name for name in names if name not in VIEWS)}


def loop(ask):
    """Time to the first token by round of a tool loop; cold, or with LRUPromptCache."""
    model, config = model_of(ask)
    vocabulary, step, cached = config["vocab_size"], ask["step"], ask["cached"]
    cache, rows = LRUPromptCache(), []
    prompt = ids(step, vocabulary, 1)
    for number in range(1, ask["rounds"] + 1):
        if not cached and number not in ask["measured"]:
            prompt = prompt + ids(ask["answer"] + step, vocabulary, 1 + number)
            continue
        begun = now()
        caches, rest = (None, prompt)
        if cached:
            caches, rest = cache.fetch_nearest_cache("m", prompt)
        caches = caches or make_prompt_cache(model)
        found = now() - begun
        first, _, out = generate(model, rest, ask["answer"], caches, ask["chunk"])
        if cached:
            cache.insert_cache("m", (prompt + out)[:caches[0].offset], caches)
        rows.append({"round": number, "prompt": len(prompt), "cached": len(prompt) - len(rest), "seconds": found + first})
        prompt = prompt + out + ids(step, vocabulary, 1 + number)
    return {"rounds": rows}


def small_layers():
    """Layers of one position, shared by all entries, so that the cost of the index alone shows."""
    caches = []
    for _ in range(8):
        layer = KVCache()
        layer.keys = layer.values = mx.zeros((1, 8, 1, 64), mx.bfloat16)
        layer.offset = 1
        caches.append(layer)
    mx.eval([layer.state for layer in caches])
    return caches


def lru_build(ask):
    """An LRUPromptCache with entries that share their first half."""
    STATE.clear()
    gc.collect()
    count, entries = ask["tokens"], ask["entries"]
    STATE["layers"], STATE["count"], STATE["next"] = small_layers(), count, 10_000
    STATE["shared"] = ids(count // 2, 150_000, 5)
    STATE["lru"] = LRUPromptCache(max_size=entries + 8)
    begun = now()
    for entry in range(entries):
        STATE["last"] = STATE["shared"] + ids(count - count // 2, 150_000, 100 + entry)
        STATE["lru"].insert_cache("m", STATE["last"], STATE["layers"])
    return {"seconds": (now() - begun) / entries}


def lru(ask):
    """One operation on it; "evict" makes the cache full first."""
    cache, layers, last, what = STATE["lru"], STATE["layers"], STATE["last"], ask["what"]
    STATE["next"] += 1
    if what == "extend":
        tokens = last + ids(64, 150_000, STATE["next"])
    elif what == "diverge":
        tokens = STATE["shared"] + [200_001] * (STATE["count"] - len(STATE["shared"]))
    elif what == "insert":
        tokens = last + ids(64, 150_000, STATE["next"])
    else:
        tokens = STATE["shared"] + ids(STATE["count"] - STATE["count"] // 2, 150_000, STATE["next"])
        cache.max_size = len(cache)
    begun = now()
    if what in ("extend", "diverge"):
        cache.fetch_nearest_cache("m", tokens)
    else:
        cache.insert_cache("m", tokens, layers)
    seconds = now() - begun
    if what == "insert":
        STATE["last"] = tokens
    return {"seconds": seconds}


def lru_hit(ask):
    """Fetching a stored prompt of real keys and values, and writing behind it for the first time."""
    count, layers, heads, dim = ask["tokens"], 8, 8, 64
    caches = []
    for _ in range(layers):
        layer = KVCache()
        layer.keys = mx.zeros((1, heads, (count + 255) // 256 * 256, dim), mx.float32)
        layer.values = mx.zeros_like(layer.keys)
        layer.offset = count
        caches.append(layer)
    mx.eval([layer.state for layer in caches])
    cache, tokens = LRUPromptCache(), list(range(count))
    cache.insert_cache("m", tokens, caches)
    del caches
    new = mx.ones((1, heads, 64, dim))
    mx.eval(new)
    held = mx.get_active_memory()
    begun = now()
    got, _ = cache.fetch_nearest_cache("m", tokens + [5] * 64)
    fetched = now()
    for layer in got:
        layer.update_and_fetch(new, new)
    mx.eval([layer.state for layer in got])
    done = now()
    return {"fetch": fetched - begun, "append": done - fetched, "copied": max(0, mx.get_active_memory() - held)}


def text(ask):
    """Rendering and encoding a conversation with tools."""
    from transformers import AutoTokenizer
    if ask["model"] not in STATE:
        STATE.clear()
        STATE[ask["model"]] = AutoTokenizer.from_pretrained(ask["model"])
    tokenizer = STATE[ask["model"]]
    rendered, encoded = [], []
    for _ in range(ask["repeats"]):
        begun = now()
        words = tokenizer.apply_chat_template(ask["messages"], tools=ask["tools"], tokenize=False, add_generation_prompt=True)
        between = now()
        tokens = tokenizer.encode(words, add_special_tokens=False)
        encoded.append(now() - between)
        rendered.append(between - begun)
    return {"render": rendered, "encode": encoded, "tokens": len(tokens), "characters": len(words)}


def stream(ask):
    """Seconds for a token with and without turning it into text."""
    from mlx_lm.generate import stream_generate
    from mlx_lm.utils import load
    model, config = model_of(ask)
    if ("text", ask["model"]) not in STATE:
        STATE.clear()
        STATE["text", ask["model"]] = load(ask["model"])[1]
        STATE["text", ask["model"]].eos_token_ids = set()
    prompt = ids(64, config["vocab_size"])
    _, bare, _ = generate(model, prompt, ask["tokens"], make_prompt_cache(model), 2048)
    count, first = 0, None
    for _ in stream_generate(model, STATE["text", ask["model"]], prompt, max_tokens=ask["tokens"]):
        first = first or now()
        count += 1
    return {"bare": bare, "streamed": (now() - first) / max(1, count - 1), "count": count}


def batch(ask):
    """Seconds for the answers of several conversations at once, each behind a context of random keys and values."""
    model, config = model_of(ask)
    count, tokens = len(ask["contexts"]), ask["tokens"]
    prompts = [ids(ask["prompt"], config["vocab_size"], 100 + row) for row in range(count)]
    caches = [filled(model, config, context) for context in ask["contexts"]]
    generator = BatchGenerator(model, max_tokens=tokens, completion_batch_size=count, prefill_batch_size=count)
    begun, left = now(), count * tokens
    generator.insert(prompts, [tokens] * count, caches=caches)
    while left > 0:
        left -= len(generator.next_generated())
    seconds = now() - begun
    generator.close()
    return {"seconds": seconds}


def fairness(ask):
    """While conversations decode, a long prompt and then a short round arrive: gaps between tokens, and times to first
    tokens; and what each costs alone. Prompts are prefilled together, as BatchGenerator does by default."""
    model, config = model_of(ask)
    vocabulary, rows, context, chunk = config["vocab_size"], ask["rows"], ask["context"], ask["chunk"]
    long, short = ids(ask["prompt"], vocabulary, 3), ids(ask["round"], vocabulary, 4)
    alone = {"promptAlone": generate(model, long, 1, make_prompt_cache(model), chunk)[0]}
    alone["roundAlone"] = min(generate(model, short, 1, filled(model, config, context), chunk)[0] for _ in range(3))
    generator = BatchGenerator(model, max_tokens=1 << 20, completion_batch_size=rows + 2, prefill_step_size=chunk)
    generator.insert([ids(16, vocabulary, 100 + row) for row in range(rows)], caches=[filled(model, config, context) for _ in range(rows)])
    last, gaps, steps, first, asked = {}, [], [], {}, {}

    def step():
        _, responses = generator.next()
        at = now()
        for response in responses:
            if response.uid in asked:
                first.setdefault(response.uid, at - asked[response.uid])
            else:
                if response.uid in last:
                    gaps.append(at - last[response.uid])
                last[response.uid] = at

    while len(last) < rows:
        step()
    gaps.clear()
    for _ in range(ask["steps"]):
        step()
    alone["stepAlone"] = sorted(gaps)[len(gaps) // 2]
    gaps.clear()
    prompt = generator.insert([long], [2])[0]
    asked[prompt] = now()
    step()
    turn = generator.insert([short], [2], caches=[filled(model, config, context)])[0]
    asked[turn] = now()
    while len(first) < 2:
        step()
    generator.close()
    return {"gap": max(gaps), "round": first[turn], "prompt": first[prompt], **alone}


def restart(ask):
    """Seconds to load a prompt cache of random keys and values from a file, and to the first token behind it."""
    model, config = model_of(ask)
    file, prompt = Path(ask["file"]), ids(ask["new"], config["vocab_size"], 100)
    if not file.exists():
        save_prompt_cache(str(file), filled(model, config, ask["context"]))
    begun = now()
    caches = load_prompt_cache(str(file))
    first, _, _ = generate(model, prompt, 1, caches, 2048)
    return {"seconds": now() - begun}


def agents(ask):
    """Tool loops of several agents behind one system prompt, warm or not, as mlx-lm's server runs them."""
    model, config = model_of(ask)
    vocabulary, answer, step = config["vocab_size"], ask["answer"], ask["step"]
    cache, system = LRUPromptCache(max_size=ask["agents"] + 2), ids(ask["system"], vocabulary, 1)
    if ask["warm"]:
        layers = make_prompt_cache(model)
        mx.eval(model(mx.array(system)[None], cache=layers), [layer.state for layer in layers])
        cache.insert_cache("m", system, layers, cache_type="system")
        del layers
    count = ask["agents"]
    prompts = [system + ids(step, vocabulary, 1000 * (agent + 1)) for agent in range(count)]
    rounds, running, said, cached = [1] * count, {}, {}, 0
    generator = BatchGenerator(model, completion_batch_size=count, prefill_batch_size=count, prefill_step_size=2048)

    def submit(agent):
        caches, rest = cache.fetch_nearest_cache("m", prompts[agent])
        known = len(prompts[agent]) - len(rest)
        (uid,) = generator.insert([rest], [answer], caches=[caches or make_prompt_cache(model)], all_tokens=[prompts[agent][:known]])
        running[uid], said[uid] = agent, []
        return known

    begun = now()
    for agent in range(count):
        cached += submit(agent)
    while running:
        _, responses = generator.next()
        for response in responses:
            said[response.uid].append(int(response.token))
            if response.finish_reason is None:
                continue
            agent = running.pop(response.uid)
            cache.insert_cache("m", response.all_tokens[:], response.prompt_cache, cache_type="assistant")
            if rounds[agent] < ask["rounds"]:
                prompts[agent] += said.pop(response.uid) + ids(step, vocabulary, 1000 * (agent + 1) + rounds[agent])
                rounds[agent] += 1
                cached += submit(agent)
    seconds = now() - begun
    generator.close()
    return {"seconds": seconds, "cached": cached}


def draft(ask):
    """Seconds for a token of a greedy answer, with what a draft model says, or without one."""
    key = ask["model"], ask["draft"]
    if STATE.get("pair") != key:
        STATE.clear()
        gc.collect()
        STATE["pair"] = key
        STATE["model"], _ = load_model(Path(ask["model"]))
        STATE["draft"], _ = load_model(Path(ask["draft"]))
        STATE["tokenizer"] = load_tokenizer(Path(ask["model"]))
    messages = [{"role": "user", "content": ask["text"]}]
    prompt = mx.array(STATE["tokenizer"].apply_chat_template(messages, add_generation_prompt=True))
    model, tokens = STATE["model"], ask["tokens"]
    if ask["drafted"] == 0:
        steps = generate_step(prompt, model, max_tokens=tokens, prompt_cache=make_prompt_cache(model))
    else:
        steps = speculative_generate_step(prompt, model, STATE["draft"], num_draft_tokens=ask["drafted"], max_tokens=tokens)
    out, accepted = [], 0
    for step in steps:
        out.append(int(step[0]))
        accepted += len(step) > 2 and bool(step[2])
        if len(out) == 1:
            first = now()
        last = now()
    return {"seconds": (last - first) / (len(out) - 1), "tokens": out, "accepted": accepted}


DO = {f.__name__: f for f in (prefill, decode, draft, sampling, host, graph, loop, lru_build, lru, lru_hit, text, stream, batch, fairness, agents, restart)}
print(json.dumps({"mlx": mx.__version__, "mlx-lm": mlx_lm.__version__, "python": platform.python_version()}), flush=True)
for line in sys.stdin:
    ask = json.loads(line)
    print(json.dumps(DO[ask["do"]](ask)), flush=True)
