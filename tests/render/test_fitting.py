"""Pictures and maps in the size that is drawn, as the WebUI and its ControlNet extension fit them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tiny_parts import picture_file

from blockweight.errors import BlockweightError
from blockweight.plan import RESIZE_MODES, Part
from blockweight.render import identify_picture
from blockweight.render.fitting import fitted, fitted_map, read_part

STRETCHED, CUT, FILLED = RESIZE_MODES
HALVES = Image.fromarray(np.repeat(np.repeat(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), 32, 0), 32, 1))
"""64×32, red on the left, blue on the right."""


@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize("size", [(64, 64), (24, 48), (48, 16), (64, 32)])
def test_a_picture_and_a_map_have_the_size_that_was_asked_for(mode, size):
    assert fitted(HALVES, mode, *size).size == size
    assert fitted_map(HALVES, mode, *size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("fit", [fitted, fitted_map])
def test_what_is_stretched_is_there_whole(fit):
    found = np.asarray(fit(HALVES, STRETCHED, 32, 64))
    assert (found[:, :10, 0] > 240).all()
    assert (found[:, -10:, 2] > 240).all()


@pytest.mark.parametrize("fit", [fitted, fitted_map])
def test_what_is_too_much_is_cut_off_on_both_sides(fit):
    found = np.asarray(fit(HALVES, CUT, 32, 32))
    assert (found[:, :12, 0] > 240).all()
    assert (found[:, -12:, 2] > 240).all()


@pytest.mark.parametrize("size", [(1, 1000), (1000, 1)])
def test_a_strip_that_would_have_no_pixel_has_one(size):
    assert fitted(Image.new("RGB", size, "#ff0000"), FILLED, 16, 16).getcolors() == [(256, (255, 0, 0))]


def test_a_picture_is_filled_with_its_outermost_pixels():
    found = np.asarray(fitted(HALVES, FILLED, 64, 64))
    assert (found[:16] == found[16]).all()
    assert (found[48:] == found[47]).all()
    assert (found[16:48] == np.asarray(HALVES)).all()


def test_a_map_is_filled_with_the_median_of_its_border():
    levels = np.zeros((16, 32, 3), np.uint8)
    levels[4:12, 8:24] = 255
    found = fitted_map(Image.fromarray(levels), FILLED, 32, 32)
    assert not found[:8].any()
    assert (found[8:24] == levels).all()


def test_a_map_of_few_colours_gets_no_others():
    levels = np.zeros((9, 9, 3), np.uint8)
    levels[:3], levels[3:6] = (10, 20, 30), (200, 100, 50)
    found = fitted_map(Image.fromarray(levels), STRETCHED, 31, 31)
    assert {tuple(colour) for colour in found.reshape(-1, 3).tolist()} == {(10, 20, 30), (200, 100, 50), (0, 0, 0)}
    lines = np.zeros((9, 9, 3), np.uint8)
    lines[4] = 255
    assert set(np.unique(fitted_map(Image.fromarray(lines), STRETCHED, 31, 31))) == {0, 255}


def test_what_is_transparent_is_white(tmp_path):
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert set(np.unique(np.asarray(read_part(identify_picture(tmp_path / "clear.png"))))) == {255}


def test_a_picture_lies_as_its_camera_says(tmp_path):
    path = picture_file(tmp_path / "photo.jpg", 1, 32, 16)
    turned = Image.open(path)
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(path, exif=exif)
    assert read_part(identify_picture(path)).size == (16, 32)


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(BlockweightError, match=r"cannot be read as a picture \(UnidentifiedImageError\)"):
        identify_picture(tmp_path / "text.png")
    with pytest.raises(BlockweightError, match="cannot be read"):
        identify_picture(tmp_path / "none.png")
    with pytest.raises(BlockweightError, match="cannot be read"):
        read_part(Part(str(tmp_path / "none.png"), ""))


def test_a_depth_map_of_16_bits_keeps_its_greys(tmp_path):
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(levels).save(tmp_path / "depth.png")
    found = np.asarray(read_part(identify_picture(tmp_path / "depth.png")))
    assert np.abs(found[..., 0] - levels / 257.0).max() <= 0.5
