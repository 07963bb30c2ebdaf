"""From weights as text to a baked file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.weights import uniform
from blockweight.workflow.baking import (
    Recipe,
    Typed,
    bake_text,
    baked_name,
    estimate_lines,
    estimate_text,
    weights_for,
)
from workshop import FULL, SHORT, WEIGHTS, tree, write_lora_file

SHORT_WEIGHTS = ",".join(["0.5"] * 17)


def test_a_full_vector_is_taken_as_it_is(locon):
    weights, filled = weights_for(open_lora(locon), f"Gobuhime:{WEIGHTS}", None)
    assert (weights.text(), filled) == (f"Gobuhime:{WEIGHTS}", ())


def test_a_short_vector_is_enough_for_a_lora_that_has_no_other_blocks(lora):
    weights, filled = weights_for(open_lora(lora), SHORT_WEIGHTS, None)
    assert weights.layout is FULL
    assert filled == ()


def test_a_short_vector_for_a_locon_is_refused_with_the_blocks_that_it_lacks(locon):
    with pytest.raises(BlockweightError, match=r"no value for IN00, IN03, .*OUT02, which the LoRA has; add"):
        weights_for(open_lora(locon), SHORT_WEIGHTS, None)


def test_with_a_fill_a_short_vector_does_and_the_filled_blocks_are_named(locon):
    weights, filled = weights_for(open_lora(locon), SHORT_WEIGHTS, 0.0)
    assert filled == tuple(block for block in FULL.blocks if block not in SHORT.blocks)
    assert {weights.weight(block) for block in filled} == {0.0}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Gobuhime", "a_1.0_Gobuhime.safetensors"),
        ("ゴブ姫", "a_1.0_ゴブ姫.safetensors"),
        ("../../x", "a_1.0_.._.._x.safetensors"),
        ('C:\\x "y" <z>?*|', "a_1.0_C__x__y___z____.safetensors"),
    ],
)
def test_the_baked_file_lies_beside_its_source_under_a_name_that_every_system_takes(name, file):
    assert baked_name(Path("loras/a.safetensors"), uniform(name, FULL, 1.0)) == Path("loras") / file


def test_the_file_is_named_after_the_weights_unless_a_name_is_given(locon, tmp_path):
    for out, name in ((None, "princess_1.0_Gobuhime.safetensors"), (tmp_path / "own.safetensors", "own.safetensors")):
        report, _ = bake_text(locon, Typed(f"Gobuhime:{WEIGHTS}"), out)
        assert report.out == tmp_path / name
        assert report.out.is_file()


def test_strength_multiplies_every_weight(lora, tmp_path):
    ones, halves = ",".join("1" * 17), SHORT_WEIGHTS
    first, _ = bake_text(lora, Typed(ones), tmp_path / "a.safetensors", Recipe(strength=0.5))
    second, _ = bake_text(lora, Typed(halves), tmp_path / "b.safetensors")
    assert first.digest == second.digest


def test_a_refusal_writes_nothing(tmp_path):
    source = write_lora_file(tmp_path / "a.safetensors", FULL.blocks)
    before = tree(tmp_path)
    for text in (SHORT_WEIGHTS, "1,2", ",".join("0" * 26), f"x:{WEIGHTS},1"):
        with pytest.raises(BlockweightError):
            bake_text(source, Typed(text), None)
    assert tree(tmp_path) == before


def test_a_tag_that_says_more_than_weights_is_refused(locon):
    for more in ("0.5", "1:stop=9", "1:lbwe=ATTNDEEPON"):
        with pytest.raises(BlockweightError, match="says more than block weights"):
            weights_for(open_lora(locon), f"<lora:a:{more}:lbw={WEIGHTS}>", None)
    assert weights_for(open_lora(locon), f"<lora:a:1:lbw={WEIGHTS}>", None)[0].vector() == WEIGHTS


def test_an_estimate_is_the_size_that_the_bake_then_has(locon, tmp_path):
    for recipe in (Recipe(), Recipe(precision="fp32"), Recipe(zeros="keep"), Recipe(via="alpha")):
        typed = Typed(f"a:{WEIGHTS}")
        estimate = estimate_text(locon, typed, recipe)
        report, _ = bake_text(locon, typed, tmp_path / "b.safetensors", recipe, overwrite=True)
        header = open_lora(report.out).header
        assert estimate.data_bytes == header.file_size - header.data_start
        assert estimate.max_error <= max(report.check.max_limit, 1e-7)
        assert {block.block: block.action for block in estimate.blocks} == {
            block: facts["action"] for block, facts in report.facts()["blocks"].items()
        }


@pytest.mark.parametrize(
    ("weight", "precision"),
    [("1", "exact, nothing is scaled"), ("0.5", "exact, no number is rounded"), ("0.3", "relative error up to ")],
)
def test_an_estimate_is_said_in_fitting_units(locon, weight, precision):
    size, _, exact = estimate_lines(estimate_text(locon, Typed(f"a:{','.join([weight] * 26)}")))[:3]
    assert re.fullmatch(r"Size:      \d+ B without the header \(the LoRA has \d\.\d kB with its own\)", size)
    assert exact.startswith(f"Precision: {precision}")
