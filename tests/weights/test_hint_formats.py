"""Hints as rows of the sheet and as preset books."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from blockweight.blocks import layout_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import BlockWeights, Hint, HintTable, parse_book, shipped_hints
from blockweight.weights.hint_formats import book_hints, hints_book, parse_sheet, print_sheet

TWELVE = layout_by_name("sdxl-12")
ROW = "\t".join(["A", *"101010101010"])
HEADER = "\t".join(["NAME", *(block if block != "M00" else "MID" for block in TWELVE.blocks), "WEIGHT"])
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])).map(str.strip)


@st.composite
def tables(draw):
    found = []
    for name in draw(st.lists(TEXTS.filter(bool), max_size=3, unique=True)):
        layout = layout_by_name(draw(st.sampled_from(["sdxl-12", "sd1-26", "flux1-61"])))
        values = draw(st.tuples(*[st.integers(-20, 20).map(lambda tenths: tenths / 10)] * len(layout)))
        found.append(Hint(BlockWeights(name, layout, values), draw(TEXTS)))
    return HintTable(tuple(found))


@given(tables(), st.sampled_from([",", "\t"]))
def test_a_table_reads_back_from_its_rows(table, delimiter):
    # Cells are trimmed as people leave spaces in them; names of rows must survive that to be told apart.
    assert parse_sheet(print_sheet(table, delimiter), delimiter) == table.hints


def test_rows_as_the_sheet_copies_them():
    sheet = f"{HEADER}\n{ROW}\tA:1,0,1,0,1,0,1,0,1,0,1,0\n\n{ROW.replace('A', 'B')}\t\n"
    first, second = parse_sheet(sheet, "\t")
    assert (first.name, first.weights.layout, first.weights.vector()) == ("A", TWELVE, "1,0,1,0,1,0,1,0,1,0,1,0")
    assert (second.name, second.weights.values) == ("B", first.weights.values)


def test_rows_without_a_header_are_told_by_their_length():
    assert [hint.weights.layout for hint in parse_sheet(ROW, "\t")] == [TWELVE]


def test_the_weight_column_alone_will_do():
    assert parse_sheet("A:1,0,1,0,1,0,1,0,1,0,1,0", "\t")[0].weights.layout == TWELVE


def test_a_hint_may_be_called_name():
    table = HintTable((Hint(BlockWeights("NAME", TWELVE, (1.0,) * 12)),))
    assert parse_sheet(print_sheet(table, ","), ",") == table.hints


def test_a_layout_chooses_the_family():
    layout = layout_by_name("sd2-26")
    sheet = print_sheet(shipped_hints(), ",")
    assert {hint.weights.layout for hint in parse_sheet(sheet, ",", layout)} == {layout}


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        (f"{HEADER}\n{ROW}\tA:1,0,1,0,1,0,1,0,1,0,1,1", "Row 2 of the sheet: its cells and its WEIGHT 'A:1,0,1,0,1"),
        (f"{HEADER}\n{ROW}\tB:1,0,1,0,1,0,1,0,1,0,1,0", "its cells and its WEIGHT 'B:"),
        (f"{ROW}\nFix\tTRUE{chr(9)}FALSE", "Row 2 of the sheet: no layout has 2 weights"),
        (f"{HEADER}\nFix{chr(9)}TRUE" + "\tTRUE" * 11, "Row 2 of the sheet: 'TRUE' is not a number"),
        (f"{HEADER}\n" + ROW.replace("\t1", "\t", 1), "Row 2 of the sheet: '' is not a number"),
        ("NAME\tBASE\tIN99", "Row 1 of the sheet: no layout has the 2 blocks 'BASE IN99'"),
        (f"{ROW}\n{ROW}", "Two rows are called 'A'"),
        ("\t".join(["", *"101010101010"]), "Row 1 of the sheet: '' cannot be a hint's name"),
    ],
)
def test_a_row_that_is_wrong_is_named(sheet, words):
    with pytest.raises(BlockweightError) as caught:
        parse_sheet(sheet, "\t")
    assert words in str(caught.value)


@given(st.text() | st.lists(st.text()).map("\t".join), st.sampled_from([",", "\t"]))
def test_any_sheet_gives_hints_or_one_line_of_refusal(text, delimiter):
    try:
        parse_sheet(text, delimiter)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
        assert len(str(error)) < 400


def test_the_shipped_table_goes_through_a_preset_book():
    book = hints_book(shipped_hints())
    hints, left_out = book_hints(parse_book(book.text()))
    assert [hint.weights for hint in hints] == [hint.weights for hint in shipped_hints().hints]
    assert left_out == ()
    assert book.text().startswith("# From LoRA Block Weight Plot Helper.\nChar876_c:")


def test_lines_that_give_no_hint_are_named():
    ones = ",".join("1" * 12)
    hints, left_out = book_hints(parse_book(f"# c\n\nA:{ones}\nfoo\nB:{ones[:-1]}R\n"))
    assert [hint.name for hint in hints] == ["A"]
    assert left_out[0] == 'Line 4 gives no hint: there is no ":" between a name and its weights.'
    assert left_out[1].startswith("Line 5, 'B', gives no hint: 'R' is not a number")


def test_a_name_that_a_book_cannot_hold_is_refused():
    hint = Hint(BlockWeights("a:b", TWELVE, (1.0,) * 12))
    with pytest.raises(BlockweightError, match="would not take the preset 'a:b'"):
        hints_book(HintTable((hint,)))


@given(st.text(), st.sampled_from(["lbw", "inspire"]))
def test_any_book_gives_hints_and_lines_of_what_gives_none(text, reader):
    assume("\ud800" not in text)
    _, left_out = book_hints(parse_book(text, reader))
    assert all(sentence.splitlines() == [sentence] for sentence in left_out)
