"""Tokenizers of the real classes, which know letters only, made without any file."""

from __future__ import annotations

from tokenizers.pre_tokenizers import ByteLevel
from transformers import GemmaTokenizer, Qwen2Tokenizer, T5Tokenizer

from blockweight.demo.train.tokenizer import build_tokenizer as clip

_LETTERS = [chr(code) for code in range(33, 127)]
# The last message first: after a long one, its letters would be cut off.
_CHAT = (
    "{% for message in messages | reverse %}{{ message['role'] }}:{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{{ message['content'][0]['text'] }}{% endif %};{% endfor %}"
)

__all__ = ["clip", "gemma", "qwen", "t5"]


def t5() -> T5Tokenizer:
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*special, *((letter, -3.0) for letter in _LETTERS)], extra_ids=0)


def qwen() -> Qwen2Tokenizer:
    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    special = {"<|endoftext|>": len(vocabulary)}
    return Qwen2Tokenizer(vocab=vocabulary | special, merges=[], chat_template=_CHAT)


def gemma() -> GemmaTokenizer:
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁"]
    return GemmaTokenizer(vocab={token: number for number, token in enumerate([*special, *_LETTERS])}, merges=[])
