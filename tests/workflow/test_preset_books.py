"""Preset books on disk."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.workflow.preset_books import (
    change_book,
    checked_lines,
    default_lines,
    is_sound,
    merge_files,
    read_book,
    shown_preset,
)
from workshop import tree

ONES = ",".join("1" * 17)
ZEROS = ",".join("0" * 17)


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "lbwpresets.txt"
    path.write_bytes(f"\ufeff# 私の本\r\n顔:{ONES}\r\nfoo\r\nR:{ONES[:-1]}R".encode())
    return path


def test_the_check_aligns_full_width_names_and_counts(book):
    *lines, blank, last = "\n".join(checked_lines(read_book(book))).splitlines()
    assert blank == ""
    assert last == "For LoRA Block Weight: presets 2, comments 1, skipped 1, fail when used 0"
    assert lines == [
        "line  kind     name",
        "   1  comment        # 私の本",
        "   2  preset   顔    17 weights",
        "   3  skipped        'foo': there is no \":\" between a name and its weights",
        "   4  preset   R     17 weights",
    ]


def test_an_empty_book_has_no_lines(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    book = read_book(tmp_path / "empty.txt")
    assert list(checked_lines(book))[1:] == [
        "\nFor LoRA Block Weight: presets 0, comments 0, skipped 0, fail when used 0"
    ]


def test_a_book_is_sound_if_nothing_is_skipped_and_nothing_fails(book, tmp_path):
    assert not is_sound(read_book(book))
    (tmp_path / "b.txt").write_text(f"# c\n\nA:{ONES}\n")
    assert is_sound(read_book(tmp_path / "b.txt"))
    (tmp_path / "b.txt").write_text(f"A:{ONES}x\n")
    assert not is_sound(read_book(tmp_path / "b.txt"))


def test_a_preset_is_shown_as_its_line_and_by_block(book):
    line, layout, head, row, *_ = [text for text in "\n".join(shown_preset(read_book(book), "R")).splitlines() if text]
    assert (line, layout) == (f"R:{ONES[:-1]}R", "sd1-17")
    assert head.split()[:3] == ["BASE", "IN01", "IN02"]
    assert row.split()[:3] == ["R", "1", "1"]


def test_a_preset_of_a_length_without_a_layout_is_shown_as_its_line(tmp_path):
    (tmp_path / "b.txt").write_text("A:" + ",".join("1" * 13))
    assert list(shown_preset(read_book(tmp_path / "b.txt", "inspire"), "A")) == ["A:" + ",".join("1" * 13)]


def test_a_change_leaves_all_else_byte_for_byte(book):
    before = book.read_bytes()
    assert change_book(book, lambda read: read.with_preset(f"顔:{ZEROS}"), "lbw", None, overwrite=False) == book
    assert book.read_bytes() == before.replace(f"顔:{ONES}".encode(), f"顔:{ZEROS}".encode())


def test_a_change_into_another_file_leaves_the_book(book, tmp_path):
    before, out = book.read_bytes(), tmp_path / "new.txt"
    change_book(book, lambda read: read.without("R"), "lbw", out, overwrite=False)
    assert book.read_bytes() == before
    assert read_book(out).presets == {"顔": ONES}


def test_a_refused_change_writes_nothing(book, tmp_path):
    before = tree(tmp_path)
    with pytest.raises(BlockweightError, match="no preset 'X'"):
        change_book(book, lambda read: read.without("X"), "lbw", None, overwrite=False)
    with pytest.raises(BlockweightError, match="exists already"):
        change_book(book, lambda read: read.without("R"), "lbw", book, overwrite=False)
    assert tree(tmp_path) == before


def test_two_files_are_merged_into_a_third(book, tmp_path):
    (tmp_path / "b.txt").write_text(f"B:{ZEROS}\n顔:{ZEROS}\n")
    merged = merge_files(book, tmp_path / "b.txt", tmp_path / "out.txt", "second", "lbw", overwrite=False)
    assert (merged.added, merged.differing) == (("B",), ("顔",))
    assert read_book(tmp_path / "out.txt").presets == {"顔": ZEROS, "R": f"{ONES[:-1]}R", "B": ZEROS}


def test_defaults_are_lines_that_lbw_takes():
    assert [line.split(":")[0] for line in default_lines("26")][:3] == ["NONE", "ALL", "INS"]
    assert len(list(default_lines("sdxl-20"))) == 10


@pytest.mark.parametrize("layout", ["25", "sd9", "", "٣", "9" * 5000])
def test_a_layout_that_is_not_there_is_refused(layout):
    with pytest.raises(BlockweightError, match="There is no layout"):
        list(default_lines(layout))


@given(st.text())
def test_any_layout_gives_presets_or_one_line_of_refusal(layout):
    try:
        list(default_lines(layout))
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary())
def test_any_file_is_a_book_or_refused_in_one_line(tmp_path, data):
    path = tmp_path / "any.txt"
    path.write_bytes(data)
    try:
        lines = list(checked_lines(read_book(path)))
    except BlockweightError as error:
        assert "is not UTF-8 text" in str(error)
    else:
        assert all(len(line.strip("\n").splitlines()) <= 1 for line in lines)
