"""Thumbnails."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.project import SIZES, Project, Thumbnails
from blockweight.render import FakeRenderer
from workshop import SCENE, job

LARGE = job(0.5, scene=type(SCENE)(**{**vars(SCENE), "width": 640, "height": 320}))


@pytest.fixture
def folder(tmp_path):
    with Project(tmp_path) as project:
        list(project.render(FakeRenderer(), [LARGE, job(1.0)]))
    return tmp_path


def test_a_thumbnail_shows_the_picture_with_its_longest_side_at_a_known_size(folder):
    path = Thumbnails(folder).path(LARGE.key, 192)
    with Image.open(path) as small, Image.open(folder / "pictures" / f"{LARGE.key}.png") as picture:
        assert (small.format, small.size) == ("JPEG", (192, 96))
        expected = picture.convert("RGB").resize((192, 96), Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(small, float) - np.asarray(expected, float)).mean() < 8


def test_a_size_in_between_takes_the_next_larger_one(folder):
    thumbnails = Thumbnails(folder)
    assert thumbnails.path(LARGE.key, 100).parent.name == "192"
    assert thumbnails.path(LARGE.key, 5000).parent.name == str(SIZES[-1])


def test_a_picture_smaller_than_the_size_keeps_its_own(folder):
    with Image.open(Thumbnails(folder).path(job(1.0).key, 192)) as small:
        assert small.size == (32, 24)


def test_a_thumbnail_is_made_once(folder):
    thumbnails = Thumbnails(folder)
    first = thumbnails.path(LARGE.key, 192)
    os.utime(first, (1, 1))
    assert thumbnails.path(LARGE.key, 192).stat().st_mtime == 1
    assert [path.name for path in first.parent.iterdir()] == [f"{LARGE.key}.jpg"]


@pytest.mark.parametrize("key", ["", "../project", "a" * 31, "A" * 32, "a" * 33, "a" * 32 + "\n", "é" * 32])
def test_what_is_no_key_is_refused(folder, key):
    with pytest.raises(BlockweightError, match="is no picture's key"):
        Thumbnails(folder).path(key, 192)


def test_a_picture_that_is_not_there_or_damaged_is_one_sentence(folder):
    with pytest.raises(BlockweightError, match=r"no picture 0{32} yet; render it first"):
        Thumbnails(folder).path("0" * 32, 192)
    picture = folder / "pictures" / f"{LARGE.key}.png"
    os.truncate(picture, picture.stat().st_size // 2)
    with pytest.raises(BlockweightError, match=r"cannot be read \(.*\); delete it and render it anew"):
        Thumbnails(folder).path(LARGE.key, 192)
    assert not list(folder.glob("thumbnails/*/*"))


def test_a_folder_that_cannot_be_made_is_one_sentence(folder):
    (folder / "thumbnails").write_text("a file")
    with pytest.raises(BlockweightError, match="cannot be made"):
        Thumbnails(folder).path(LARGE.key, 192)
