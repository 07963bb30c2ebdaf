"""Text files are read and written whole."""

from __future__ import annotations

import pytest

from blockweight.errors import BlockweightError
from blockweight.workflow.text_files import read_text, write_text
from workshop import tree


def test_text_comes_back_byte_for_byte(tmp_path):
    text = "\ufeff顔\r\nb\rc\n"
    write_text(tmp_path / "a.txt", text, overwrite=False)
    assert (tmp_path / "a.txt").read_bytes() == text.encode()
    assert read_text(tmp_path / "a.txt") == text


def test_a_file_is_not_replaced_unasked(tmp_path):
    write_text(tmp_path / "a.txt", "a", overwrite=False)
    with pytest.raises(BlockweightError, match=r"exists already; choose another name, or allow overwriting \(--over"):
        write_text(tmp_path / "a.txt", "b", overwrite=False)
    assert read_text(tmp_path / "a.txt") == "a"
    write_text(tmp_path / "a.txt", "b", overwrite=True)
    assert read_text(tmp_path / "a.txt") == "b"


def test_nothing_is_left_beside_a_written_file(tmp_path):
    write_text(tmp_path / "a.txt", "a", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.txt", "There is no file"),
        ("folder", "is a folder; name a file in it"),
        ("latin.txt", r"is not UTF-8 text \(line 2\); save it as UTF-8"),
        ("large.txt", "is larger than 16 MiB"),
        ("a\nb", "There is no file '.*a b'; check the path"),
        ("a\0b", "cannot be read"),
        ("n" * 300, "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.txt").write_bytes(b"a\n\xe9\n")
    (tmp_path / "large.txt").write_bytes(b"a" * ((16 << 20) + 1))
    with pytest.raises(BlockweightError, match=words):
        read_text(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "words"),
    [("folder", "is a folder"), ("none/a.txt", "There is no folder"), ("a\0b", "cannot be"), ("n" * 300, "cannot be")],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, name, words):
    (tmp_path / "folder").mkdir()
    before = tree(tmp_path)
    with pytest.raises(BlockweightError, match=words):
        write_text(tmp_path / name, "a", overwrite=True)
    assert tree(tmp_path) == before
