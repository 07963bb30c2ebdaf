"""A person's own preset book in the config folder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import parse_book
from blockweight.workflow.own_presets import (
    added_preset,
    change_presets,
    edited_preset,
    load_presets,
    merged_presets,
    own_vector,
    place_of_neighbour,
    presets_file,
)
from blockweight.workflow.weight_rows import preset_rows
from workshop import WEIGHTS

ONES = ",".join(["1"] * 17)
BOOK = parse_book(f"# mine\nA:{ONES}\n\nB:{ONES}\nC:{ONES}\n")


def test_the_default_presets_are_the_book_until_it_is_changed(config):
    assert list(load_presets().presets)[:3] == ["NONE", "ALL", "INS"]
    assert not config.exists()
    change_presets(lambda book: added_preset(book, f"Girl:{WEIGHTS}"))
    assert presets_file().read_text().endswith(f"ALL0.5:{','.join(['0.5'] * 17)}\nGirl:{WEIGHTS}\n")
    assert load_presets().find("Girl") == WEIGHTS


def test_a_refused_change_writes_nothing(config):
    with pytest.raises(BlockweightError, match="has the preset 'ALL' already"):
        change_presets(lambda book: added_preset(book, f"ALL:{ONES}"))
    assert not config.exists()


def test_a_preset_is_added_before_another_or_at_the_end():
    assert list(added_preset(BOOK, f"X:{ONES}", "B").presets) == ["A", "X", "B", "C"]
    assert list(added_preset(BOOK, f"X:{ONES}", "gone").presets) == ["A", "B", "C", "X"]


def test_an_edited_preset_stays_in_its_place_and_the_rest_as_it_was():
    edited = edited_preset(BOOK, "B", " X ", WEIGHTS)
    assert edited.text() == BOOK.text().replace(f"B:{ONES}", f"X:{WEIGHTS}")


def test_a_pasted_book_without_a_preset_is_refused_with_the_reason():
    with pytest.raises(BlockweightError, match=r'There is no preset in .*: there is no ":"'):
        merged_presets(BOOK, "note to self", "first")
    with pytest.raises(BlockweightError, match="write each on a line"):
        merged_presets(BOOK, "# a comment", "first")


def test_a_default_preset_as_it_came_has_no_vector_of_ones_own():
    assert own_vector("MIDD") is None
    assert own_vector("nobody") is None
    change_presets(lambda book: edited_preset(book, "MIDD", "MIDD", ONES))
    assert own_vector("MIDD") == ONES


@given(st.lists(st.integers(), unique=True, min_size=1, max_size=6).map(lambda each: [str(n) for n in each]), st.data())
def test_a_place_up_or_down_is_one_place(names, data):
    name = data.draw(st.sampled_from(names))
    place = names.index(name)
    for by, target in (("up", max(place - 1, 0)), ("down", min(place + 1, len(names) - 1))):
        before = place_of_neighbour(names, name, by)
        rest = [each for each in names if each != name]
        at = len(rest) if before is None else place if before == name else rest.index(before)
        assert at == target


@pytest.mark.parametrize(
    ("weight", "heat"),
    [
        ("0", "0"),
        ("0.04", "0"),
        ("0.5", "5"),
        ("1", "10"),
        ("1.01", "beyond"),
        ("-0.01", "below"),
        ("R", ""),
        ("x", ""),
    ],
)
def test_a_cell_is_as_hot_as_its_number(weight, heat):
    (row,) = preset_rows(parse_book(f"A:{weight},{ONES[2:]}\n"))
    assert (row.cells[0].block, row.cells[0].text, row.cells[0].heat) == ("BASE", weight, heat)


@given(st.text())
def test_any_book_has_rows(text):
    for row in preset_rows(parse_book(text)):
        assert len(row.cells) == (row.weights.count(",") + 1 if row.name else 0)
