"""A CLIP tokenizer whose vocabulary is the words of our captions: byte-level BPE like CLIP's own, so that any text
can be tokenized, with just the merges that make each known word one token."""

from __future__ import annotations

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from blockweight.demo import characters as c

MAX_LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"


def vocabulary_words() -> list[str]:
    """Every word and punctuation mark of the captions, the princess's included, in a fixed order."""
    phrases = ["girl", "hair", "skin", "eyes", c.TRIGGER, "greenskin", "hairornament", "choker"]
    for names in (c.HAIR_COLOURS, c.HAIR_STYLES, c.SKINS, c.EYE_COLOURS, c.MOUTHS, c.OUTFITS, c.OUTFIT_COLOURS,
                  c.ACCESSORIES, c.BACKGROUNDS):  # fmt: skip
        phrases.extend(names)
    return list(dict.fromkeys(word for phrase in phrases for word in phrase.split()))


def build_tokenizer() -> CLIPTokenizer:
    """The tokenizer: 77 tokens at most, padded with the end token as SD1's is."""
    letters = list(bytes_to_unicode().values())
    tokens = letters + [letter + "</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    for word in vocabulary_words():
        left = word[0]
        for position, letter in enumerate(word[1:], start=2):
            right = letter + ("</w>" if position == len(word) else "")
            if (left, right) not in merges:
                merges.append((left, right))
                tokens.append(left + right)
            left += right
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys([*tokens, START, END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH)
