"""Preset books: what is not changed stays byte for byte, and nothing is skipped without a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import merge_books, parse_book
from blockweight.weights.preset_book import PresetBook

ZEROS, ONES, HALVES = (",".join([number] * 17) for number in ("0", "1", "0.5"))
BOOK = f"# mine\r\nNONE:{ZEROS}\r\n\r\nnote to self\r\n顔:{ONES}\nNONE:{HALVES}"

READERS = st.sampled_from(["lbw", "inspire"])
NAMES = st.sampled_from(["A", "B", "顔", "a b", "ALL0.5"])
PRESETS = st.builds("{}:{}".format, NAMES, st.sampled_from([ZEROS, ONES, HALVES]))
LINES = PRESETS | st.sampled_from(["# c", "", "  ", "foo", "A:1,1", f"B:{ONES} # c", "@X:5"]) | st.text()
TEXTS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"]))).map(
    lambda lines: "".join(text + end for text, end in lines)
)


def kinds(book: PresetBook) -> list[str]:
    return [entry.kind for entry in book.entries]


@given(TEXTS | st.text() | st.text().map("\ufeff{}".format), READERS)
def test_a_book_prints_as_it_was_read(text, reader):
    book = parse_book(text, reader)
    assert book.text() == text
    assert parse_book(book.text(), reader) == book


def test_every_line_is_told():
    assert kinds(parse_book(BOOK)) == ["comment", "skipped", "blank", "skipped", "preset", "preset"]


def test_of_two_presets_of_one_name_the_last_counts_and_the_first_is_skipped_for_that():
    book = parse_book(BOOK)
    assert book.find("NONE") == HALVES
    assert book.entries[1].reason == "line 6 has the same name, and the last one counts"


def test_a_preset_is_found_by_its_name_letter_for_letter():
    book = parse_book(BOOK)
    assert book.find("顔") == ONES
    assert (book.find("none"), book.find(" NONE"), book.find("note to self")) == (None, None, None)


def test_a_vector_is_found_raw():
    assert parse_book(f"A: {ONES[:-1]}X-0.1 ").find("A") == f"{ONES[:-1]}X-0.1"


def test_an_at_line_generates_for_inspire_and_is_skipped_by_lbw():
    assert kinds(parse_book("@SD-FULL:17", "inspire")) == ["generator"]
    assert kinds(parse_book("@SD-FULL:17", "lbw")) == ["skipped"]


def test_a_byte_order_mark_is_no_part_of_the_name_but_a_problem():
    book = parse_book(f"\ufeffA:{ONES}\nB:{ONES}")
    assert book.find("A") == ONES
    assert "byte order mark, which LoRA Block Weight takes for a part of it" in book.entries[0].problem
    assert book.entries[1].problem is None


def test_a_new_preset_becomes_the_last_line_with_the_books_own_end():
    assert parse_book(BOOK).with_preset(f"B:{ONES}").text() == f"{BOOK}\r\nB:{ONES}\r\n"
    assert parse_book("").with_preset(f"B:{ONES}").text() == f"B:{ONES}\n"


def test_setting_a_preset_changes_only_the_line_that_counts():
    assert parse_book(BOOK).with_preset(f"NONE:{ONES}").text() == BOOK.replace(HALVES, ONES)


def test_weights_are_set_as_people_paste_them():
    pasted = "B：" + "\t".join("１" * 17)
    assert parse_book("").with_preset(pasted).find("B") == ONES


def test_values_that_only_the_reader_knows_can_be_set():
    assert parse_book("").with_preset(f"B:{ONES[:-1]}R").find("B") == f"{ONES[:-1]}R"
    assert parse_book("", "inspire").with_preset(f"B:{ONES[:-1]}1 0.5").find("B") == f"{ONES[:-1]}1 0.5"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("B:1,1,1", "it has 3 weights"),
        (ONES, "it has no name"),
        (f"#B:{ONES}", "would not take the preset '#B': a name may not begin with \"#\""),
        (f"B#:{ONES}", 'there is a "#" in it'),
        (f"a:b:{ONES}", 'or have a ":" in it'),
        (f"a,b:{ONES}", "it has 18 weights"),
        (f"B:{ONES[:-1]}one", "weight 17 (OUT11) is 'one', which is not a number"),
        (f"\ufeffB:{ONES}", "its name is not one line of text"),
        (f"B\ud800:{ONES}", "is not one line of text"),
        ("", "holds no block weights"),
    ],
)
def test_a_preset_that_would_be_skipped_or_fail_is_refused(text, words):
    with pytest.raises(BlockweightError) as caught:
        parse_book(BOOK).with_preset(text)
    assert words in str(caught.value)


def test_removing_takes_every_line_of_the_name():
    assert parse_book(BOOK).without("NONE").text() == f"# mine\r\n\r\nnote to self\r\n顔:{ONES}\n"


def test_renaming_keeps_which_line_counts():
    book = parse_book(BOOK).renamed("NONE", "OFF")
    assert book.text() == BOOK.replace("NONE", "OFF")
    assert book.find("OFF") == HALVES


def test_renaming_to_a_name_that_is_taken_is_refused():
    with pytest.raises(BlockweightError, match="has a preset '顔' already"):
        parse_book(BOOK).renamed("NONE", "顔")


@pytest.mark.parametrize("name", ["", " ", "a:b", "#a", "@a ", "a\nb", "a\u2028b", "a "])
def test_renaming_to_what_is_no_name_is_refused(name):
    with pytest.raises(BlockweightError, match="would not take the preset"):
        parse_book(BOOK).renamed("NONE", name)


def test_moving_takes_all_lines_of_the_name_along():
    assert parse_book(BOOK).moved("NONE", "顔").text() == (
        f"# mine\r\n\r\nnote to self\r\nNONE:{ZEROS}\r\nNONE:{HALVES}\r\n顔:{ONES}\n"
    )


def test_moving_without_a_place_is_to_the_end():
    assert parse_book(BOOK).moved("顔", None).text() == BOOK.replace(f"顔:{ONES}\n", "") + f"\r\n顔:{ONES}\n"


def test_moving_before_itself_changes_nothing():
    assert parse_book(BOOK).moved("NONE", "NONE").text() == BOOK


@pytest.mark.parametrize("change", ["without", "renamed", "moved"])
def test_a_preset_that_is_not_there_is_refused_with_near_names(change):
    more = {"without": (), "renamed": ("X",), "moved": (None,)}[change]
    with pytest.raises(BlockweightError, match="no preset 'NOME' in the book: did you mean 'NONE'"):
        getattr(parse_book(BOOK), change)("NOME", *more)


@given(TEXTS, READERS, st.sampled_from(["set", "remove", "rename", "move", "end"]), NAMES, NAMES)
def test_comments_and_other_lines_keep_their_text_and_order_whatever_is_changed(text, reader, change, name, other):
    book = parse_book(text, reader)
    try:
        changed = {
            "set": lambda: book.with_preset(f"{name}:{ONES}"),
            "remove": lambda: book.without(name),
            "rename": lambda: book.renamed(name, other),
            "move": lambda: book.moved(name, other),
            "end": lambda: book.moved(name, None),
        }[change]()
    except BlockweightError:
        return

    def others(read: PresetBook) -> list[str]:
        return [entry.text for entry in read.entries if entry.name not in {name, other} or entry.vector is None]

    again = parse_book(changed.text(), reader)
    assert others(again) == others(book)
    assert again.lines == changed.lines


@given(TEXTS, READERS, NAMES)
def test_what_is_set_is_found(text, reader, name):
    assert parse_book(parse_book(text, reader).with_preset(f"{name}:{HALVES}").text(), reader).find(name) == HALVES


@given(st.text(), st.text(), st.text(), READERS)
def test_any_input_gives_a_book_or_one_line_of_refusal(text, typed, name, reader):
    book = parse_book(text, reader)
    for change in (
        lambda: book.with_preset(typed),
        lambda: book.without(name),
        lambda: book.with_preset(f"A:{ONES}").renamed("A", name),
        lambda: book.moved(name, typed),
    ):
        try:
            change()
        except BlockweightError as error:
            assert str(error).splitlines() == [str(error)]
            assert len(str(error)) < 400


FIRST = f"# first\nA:{ONES}\nB:{ONES}\n"
SECOND = f"# first\nB:{ZEROS}\n\n# new\nfoo\nC:{ONES}\nA: {ONES.replace(',', ', ')}\n\n"


def test_a_merge_appends_what_only_the_second_has_in_its_order():
    merged = merge_books(parse_book(FIRST), parse_book(SECOND))
    assert merged.book.text() == f"{FIRST}# new\nfoo\nC:{ONES}\n"
    assert (merged.added, merged.equal, merged.differing) == (("C",), ("A",), ("B",))


def test_a_merge_that_prefers_the_second_takes_its_weights_where_the_first_has_the_name():
    merged = merge_books(parse_book(FIRST), parse_book(SECOND), "second")
    assert merged.book.text() == f"# first\nA:{ONES}\nB:{ZEROS}\n# new\nfoo\nC:{ONES}\n"


@given(TEXTS, st.sampled_from(["first", "second"]))
def test_merging_a_book_with_itself_changes_nothing(text, prefer):
    book = parse_book(text)
    assert merge_books(book, book, prefer).book == book


@given(TEXTS, TEXTS, READERS)
def test_a_merge_has_every_preset_of_both_and_every_line_of_the_first(first, second, reader):
    one, two = parse_book(first, reader), parse_book(second, reader)
    merged = parse_book(merge_books(one, two).book.text(), reader)
    assert dict(merged.presets) == {**two.presets, **one.presets}
    assert [line.text for line in merged.lines[: len(one.lines)]] == [line.text for line in one.lines]
    assert {entry.text for entry in two.entries if entry.kind == "comment"} <= {line.text for line in merged.lines}
