"""The tutorial's ten presets, by the names of the blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import all_layouts, layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import DEFAULT_PRESETS, default_preset, default_presets

TUTORIAL = """\
NONE:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0
ALL:1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
INS:1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0
IND:1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0
INALL:1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0
MIDD:1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0
OUTD:1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0
OUTS:1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1
OUTALL:1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1
ALL0.5:0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5
"""
SEVENTEEN = layout_by_name("sd1-17")
UNETS = [layout for layout in all_layouts() if layout.family in {"sd1", "sd2", "sdxl"}]


def on(name: str, layout: str) -> str:
    """The blocks at 1."""
    return " ".join(block for block, value in default_preset(name, layout_by_name(layout)).items() if value == 1)


def test_the_seventeen_are_the_tutorials():
    assert "".join(f"{preset.text()}\n" for preset in default_presets(SEVENTEEN)) == TUTORIAL


@pytest.mark.parametrize("layout", UNETS, ids=lambda layout: layout.name)
@pytest.mark.parametrize("name", DEFAULT_PRESETS)
def test_a_block_that_the_17_have_keeps_its_weight_in_every_unets_layout(name, layout):
    known = dict(default_preset(name, SEVENTEEN).items())
    for entry, value in default_preset(name, layout).items():
        (block, *_) = layout.stands_for(entry)
        assert value == known.get(block, value)


@pytest.mark.parametrize("name", DEFAULT_PRESETS)
def test_the_neighbours_of_a_block_that_the_17_lack_agree(name):
    full = layout_by_name("sd1-26")
    preset = dict(default_preset(name, SEVENTEEN).items())
    for below, lacking, above in (("IN02", "IN03", "IN04"), ("IN05", "IN06", "IN07")):
        assert preset[below] == preset[above] == default_preset(name, full).weight(lacking)


def test_the_26_take_the_sense_of_their_section():
    assert on("INS", "sd1-26") == "BASE IN00 IN01 IN02 IN03 IN04"
    assert on("IND", "sd1-26") == "BASE IN05 IN06 IN07 IN08 IN09 IN10 IN11"
    assert on("OUTD", "sd1-26") == "BASE OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06"
    assert on("OUTS", "sd1-26") == "BASE OUT07 OUT08 OUT09 OUT10 OUT11"


def test_sdxl_takes_them_by_name_too():
    assert on("MIDD", "sdxl-20") == "BASE IN05 IN06 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06"
    assert on("INS", "sdxl-12") == "BASE IN04"
    assert on("OUTS", "sdxl-12") == "BASE"


def test_inspires_three_mids_are_the_middle():
    assert on("MIDD", "sdxl-inspire-21").split()[5:9] == ["MID0", "MID1", "MID2", "OUT00"]


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
def test_all_none_and_half_are_the_same_everywhere_in_every_layout(layout):
    for name, value in (("ALL", 1), ("NONE", 0), ("ALL0.5", 0.5)):
        assert set(default_preset(name, layout).values) == {value}


def test_a_transformer_has_only_these_three():
    flux = layout_by_name("flux1-61")
    assert [preset.name for preset in default_presets(flux)] == ["NONE", "ALL", "ALL0.5"]
    with pytest.raises(BlockweightError, match="INS is about a UNet's IN, M and OUT blocks, which flux1-61 has not"):
        default_preset("INS", flux)


@given(st.text())
def test_any_other_name_is_refused_in_one_line(name):
    if name.strip().upper() in DEFAULT_PRESETS:
        return
    with pytest.raises(BlockweightError, match="no default preset") as caught:
        default_preset(name, SEVENTEEN)
    assert str(caught.value).splitlines() == [str(caught.value)]
