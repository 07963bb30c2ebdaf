"""Prompts of the WebUI's language in ComfyUI's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import Embedding, read_negative
from blockweight.render.comfyui.prompts import plain_text, weighed_texts


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("1girl, red dress", ["1girl, red dress"]),
        ("a (red:1.3) dress", ["a (red:1.3) dress"]),
        ("((red:1.5))", ["(red:1.6500000000000001)"]),
        ("[red] dress", ["(red:0.9090909090909091) dress"]),
        (r"smile \(happy\)", [r"smile \(happy\)"]),
        ("(a (b:1.2):1.5)", ["(a :1.5)(b:1.7999999999999998)"]),
        ("red BREAK blue BREAK green", ["red", "blue", "green"]),
        (r"a\\(b:2)", ["a\\ (b:2)"]),
        ("(a: b:1.2)", ["(a: b:1.2)"]),
        ("", [""]),
    ],
)
def test_weights_stand_for_themselves_and_brackets_are_escaped(text, texts):
    assert weighed_texts(text, 20) == texts


def comfyui_reads(text):
    """(stretch, weight) as ComfyUI reads them: a bracket multiplies by 1.1, a number is the weight."""
    text = text.replace("\\)", "\0").replace("\\(", "\1")

    def read(part, weight):
        for piece in re.findall(r"\((?:[^()]|\((?:[^()])*\))*\)|[^()]+", part):
            if piece.startswith("(") and piece.endswith(")"):
                inner, colon, number = piece[1:-1].rpartition(":")
                yield from read(inner, float(number)) if colon else read(piece[1:-1], weight * 1.1)
            else:
                yield piece.replace("\0", ")").replace("\1", "("), weight

    return list(read(text, 1.0))


@given(st.lists(st.sampled_from(["red", "(", ")", "[", "]", ":1.3)", "\\(", "\\)", "\\\\", " ", ",", "(a:0.5)"])))
def test_comfyui_gives_every_word_the_weight_that_the_webui_gives_it(parts):
    text = "".join(parts)
    (written,) = weighed_texts(text, 20, negative=True)
    wanted = [(p.text, p.weight) for p in read_negative(text, 20).spans[0].pieces]

    def words(pieces):
        return [(word, round(weight, 9)) for piece, weight in pieces for word in piece.split()]

    assert words(comfyui_reads(written)) == words(wanted)


def test_embeddings_are_called_as_comfyui_calls_them():
    embeddings = [Embedding("EasyNegative", "e.safetensors", "e" * 64), Embedding("easy", "f.safetensors", "f" * 64)]
    (text,) = weighed_texts("(easynegative:1.2), uneasy, Easy", 20, embeddings)
    assert text == "( embedding:EasyNegative :1.2), uneasy,  embedding:easy "


@pytest.mark.parametrize("text", ["red AND blue", "red:0.5", "[red:blue:0.5]", "[red|blue]"])
def test_what_comfyui_cannot_do_alike_is_refused(text):
    with pytest.raises(BlockweightError, match=r"ComfyUI (composes|reads a prompt once)"):
        weighed_texts(text, 20)


def test_and_is_a_word_in_a_negative_prompt():
    assert weighed_texts("red AND blue", 20, negative=True) == ["red AND blue"]


def test_models_that_read_sentences_get_brackets_as_brackets():
    assert plain_text("a girl (smiling)", "flux1") == r"a girl \(smiling\)"
    with pytest.raises(BlockweightError, match=r"'\(red:1.3\)' would not mean"):
        plain_text("a (red:1.3) dress", "flux1")
