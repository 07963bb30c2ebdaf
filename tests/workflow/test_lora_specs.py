from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.lora import RankRule, open_lora
from blockweight.workflow.lora_specs import LoraSpec, open_terms, parse_rank, parse_ranks, parse_spec
from workshop import FULL, WEIGHTS


@pytest.mark.parametrize(
    ("text", "path", "strength", "weights"),
    [
        ("a.safetensors", "a.safetensors", 1.0, ""),
        ("a.safetensors:0.6", "a.safetensors", 0.6, ""),
        ("a.safetensors:-0.6:Girl:1,0,0.5", "a.safetensors", -0.6, "Girl:1,0,0.5"),
        ("a.safetensors::1,0", "a.safetensors", 1.0, "1,0"),
        (r"C:\loras\x.safetensors:.5:OUTD", r"C:\loras\x.safetensors", 0.5, "OUTD"),
        ("D:/x.SafeTensors:2", "D:/x.SafeTensors", 2.0, ""),
        ("ゴブ姫：1.safetensors:1:ゴブ姫:1,1", "ゴブ姫：1.safetensors", 1.0, "ゴブ姫:1,1"),
        ("a.safetensors.old/b.safetensors:1", "a.safetensors.old/b.safetensors", 1.0, ""),
        ("a:b.safetensors:1:<lora:x.safetensors:1:lbw=1,0>", "a:b.safetensors", 1.0, "<lora:x.safetensors:1:lbw=1,0>"),
    ],
)
def test_a_spec_is_file_strength_and_weights_whatever_colons_are_in_them(text, path, strength, weights):
    assert parse_spec(text) == LoraSpec(Path(path), strength, weights)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.png:1", "names no .safetensors file"),
        ("", "names no .safetensors file"),
        ("a.safetensors:Girl:1,0", "'Girl' after 'a.safetensors' is not a strength"),
        ("a.safetensors:1,0,1", "is not a strength; write a number before the block weights"),
        ("a.safetensors:nan", "is not a strength"),
        ("a.safetensors:1:", "ends in a colon without block weights"),
    ],
)
def test_a_spec_that_says_something_else_is_refused(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_spec(text)


@given(st.text())
@example("a.safetensors:" + "9" * 500)
@example("\ud800.safetensors:1:\x00")
def test_any_text_is_a_spec_or_refused_in_one_line(text):
    try:
        spec = parse_spec(text)
    except BlockweightError as error:
        assert "\n" not in str(error)
    else:
        assert text.startswith(str(spec.path)) or "/" in text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("8", RankRule(8)),
        ("auto", RankRule(32)),
        ("energy", RankRule(energy=0.999)),
        ("Energy:0.9", RankRule(energy=0.9)),
        (" energy:1 ", RankRule(energy=1.0)),
    ],
)
def test_a_rank_is_a_number_auto_or_a_share_of_energy(text, rule):
    assert parse_rank(text, 32) == rule


@pytest.mark.parametrize(
    "text", ["0", "-1", "8.5", "energy:0", "energy:2", "auto:3", "energy:x", "９", "1e3", "9999999"]
)
def test_another_rank_is_refused(text):
    with pytest.raises(BlockweightError):
        parse_rank(text, 32)


def test_auto_means_nothing_for_one_lora_alone():
    with pytest.raises(BlockweightError, match="give a whole number, energy or a share"):
        parse_rank("auto")


def test_ranks_are_given_by_block_and_range(locon):
    rules = parse_ranks("IN04=8, OUT03-OUT05=energy:0.9,rest=2", open_lora(locon))
    assert rules == {
        "IN04": RankRule(8),
        **{f"OUT{n:02}": RankRule(energy=0.9) for n in (3, 4, 5)},
        "REST": RankRule(2),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("IN04", "gives no rank"),
        ("IN4=x", "no block 'IN4'"),
        ("IN04=8,IN03-IN05=4", "gives IN04 two ranks"),
        (",", "names no block"),
        ("=4", "names no block"),
    ],
)
def test_ranks_that_cannot_be_read_are_refused(locon, text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_ranks(text, open_lora(locon))


@given(st.text())
def test_any_text_of_ranks_is_read_or_refused_in_one_line(text):
    class Any:
        class family:
            layout = FULL

    try:
        parse_ranks(text, Any())  # type: ignore[arg-type]
    except BlockweightError as error:
        assert "\n" not in str(error)


def test_weights_are_in_any_notation_and_rest_is_for_all(locon, lora):
    (first, second), filled = open_terms([f"{locon}:0.5:Girl:{WEIGHTS}", str(lora)], None, 0.25)
    assert first.weights is not None
    assert second.weights is not None
    assert (first.strength, first.weights.name, first.weights.weight("IN00"), first.weights.rest) == (
        0.5,
        "Girl",
        0,
        0.25,
    )
    assert set(second.weights.values) == {1.0}
    assert second.weights.rest == 0.25
    assert filled == ()


def test_short_weights_need_a_fill_that_is_told(locon):
    short = ",".join("1" * 17)
    with pytest.raises(BlockweightError, match="add --fill 0"):
        open_terms([f"{locon}:1:{short}"], None, None)
    _, filled = open_terms([f"{locon}:1:{short}"], 0.0, None)
    assert "IN00" in filled
