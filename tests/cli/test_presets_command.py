"""`blockweight presets`: books in, books out."""

from __future__ import annotations

import json

import pytest

from workshop import tree

ONES = ",".join("1" * 17)
ZEROS = ",".join("0" * 17)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.txt").write_text(f"# mine\nA:{ONES}\nB:{ZEROS}\n", newline="")
    (tmp_path / "bad.txt").write_text(f"A:{ONES}\nfoo\nA:{ONES[:-1]}x\n", newline="")
    (tmp_path / "utf16.txt").write_text(f"A:{ONES}", encoding="utf-16")
    (tmp_path / "folder").mkdir()
    return tmp_path


def text(place):
    return (place / "book.txt").read_text()


def test_a_sound_book_is_told_line_by_line(blockweight, place):
    ended = blockweight("presets", "check", "book.txt")
    assert (ended.code, ended.err) == (0, "")
    assert "   2  preset   A     17 weights" in ended.out.splitlines()


def test_a_book_with_skipped_lines_ends_with_exit_code_1(blockweight, place):
    ended = blockweight("presets", "check", "bad.txt")
    assert ended.code == 1
    assert "line 3 has the same name, and the last one counts" in ended.out
    assert "17 weights; fails when used: weight 17 (OUT11) is 'x', which is not a number" in ended.out


def test_the_check_in_json_is_an_object_a_line(blockweight, place):
    rows = [json.loads(line) for line in blockweight("presets", "check", "bad.txt", "--json").out.splitlines()]
    assert [(row["number"], row["kind"]) for row in rows] == [(1, "skipped"), (2, "skipped"), (3, "preset")]
    assert rows[2]["problem"].startswith("weight 17")


def test_the_check_can_be_for_the_inspire_pack(blockweight, place):
    (place / "inspire.txt").write_text("@X:5\nSD:" + ",".join("1" * 27))
    assert blockweight("presets", "check", "inspire.txt", "--for", "inspire").code == 0
    assert blockweight("presets", "check", "inspire.txt").code == 1


def test_a_preset_is_shown_by_block(blockweight, place):
    ended = blockweight("presets", "show", "book.txt", "A")
    assert ended.out.startswith(f"A:{ONES}\n\nsd1-17\n")


def test_the_defaults_are_the_tutorials(blockweight, place):
    lines = blockweight("presets", "defaults").out.splitlines()
    assert len(lines) == 10
    assert lines[0] == f"NONE:{ZEROS}"


def test_the_defaults_of_another_layout_become_a_book(blockweight, place):
    blockweight("presets", "defaults", "--layout", "sdxl-20", "-o", "sdxl.txt")
    assert blockweight("presets", "check", "sdxl.txt").code == 0


def test_set_remove_rename_and_move_change_the_book(blockweight, place):
    assert blockweight("presets", "set", "book.txt", f"C:{ONES}").out == "written: book.txt\n"
    assert text(place) == f"# mine\nA:{ONES}\nB:{ZEROS}\nC:{ONES}\n"
    blockweight("presets", "move", "book.txt", "C", "--before", "A")
    blockweight("presets", "rename", "book.txt", "A", "顔")
    blockweight("presets", "remove", "book.txt", "B")
    assert text(place) == f"# mine\nC:{ONES}\n顔:{ONES}\n"


def test_a_merge_says_what_it_took(blockweight, place):
    (place / "b.txt").write_text(f"A:{ONES}\nB:{ONES}\nC:{ONES}\n")
    ended = blockweight("presets", "merge", "book.txt", "b.txt", "-o", "out.txt", "--prefer", "second")
    assert ended.out == "Added: C\nEqual: A\nFrom the second: B\nwritten: out.txt\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "none.txt"), "There is no file 'none.txt'; check the path."),
        (("check", "utf16.txt"), "is not UTF-8 text (line 1); save it as UTF-8"),
        (("check", "folder"), "is a folder"),
        (("show", "book.txt", "C"), "There is no preset 'C' in the book: did you mean 'A', 'B'?"),
        (("set", "book.txt", "C:1,1"), "LoRA Block Weight would not take the preset 'C': it has 2 weights"),
        (("set", "none.txt", f"C:{ONES}"), "There is no file 'none.txt'"),
        (("set", "book.txt", f"C:{ONES}", "-o", "bad.txt"), "'bad.txt' exists already; choose another name, or allow"),
        (("remove", "book.txt", "C"), "There is no preset 'C'"),
        (("rename", "book.txt", "A", "B"), "has a preset 'B' already"),
        (("move", "book.txt", "A", "--before", "C"), "There is no preset 'C'"),
        (("merge", "book.txt", "bad.txt", "-o", "book.txt"), "'book.txt' exists already"),
        (("merge", "book.txt", "bad.txt", "-o", "none/out.txt"), "There is no folder"),
        (("defaults", "--layout", "25"), "There is no layout of length 25; there are 12, 17"),
    ],
)
def test_wrong_use_is_one_sentence_exit_code_2_and_nothing_written(blockweight, place, arguments, words):
    before = tree(place)
    ended = blockweight("presets", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1
    assert tree(place) == before
