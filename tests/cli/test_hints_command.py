"""`blockweight hints`: the table of hints."""

from __future__ import annotations

import json

import pytest

from workshop import WEIGHTS, tree

TWELVE = ",".join("1" * 12)


def names(blockweight):
    return [json.loads(line)["name"] for line in blockweight("hints", "list", "--json").out.splitlines()]


def test_the_list_has_the_sheets_rows(blockweight):
    lines = blockweight("hints", "list").out.splitlines()
    assert len(lines) == 10
    assert lines[4] == "Face_c          sd1-26  0,1,1,1,1,1,0,0,0,1,0,0,0,0,1,0,1,1,1,0,1,1,1,0,0,1"


def test_a_hint_is_shown_under_ones_weights(blockweight):
    ended = blockweight("hints", "show", "Face_c", "--under", f"Gobuhime:{WEIGHTS}")
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["BASE", "Gobuhime", "Face_c"]
    assert "* a standard LoRA has nothing in this block" in lines


def test_ones_weights_may_be_a_tag(blockweight):
    ended = blockweight("hints", "show", "Face_c", "--under", f"<lora:Girl:1:lbw={WEIGHTS}>")
    assert ended.out.splitlines()[2].split()[0] == "Girl"


def test_without_names_all_hints_are_shown(blockweight):
    assert all(name in blockweight("hints", "show").out for name in ("Char876_c", "Face_s"))


def test_hints_are_added_changed_renamed_moved_and_removed(blockweight, config):
    ended = blockweight("hints", "add", f"顔:{TWELVE}", "--note", "mine", "--before", "Char654_c")
    assert ended.out == f"Added: 顔\nwritten: {config / 'hints.toml'}\n"
    assert names(blockweight)[:3] == ["Char876_c", "顔", "Char654_c"]
    blockweight("hints", "set", f"顔:0,{TWELVE[2:]}")
    facts = json.loads(blockweight("hints", "list", "--json").out.splitlines()[1])
    assert (facts["text"], facts["note"]) == (f"顔:0,{TWELVE[2:]}", "mine")
    blockweight("hints", "rename", "顔", "Face")
    blockweight("hints", "move", "Face")
    assert names(blockweight)[-1] == "Face"
    blockweight("hints", "remove", "Face")
    assert "Face" not in names(blockweight)


def test_a_removed_hint_of_the_sheet_comes_back_by_a_reset(blockweight):
    before = names(blockweight)
    blockweight("hints", "remove", "Face_c")
    assert "Face_c" not in names(blockweight)
    blockweight("hints", "reset")
    assert names(blockweight) == before


def test_an_empty_table_says_so(blockweight, config):
    config.mkdir()
    (config / "hints.toml").write_text("")
    for command in ("list", "show"):
        assert "There are no hints; 'hints reset' brings back" in blockweight("hints", command).out


def test_hints_go_out_and_come_in(blockweight, tmp_path):
    blockweight("hints", "add", f"A:{TWELVE}")
    assert blockweight("hints", "export", tmp_path / "h.csv").out.endswith("h.csv (11 hints)\n")
    blockweight("hints", "remove", "A")
    assert blockweight("hints", "import", tmp_path / "h.csv").out.startswith("Imported: 11\n")
    assert names(blockweight)[-1] == "A"


def test_lines_of_a_book_that_give_no_hint_are_said(blockweight, tmp_path):
    (tmp_path / "book.txt").write_text(f"A:{TWELVE}\nfoo\n")
    ended = blockweight("hints", "import", tmp_path / "book.txt")
    assert ended.err == 'Line 2 gives no hint: there is no ":" between a name and its weights.\n'
    assert names(blockweight)[-1] == "A"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "face_c"), "There is no hint called 'face_c'; did you mean 'Face_c'"),
        (("add", TWELVE), "has no name; write NAME:1,0,0.5"),
        (("show", "Face_c", "--under", "A:1,1"), "No layout has 2 block weights; there are 12, 17"),
        (("add", f"Face_c:{WEIGHTS}"), "There is a hint 'Face_c' already; change it by 'hints set'."),
        (("set", f"A:{WEIGHTS}"), "There is no hint called 'A'"),
        (("add", f"A:{WEIGHTS}", "--layout", "17"), "26 weights were given for the 17"),
        (("remove", "A"), "There is no hint called 'A'"),
        (("rename", "Face_c", "Body_c"), "There is a hint 'Body_c' already"),
        (("move", "Face_c", "--before", "A"), "There is no hint called 'A'"),
        (("reset", "A"), "No hint called 'A' ships"),
        (("import", "none.toml"), "There is no file 'none.toml'"),
    ],
)
def test_wrong_use_is_one_sentence_exit_code_2_and_nothing_written(blockweight, config, arguments, words):
    config.mkdir()
    before = tree(config)
    ended = blockweight("hints", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1
    assert tree(config) == before


def test_an_export_does_not_replace_a_file_unasked(blockweight, tmp_path):
    (tmp_path / "h.toml").write_text("mine")
    assert "exists already" in blockweight("hints", "export", tmp_path / "h.toml").err
    assert (tmp_path / "h.toml").read_text() == "mine"
    assert blockweight("hints", "export", tmp_path / "h.toml", "--overwrite").code == 0
