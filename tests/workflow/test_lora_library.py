"""LoRA files are found and opened inside the named folders, and nowhere else."""

from __future__ import annotations

import os

import pytest

from blockweight.demo.embedded import lora_file
from blockweight.errors import BlockweightError
from blockweight.workflow.lora_library import Library


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "loras"
    (made / "sub").mkdir(parents=True)
    for name in ("b.safetensors", "a.SAFETENSORS", "sub/c.safetensors", "notes.txt", ".hidden.safetensors"):
        (made / name).write_bytes(b"lora")
    (made / "folder.safetensors").mkdir()
    (tmp_path / "outside.safetensors").write_bytes(b"secret")
    return made


def names(library):
    return [file.name for file in library.files() if not file.embedded]


def test_the_files_of_a_folder_and_those_below_are_listed(folder):
    assert names(Library((folder,))) == ["a.SAFETENSORS", "b.safetensors", "sub/c.safetensors"]


def test_a_file_in_two_of_the_folders_is_listed_once(folder):
    assert names(Library((folder, folder / "sub"))) == ["a.SAFETENSORS", "b.safetensors", "sub/c.safetensors"]


def test_the_embedded_loras_are_always_there(tmp_path):
    files = Library((tmp_path / "none",)).files()
    assert [file.path for file in files] == [lora_file("gobuhime"), lora_file("gobuhime-locon")]
    assert all(file.embedded and file.size > 1000 for file in files)


def test_a_name_that_is_not_text_is_left_out(folder):
    try:
        (folder / os.fsdecode(b"\x83S.safetensors")).write_bytes(b"lora")
    except OSError:
        pytest.skip("this file system takes text alone")
    assert len(names(Library((folder,)))) == 3


def test_a_file_inside_is_opened(folder):
    library = Library((folder,))
    for file in library.files():
        assert library.open_path(str(file.path)) == file.path


@pytest.mark.parametrize(
    "path",
    ["{folder}/../outside.safetensors", "{folder}/sub/../../outside.safetensors", "/etc/a.safetensors", "b.safetensors",
     "{folder}/none.safetensors", "{folder}/folder.safetensors", "{folder}/notes.txt", "{folder}/link.safetensors",
     "{folder}/way/outside.safetensors", "{folder}\x00.safetensors", "", "{folder}/loop.safetensors"],
)  # fmt: skip
def test_a_path_that_leads_out_or_nowhere_is_refused(folder, path):
    (folder / "link.safetensors").symlink_to(folder.parent / "outside.safetensors")
    (folder / "way").symlink_to(folder.parent)
    (folder / "loop.safetensors").symlink_to(folder / "loop.safetensors")
    with pytest.raises(BlockweightError):
        Library((folder,)).open_path(path.format(folder=folder))


def test_links_that_lead_out_are_not_listed(folder):
    (folder / "link.safetensors").symlink_to(folder.parent / "outside.safetensors")
    (folder / "way").symlink_to(folder.parent)
    assert len(names(Library((folder,)))) == 3


def test_a_link_inside_the_folder_is_followed(folder):
    (folder / "link.safetensors").symlink_to(folder / "b.safetensors")
    library = Library((folder,))
    assert "link.safetensors" in names(library)
    assert library.open_path(str(folder / "link.safetensors"))


def test_a_new_file_goes_into_a_folder_or_one_below(folder):
    library = Library((folder,))
    assert library.new_path(str(folder), " new.safetensors ") == folder / "new.safetensors"
    assert library.new_path(str(folder / "sub"), "新.safetensors") == folder / "sub" / "新.safetensors"


@pytest.mark.parametrize(
    "name", ["", " ", "../a.safetensors", "/a.safetensors", "a/b.safetensors", "a\\b.safetensors", "..", "a.txt",
             "a\n.safetensors", "a\x00.safetensors", ".safetensors/..", "link.safetensors"],
)  # fmt: skip
def test_a_new_file_goes_nowhere_else(folder, name):
    (folder / "link.safetensors").symlink_to(folder.parent / "new.safetensors")
    with pytest.raises(BlockweightError):
        Library((folder,)).new_path(str(folder), name)


@pytest.mark.parametrize("place", ["", "/", "relative", "{folder}/..", "{folder}/way"])
def test_a_new_file_goes_into_no_other_folder(folder, place):
    (folder / "way").symlink_to(folder.parent)
    with pytest.raises(BlockweightError, match="none of the folders"):
        Library((folder,)).new_path(place.format(folder=folder), "new.safetensors")


def test_without_folders_nothing_is_inside(folder):
    with pytest.raises(BlockweightError, match="name its folder in the settings"):
        Library(()).open_path(str(folder / "b.safetensors"))
