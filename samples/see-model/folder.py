"""The files beside the weights: configuration, processor, tokenizer, chat template."""

import json

from model import SCALE, TEXT, TOKENS, VISION
from pictures import COLOURS, SMALL

SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<fake_token_around_image>",
    "<image>",
    "<end_of_utterance>",
    "<global-img>",
]
IMAGE, END = SPECIAL.index("<image>"), SPECIAL.index("<end_of_utterance>")
NUMBER, COLOUR = "What number is it?", "What colour is it?"
WORDS = ["User", "Assistant", "What", " number", " colour", " is", " it"] + [" " + name for name in COLOURS]
TEMPLATE = (
    "<|im_start|>{% for m in messages %}{{ m.role | capitalize }}"
    "{% if m.content is not string and m.content[0].type == 'image' %}:{% else %}: {% endif %}"
    "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% elif p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}{% endif %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def byte_letters():
    """The letter that stands for each byte in byte-level BPE."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}


def tokenizer():
    """Byte-level BPE whose merges build each of the words from its beginning on."""
    letters = byte_letters()
    vocabulary = {token: i for i, token in enumerate(SPECIAL)}
    for letter in letters.values():
        vocabulary[letter] = len(vocabulary)
    merges = []
    for word in WORDS:
        token = [letters[b] for b in word.encode()]
        for i in range(1, len(token)):
            pair = ["".join(token[:i]), token[i]]
            if pair not in merges:
                merges.append(pair)
                vocabulary["".join(pair)] = len(vocabulary)
    return dict(
        version="1.0",
        truncation=None,
        padding=None,
        added_tokens=[
            dict(id=i, content=token, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
            for i, token in enumerate(SPECIAL)
        ],
        normalizer=None,
        pre_tokenizer=dict(
            type="Sequence",
            pretokenizers=[
                dict(type="Digits", individual_digits=True),
                dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True),
            ],
        ),
        post_processor=None,
        decoder=dict(type="ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        model=dict(
            type="BPE",
            dropout=None,
            unk_token=None,
            continuing_subword_prefix=None,
            end_of_word_suffix=None,
            fuse_unk=False,
            byte_fallback=False,
            ignore_merges=False,
            vocab=vocabulary,
            merges=merges,
        ),
    )


def files():
    """Name and content of each file."""
    vocabulary = len(tokenizer()["model"]["vocab"])
    text = dict(model_type="llama", vocab_size=vocabulary, max_position_embeddings=1024, tie_word_embeddings=False) | TEXT
    vision = dict(model_type="smolvlm_vision", hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6) | VISION
    config = dict(
        model_type="smolvlm",
        architectures=["SmolVLMForConditionalGeneration"],
        dtype="float16",
        scale_factor=SCALE,
        image_token_id=IMAGE,
        eos_token_id=END,
        pad_token_id=SPECIAL.index("<|im_end|>"),
        tie_word_embeddings=False,
        text_config=text,
        vision_config=vision,
    )
    processor = dict(
        processor_class="SmolVLMProcessor",
        image_processor_type="SmolVLMImageProcessor",
        do_convert_rgb=True,
        do_image_splitting=False,
        do_resize=True,
        do_rescale=True,
        do_normalize=True,
        do_pad=True,
        resample=1,
        rescale_factor=1 / 255,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        size=dict(longest_edge=SMALL),
        max_image_size=dict(longest_edge=SMALL),
    )
    settings = dict(
        tokenizer_class="PreTrainedTokenizerFast",
        model_max_length=1024,
        add_bos_token=False,
        clean_up_tokenization_spaces=False,
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    return {
        "config.json": json.dumps(config, indent=1),
        "generation_config.json": json.dumps(dict(eos_token_id=END, do_sample=False)),
        "preprocessor_config.json": json.dumps(processor, indent=1),
        "processor_config.json": json.dumps(dict(processor_class="SmolVLMProcessor", image_seq_len=TOKENS)),
        "tokenizer.json": json.dumps(tokenizer(), ensure_ascii=False),
        "tokenizer_config.json": json.dumps(settings, indent=1),
        "chat_template.jinja": TEMPLATE,
    }
