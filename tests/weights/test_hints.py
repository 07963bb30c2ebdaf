"""Hints: the shipped table, and what a person does to it."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import all_layouts, layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, Hint, HintTable, shipped_hints, uniform
from blockweight.weights.hints import parse_hints, print_hints, with_shipped

# The WEIGHT column of HintTable.png and LoraBlockWeightPlotHelper.png.
WEIGHT_COLUMN = """\
Char876_c:0.8,0.6,0.7,0.8,0.7,0.7,0.6,0.6,0.6,0.8,0.6,0.6,0.6,0.8,0.7,0.6,0.8,0.8,0.8,0.8,0.7,0.7,0.7,0.6,0.6,0.7
Char654_c:0.6,0.4,0.5,0.6,0.5,0.5,0.4,0.4,0.4,0.6,0.4,0.4,0.4,0.6,0.5,0.4,0.6,0.6,0.6,0.6,0.5,0.5,0.5,0.4,0.4,0.5
Char432_c:0.4,0.2,0.3,0.4,0.3,0.3,0.2,0.2,0.2,0.4,0.2,0.2,0.2,0.4,0.3,0.2,0.4,0.4,0.4,0.4,0.3,0.3,0.3,0.2,0.2,0.3
CharLrWeight_c:1,0,1,1,1,1,0,0,0,1,0,0,0,1,1,0,1,1,1,1,1,1,1,0,0,1
Face_c:0,1,1,1,1,1,0,0,0,1,0,0,0,0,1,0,1,1,1,0,1,1,1,0,0,1
Body_c:0,1,1,1,0,1,0,0,0,1,0,0,0,0,0,0,1,1,1,1,1,1,1,0,0,1
Face_4:1,0.5,0.5,1,0.5,1,1,0,0.5,0.5,0,0,0,0.5,0.5,0,0.5,0.5,0.5,0,0.5,0.5,1,0,0,0.5
UpperBody_4:1,0.5,0.5,0.5,0,1,1,0.5,0.5,0,0.5,0,0,1,0.5,0,0.5,0.5,0,0,0,0,0,0,0,0
"""
# The cells of Hint.png and LoraBlockWeightPlotHelper.png: BASE, the twelve IN, MID, the twelve OUT.
CELLS = {
    "Face_k": "1  .5 0 .5 .5 1 1 .5 1 1 .5 .5 .5  .5  .5 .5 .5 1 1 1 1 .5 1 .5 .5 .5",
    "Face_s": "1  0 0 0 0 0 0 0 0 0 0 0 0  0  0 0 0 .8 1 1 .2 0 0 0 0 0",
}

LAYOUTS = [layout_by_name(name) for name in ("sdxl-12", "sd1-26", "sd2-26")]
ONE = Hint(uniform("mine", LAYOUTS[0], 1.0), "my own")

LINES = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])).map(str.strip).filter(bool)
WEIGHTS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def hints(draw):
    layout = draw(st.sampled_from(LAYOUTS))
    values = draw(st.tuples(*[WEIGHTS] * len(layout)))
    return Hint(BlockWeights(draw(LINES), layout, values), draw(st.text(st.characters(exclude_categories=["Cs"]))))


TABLES = st.lists(hints(), max_size=3, unique_by=lambda hint: hint.name).map(lambda each: HintTable(tuple(each)))


def test_the_shipped_rows_are_those_of_the_sheets_weight_column():
    texts = {hint.name: hint.weights.text() for hint in shipped_hints().hints}
    assert "".join(f"{texts[line.split(':')[0]]}\n" for line in WEIGHT_COLUMN.splitlines()) == WEIGHT_COLUMN
    assert set(texts) == {line.split(":")[0] for line in WEIGHT_COLUMN.splitlines()} | set(CELLS)


@pytest.mark.parametrize("name", CELLS)
def test_the_shipped_rows_without_a_weight_column_are_those_of_the_cells(name):
    assert shipped_hints().find(name).weights.values == tuple(map(float, CELLS[name].split()))


@pytest.mark.parametrize("hint", shipped_hints().hints, ids=lambda hint: hint.name)
def test_a_shipped_hint_says_where_it_comes_from(hint):
    assert hint.weights.layout.name == "sd1-26"
    assert hint.note.startswith("From LoRA Block Weight Plot Helper.")


@given(TABLES)
def test_a_table_reads_back_from_its_toml(table):
    assert parse_hints(print_hints(table)) == table


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_note_is_sound_toml(note):
    text = print_hints(HintTable((Hint(ONE.weights, note),)))
    assert tomllib.loads(text)["hint"][0].get("note", "") == note


def test_a_hint_is_added_at_the_end_or_before_another():
    assert shipped_hints().added(ONE).names[-1] == "mine"
    assert shipped_hints().added(ONE, "Char654_c").names[:3] == ("Char876_c", "mine", "Char654_c")


def test_a_hint_of_a_known_name_is_not_added():
    with pytest.raises(BlockweightError, match="a hint 'mine' already; change it by 'hints set'"):
        HintTable((ONE,)).added(ONE)


def test_a_changed_hint_stays_in_its_place():
    table = shipped_hints().changed("Char654_c", ONE)
    assert table.names[:3] == ("Char876_c", "mine", "Char432_c")


def test_a_hint_is_renamed_with_weights_and_note():
    assert HintTable((ONE,)).renamed("mine", "私の").find("私の").note == "my own"


def test_a_hint_does_not_take_anothers_name():
    with pytest.raises(BlockweightError, match="a hint 'Face_c' already; choose another name"):
        shipped_hints().renamed("Body_c", "Face_c")


@pytest.mark.parametrize("name", ["", "a\nb", "a\u2028b", "a ", "\ud800"])
def test_a_hints_name_is_one_line_of_text(name):
    with pytest.raises(BlockweightError, match=r"cannot be a hint's name|is not one line of text"):
        HintTable((ONE,)).renamed("mine", name)


def test_a_note_is_text():
    with pytest.raises(BlockweightError, match="a character that is no text"):
        Hint(ONE.weights, "\udcff")


def test_a_weight_for_rest_is_refused_rather_than_lost():
    with pytest.raises(BlockweightError, match="weighs REST, which hints cannot hold"):
        Hint(replace(ONE.weights, rest=0.5))


def test_hints_are_moved_before_another_or_to_the_end():
    table = shipped_hints()
    assert table.moved("Face_s", "Char876_c").names[:2] == ("Face_s", "Char876_c")
    assert table.moved("Char876_c", None).names[-1] == "Char876_c"
    assert table.moved("Char876_c", "Char876_c") == table


def test_a_merge_replaces_in_place_and_appends_the_rest():
    changed = Hint(uniform("Char876_c", LAYOUTS[0], 0.0))
    table = shipped_hints().merged([changed, ONE])
    assert table.hints[0] == changed
    assert table.names == (*shipped_hints().names, "mine")


def test_a_name_that_is_not_there_is_refused_with_near_names():
    with pytest.raises(BlockweightError, match=r"no hint called 'face_c'; did you mean 'Face_c'"):
        shipped_hints().removed("face_c")


def test_one_shipped_hint_comes_back_at_the_end():
    table = shipped_hints().removed("Face_c")
    assert with_shipped(table, "Face_c").find("Face_c") == shipped_hints().find("Face_c")


def test_all_shipped_hints_come_back_in_their_order_and_ones_own_stay():
    table = HintTable((ONE, Hint(uniform("Face_c", LAYOUTS[0], 0.0))))
    assert with_shipped(table).hints == (*shipped_hints().hints, ONE)


def test_a_hint_that_does_not_ship_does_not_come_back():
    with pytest.raises(BlockweightError, match="No hint called 'mine' ships; there are Char876_c"):
        with_shipped(shipped_hints(), "mine")


ROW = '[[hint]]\nname = "A"\nlayout = "sdxl-12"\nweights = "1,1,1,1,1,1,1,1,1,1,1,1"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[hint", "are not TOML"),
        ("hint = " + "[" * 100_000, "are not TOML"),
        ("hint = " + "9" * 10_000, "are not TOML"),
        ("hint = 1", r"must hold \[\[hint\]\] tables and nothing else"),
        ("[other]", r"must hold \[\[hint\]\] tables and nothing else"),
        ("hint = [1]", "Hint 1 of the TOML must have name, layout and weights"),
        (ROW + ROW.replace("weights", "note"), "Hint 2 of the TOML must have name, layout and weights"),
        (ROW + "note = 1", "all of them texts"),
        (ROW + 'more = "1"', "and nothing else"),
        (ROW + ROW, "Two hints are called 'A'"),
        (ROW.replace("1,1,1,", "1,1,"), "Hint 1 of the TOML, 'A': 9 weights were given for the 12"),
        (ROW.replace("1,1,1,", "1,one,1,"), "Hint 1 of the TOML, 'A': 'one' is not a number"),
        (ROW.replace("sdxl-12", "sdxl-13"), "Hint 1 of the TOML, 'A': There is no layout called 'sdxl-13'"),
        (ROW.replace('"1,', '"A:1,'), "must be numbers alone"),
        (ROW.replace('"A"', '""'), "cannot be a hint's name"),
    ],
)
def test_what_is_no_table_is_refused_where_it_is_wrong(text, words):
    with pytest.raises(BlockweightError, match=words):
        parse_hints(text)


@given(st.text() | st.text().map(f"{ROW}{{}}".format) | st.text().map(lambda text: ROW.replace("1,1,1", text)))
def test_any_text_is_a_table_or_one_line_of_refusal(text):
    try:
        parse_hints(text)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
        assert len(str(error)) < 400


@given(st.text(), st.text() | st.sampled_from(shipped_hints().names))
def test_any_names_change_the_table_or_are_refused_in_one_line(name, other):
    table = shipped_hints()
    for change in (
        lambda: table.renamed(other, name),
        lambda: table.moved(other, name),
        lambda: table.removed(name),
        lambda: table.added(ONE, name),
        lambda: with_shipped(table, name),
    ):
        try:
            change()
        except BlockweightError as error:
            assert str(error).splitlines() == [str(error)]


@pytest.mark.parametrize("layout", all_layouts(), ids=lambda layout: layout.name)
def test_a_hint_of_every_layout_reads_back(layout):
    table = HintTable((Hint(uniform("A", layout, 0.5)),))
    assert parse_hints(print_hints(table)) == table
