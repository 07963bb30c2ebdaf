"""Datasets in kohya's folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.train.buckets import Buckets
from blockweight.train.dataset import load_picture, picture_digest, read_dataset


def draw(path: Path, size=(40, 20), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 40, 40)).save(path, **options)
    return path


def test_folders_give_repeats_and_captions(tmp_path):
    draw(tmp_path / "3_witch girl" / "a.png").with_suffix(".txt").write_text(" 1girl, hat \nsecond line", "utf-8")
    draw(tmp_path / "3_witch girl" / "b.jpg").with_suffix(".caption").write_text("日本", "utf-8")
    draw(tmp_path / "1_reg" / "c.webp")
    draw(tmp_path / "0_off" / "d.png")
    draw(tmp_path / "masks" / "e.png")
    found = read_dataset(tmp_path)
    assert [(p.path.name, p.caption, p.repeats) for p in found.pictures] == [
        ("c.webp", "reg", 1), ("a.png", "1girl, hat", 3), ("b.jpg", "日本", 3),
    ]  # fmt: skip
    assert found.left_out == ("0_off", "masks")
    assert found.folders() == {"1_reg": (1, 1), "3_witch girl": (2, 3)}
    assert found.tags()["3_witch girl"] == {"1girl": 1, "hat": 1, "日本": 1}


def _two_captions(folder: Path) -> None:
    for ending in (".txt", ".caption"):
        draw(folder / "1_a" / "a.png").with_suffix(ending).write_text("x", "utf-8")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: None, "such as '10_name'"),
        (lambda folder: draw(folder / "a.png"), "put them into one in it"),
        (lambda folder: draw(folder / "1_" / "a.png"), "has no caption, and its folder no name"),
        (lambda folder: draw(folder / "1_a" / "a.png").with_suffix(".txt").write_text("\nx"), "is empty"),
        (lambda folder: draw(folder / "1_a" / "a.png").with_suffix(".txt").write_bytes(b"\xff"), "UTF-8"),
        (lambda folder: draw(folder / "1_a" / "a.png").write_bytes(b"no picture"), "cannot be read"),
        (_two_captions, "two captions"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_its_cause(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(BlockweightError, match=says):
        read_dataset(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="There is no folder"):
        read_dataset(tmp_path / "nowhere")


def test_a_picture_is_turned_as_it_is_shown_and_cut_to_its_bucket(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = draw(tmp_path / "1_a" / "a.jpg", (400, 200), exif=exif)
    (picture,) = read_dataset(tmp_path).pictures
    assert picture.size == (200, 400)
    fit = Buckets(128, least=64, most=256).fit(picture.size)
    assert (fit.bucket, load_picture(path, fit).size) == ((64, 192), (64, 192))
    assert len(picture_digest(path)) == 64


def test_what_is_see_through_stands_on_white(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(path)
    assert np.asarray(load_picture(path, Buckets(64, least=64, most=64).fit((64, 64)))).min() == 255
