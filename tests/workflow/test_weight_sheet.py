"""The weight table: cells, pasted rows, other layouts, and what is copied from it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import read_weights
from blockweight.workflow.weight_sheet import Sheet, cells_of, parse_fill, parse_step, read_cells, sheet_for
from workshop import FULL, SHORT, WEIGHTS, weights_of, write_lora_file

ONES = read_cells("a", FULL, ["1"] * 26)


def row(*first):
    return [*first, *["1"] * (26 - len(first))]


def test_cells_are_numbers_as_people_write_them():
    read = read_cells("a", FULL, row(" .50", "１", "-0", "+2.", "1e-1"))
    assert read.tidy[:5] == ("0.5", "1", "0", "2", "0.1")
    assert read.weights.values[:5] == (0.5, 1.0, 0.0, 2.0, 0.1)


def test_one_bad_cell_leaves_no_weights_and_keeps_its_text():
    read = read_cells("a", FULL, row("1", "x ", "0.5", ""))
    assert read.weights is None
    assert set(read.bad) == {"IN00", "IN02"}
    assert "'x' is not a number" in read.bad["IN00"]
    assert read.tidy[:4] == ("1", "x ", "0.5", "")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000))
def test_tidying_never_changes_a_number(number):
    text = format(number, "f")
    assert Decimal(read_cells("a", FULL, row(text)).tidy[0]) == Decimal(text)


@given(st.lists(st.text(), min_size=26, max_size=26), st.text())
def test_whatever_is_typed_there_is_a_table_or_a_sentence(texts, name):
    try:
        read = read_cells(name, FULL, texts)
    except BlockweightError as refused:
        assert "one line" in str(refused)
    else:
        assert (read.weights is None) == bool(read.bad)


def test_another_number_of_cells_is_refused():
    with pytest.raises(BlockweightError, match="3 cells were given for the 26"):
        read_cells("a", FULL, ["1", "1", "1"])


def test_a_text_is_read_for_the_family_in_the_table():
    sd2 = layout_by_name("sd2-26")
    assert Sheet().read(WEIGHTS, sd2).weights.layout == sd2
    assert Sheet().read(WEIGHTS, FULL).weights.layout == FULL
    assert Sheet().read(",".join("1" * 61), FULL).weights.layout.name == "flux1-61"


def test_what_no_family_reads_is_refused_for_the_one_in_the_table():
    with pytest.raises(BlockweightError, match="takes 26 or 17 block weights"):
        Sheet().read("1,2,3", FULL)


def test_a_loras_table_takes_only_its_family(locon):
    sheet = sheet_for(locon)
    with pytest.raises(BlockweightError, match="takes 26 or 17"):
        sheet.read(",".join("1" * 61))
    with pytest.raises(BlockweightError, match="is not of sd1"):
        sheet.layout("sdxl-20")


def test_another_tools_vector_becomes_our_blocks():
    theirs = Sheet().read(",".join(["0.5"] * 21), layout_by_name("sdxl-20"), fill=1.0)
    assert theirs.weights.layout.tool == ""


def test_what_the_table_has_no_place_for_is_said():
    reading = Sheet().read(
        "name = 'a'\nlayout = 'sd1-17'\n[weights]\nREST = 0.5\n" + "\n".join(f"{b} = 1" for b in SHORT.blocks)
    )
    assert any("REST (here 0.5)" in hint for hint in reading.hints)
    assert reading.weights.rest == 1
    assert any("Only the block weights" in hint for hint in Sheet().read(f"<lora:a:0.5:lbw={WEIGHTS}>").hints)


def test_a_few_pasted_numbers_go_into_the_cells_from_there_on():
    reading = Sheet().paste("0.1\t0.2", ONES, "IN00", name="a")
    assert reading.weights.values[:4] == (1, 0.1, 0.2, 1)


@pytest.mark.parametrize("text", ["1,x", "0.1\t0.2\t0.3", "", "hello", "1;2"])
def test_a_paste_that_is_neither_weights_nor_cells_is_refused(text):
    with pytest.raises(BlockweightError):
        Sheet().paste(text, ONES, "OUT10", name="a")


def test_numbers_that_run_over_the_end_are_refused_as_weights():
    with pytest.raises(BlockweightError, match="A vector of length 3 was given"):
        Sheet().paste("0.1\t0.2\t0.3", ONES, "OUT10", name="a")


def test_a_paste_over_a_bad_cell_mends_it():
    bad = read_cells("a", FULL, row("1", "x"))
    assert Sheet().paste("0.1,0.2", bad, "IN00", name="a").weights.values[1] == 0.1
    with pytest.raises(BlockweightError):
        Sheet().paste("0.1,0.2", bad, "IN04", name="a")


@given(st.text(), st.sampled_from([*FULL.blocks, "NOPE", ""]))
def test_any_paste_is_a_table_or_a_sentence(text, at):
    try:
        reading = Sheet().paste(text, ONES, at, name="a")
    except BlockweightError as refused:
        assert "\n" not in str(refused)
    else:
        assert cells_of(reading.weights)


def test_a_shorter_layout_drops_by_name_and_says_so():
    moved, hints = Sheet().moved(weights_of(WEIGHTS), SHORT, None)
    assert moved.weight("IN04") == weights_of(WEIGHTS).weight("IN04")
    assert any(hint.startswith("Dropped: IN00") for hint in hints)


def test_a_longer_layout_asks_for_a_fill():
    short = weights_of(",".join("1" * 17))
    with pytest.raises(BlockweightError, match=r"say nothing of IN00.*write a fill value"):
        Sheet().moved(short, FULL, None)
    assert Sheet().moved(short, FULL, 0.5)[0].weight("IN00") == 0.5


def test_another_family_begins_at_one_and_says_so():
    moved, hints = Sheet().moved(weights_of(WEIGHTS), layout_by_name("sdxl-20"), None)
    assert set(moved.values) == {1.0}
    assert "other parts of the model" in hints[0]


def test_the_outputs_read_back_as_the_weights():
    weights = weights_of(f"Gobuhime:{WEIGHTS}")
    texts = {output.key: output for output in Sheet().outputs(weights, [], 0.5).texts}
    for key in ("tag", "toml", "tsv"):
        assert read_weights(texts[key].text).weights == weights
    assert texts["diffusers"].notes[-1].startswith("Left out: ")


def test_a_notation_that_a_family_lacks_says_why():
    weights = read_weights(",".join("1" * 61)).weights
    texts = {output.key: output for output in Sheet().outputs(weights, [], 0.5).texts}
    assert "sd-scripts takes no learning rate" in texts["sd-scripts"].refused
    assert texts["sd-scripts"].text == ""


def test_a_tag_is_for_the_lora(lora):
    sheet = sheet_for(lora)
    texts = {output.key: output.text for output in sheet.outputs(weights_of(WEIGHTS), [], 0.5).texts}
    assert texts["tag"] == f"<lora:standard:1:lbw={WEIGHTS}>"


def test_a_lora_of_an_unknown_model_has_all_outputs(tmp_path):
    odd = write_lora_file(tmp_path / "odd.safetensors", [], [f"lora_unet_strange_blocks_{n}_proj" for n in range(3)])
    sheet = sheet_for(odd)
    first = sheet.first()
    assert sheet.outputs(first, [], 0.5).helper.weights == first
    assert sheet.read(first.text()).weights.values == first.values


def test_the_blocks_that_are_lacking_are_those_of_the_file_or_of_a_standard_lora(lora, locon):
    assert Sheet().absent(FULL) == frozenset(FULL.blocks) - frozenset(SHORT.blocks)
    assert sheet_for(lora).absent(FULL) == Sheet().absent(FULL)
    assert sheet_for(locon).absent(FULL) == frozenset()


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "nan", "0.5.5"])
def test_a_step_is_above_zero(text):
    with pytest.raises(BlockweightError, match="is no step"):
        parse_step(text)


def test_steps_and_fills_may_be_full_width():
    assert (parse_step("０．２５"), parse_fill("－１"), parse_fill(" ")) == (0.25, -1.0, None)
