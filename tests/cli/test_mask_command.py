"""`blockweight mask`: masks as files, for --mask."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from blockweight.measure import Box, Detections
from blockweight.workflow.own_files import load_mask
from workshop import tree

GREEN, RED = (74, 143, 60), (200, 30, 30)


@pytest.fixture
def picture(tmp_path):
    """A green square, 8×8, in a red picture, 32×24."""
    pixels = np.empty((24, 32, 3), np.uint8)
    pixels[...] = RED
    pixels[4:12, 10:18] = GREEN
    path = tmp_path / "princess.png"
    Image.fromarray(pixels).save(path)
    return path


SQUARE = np.zeros((24, 32), bool)
SQUARE[4:12, 10:18] = True


def mask_in(path):
    return load_mask(path, 32, 24)


@pytest.mark.parametrize("option", [("--colour", "#4a8f3c"), ("--color", "4A8F3D"), ("--hue", "80-170")], ids=" ".join)
def test_a_colour_becomes_a_mask_that_an_analysis_takes(blockweight, picture, tmp_path, option):
    out = tmp_path / "mask.png"
    ended = blockweight("mask", "colour", picture, *option, "-o", out)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"written: {out} (32×24 pixels, 8.3 % inside)\n"
    assert np.array_equal(mask_in(out), SQUARE)


def test_several_colours_are_inside_together(blockweight, tmp_path):
    pixels = np.array([[GREEN, RED, (0, 0, 255)]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "p.png")
    out = tmp_path / "mask.png"
    blockweight("mask", "colour", tmp_path / "p.png", "--colour", "#4a8f3c", "--hue", "340-20", "-o", out)
    assert load_mask(out, 3, 1).tolist() == [[True, True, False]]


def test_a_mask_is_grown_then_inverted_then_cut(blockweight, picture, tmp_path):
    left = np.zeros((24, 32), bool)
    left[:, :12] = True
    Image.fromarray(left).save(tmp_path / "left.png")
    out = tmp_path / "mask.png"
    options = ("--grow", "1", "--invert", "--within", tmp_path / "left.png")
    assert blockweight("mask", "colour", picture, "--colour", "#4a8f3c", *options, "-o", out).code == 0
    grown = SQUARE.copy()
    grown[3:13, 10:18] = grown[4:12, 9:19] = True  # a disc of one pixel leaves the corners
    assert np.array_equal(mask_in(out), ~grown & left)


def test_transparency_is_white(blockweight, tmp_path):
    Image.fromarray(np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8)).save(tmp_path / "p.png")
    out = tmp_path / "mask.png"
    blockweight("mask", "colour", tmp_path / "p.png", "--colour", "#fff", "-o", out)
    assert load_mask(out, 2, 1).tolist() == [[True, False]]


@pytest.mark.parametrize(("how", "inside"), [("union", 3), ("intersect", 1), ("difference", 1)])
def test_two_masks_are_combined(blockweight, tmp_path, how, inside):
    for name, row in (("a", [1, 1, 0, 0]), ("b", [0, 1, 1, 0])):
        Image.fromarray(np.array([row], bool)).save(tmp_path / f"{name}.png")
    out = tmp_path / "mask.png"
    ended = blockweight("mask", "combine", tmp_path / "a.png", tmp_path / "b.png", "--how", how, "-o", out, "--json")
    facts = json.loads(ended.out)
    assert facts == {"file": str(out), "width": 4, "height": 1, "share": inside / 4, "found": []}
    assert load_mask(out, 4, 1).sum() == inside


class FoundSquare:
    """A detector that finds the green square when it is asked for a face."""

    def detect(self, picture, find, confidence):
        boxes = (Box("face", 0.87, 10, 4, 18, 12),) if find == "face" and confidence <= 0.87 else ()
        return Detections(boxes, SQUARE if boxes else np.zeros_like(SQUARE))


@pytest.fixture
def detector(monkeypatch):
    monkeypatch.setattr("blockweight.workflow.mask_files.load_detector", lambda path: FoundSquare())


def test_what_a_detector_finds_becomes_a_mask(blockweight, picture, tmp_path, detector):
    out = tmp_path / "mask.png"
    options = ("--detector", tmp_path / "face.onnx", "--find", "face")
    ended = blockweight("mask", "detect", picture, *options, "-o", out)
    assert ended.out.splitlines() == [
        "face 87%, 10,4 to 18,12",
        f"written: {out} (32×24 pixels, 8.3 % inside)",
    ]
    assert np.array_equal(mask_in(out), SQUARE)
    found = json.loads(blockweight("mask", "detect", picture, *options, "-o", out, "--overwrite", "--json").out)
    assert found["found"] == [{"label": "face", "score": 0.87, "box": [10, 4, 18, 12]}]


def test_a_detector_that_finds_nothing_writes_nothing(blockweight, picture, tmp_path, detector):
    before = tree(tmp_path)
    options = ("--detector", tmp_path / "face.onnx", "--find", "face", "--confidence", "0.9")
    ended = blockweight("mask", "detect", picture, *options, "-o", tmp_path / "mask.png")
    assert ended.code == 2
    assert "found nothing of the kind" in ended.err
    assert "0.9 or more; lower --confidence" in ended.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--colour", "green"), "'green' is no colour"),
        (("--hue", "80"), "must be two numbers of degrees"),
        (("--hue", "80-1-2"), "must be two numbers of degrees"),
        (("--hue", "80-nan"), "Hues are 0 to 360"),
        (("--colour", "#fff", "--tolerance", "-1"), "tolerance must be 0"),
        ((), "Say which colour is inside"),
        (("--colour", "#00f", "--tolerance", "1"), "Nothing would be inside"),
        (("--colour", "#fff", "--tolerance", "200"), "whole picture would be inside"),
        (("--colour", "#4a8f3c", "--within", "missing.png"), "mask 'missing.png' cannot be read (No such file"),
    ],
)
def test_what_makes_no_mask_is_said_and_nothing_is_written(blockweight, picture, tmp_path, arguments, said):
    before = tree(tmp_path)
    ended = blockweight("mask", "colour", picture, *arguments, "-o", tmp_path / "mask.png")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("princess.png", "is what the mask is made from, and stays"),
        ("mask.jpg", "must end in .png"),
        ("taken.png", "exists already"),
        ("no-folder/mask.png", "There is no folder"),
    ],
)
def test_a_place_that_cannot_take_the_mask_is_refused(blockweight, picture, tmp_path, out, said):
    (tmp_path / "taken.png").write_bytes(b"mine")
    before = tree(tmp_path)
    overwrite = ("--overwrite",) if out == "princess.png" else ()
    ended = blockweight("mask", "colour", picture, "--colour", "#4a8f3c", "-o", tmp_path / out, *overwrite)
    assert ended.code == 2
    assert said in ended.err
    assert tree(tmp_path) == before


def test_a_picture_that_cannot_be_read_is_said(blockweight, tmp_path):
    (tmp_path / "p.png").write_bytes(b"no picture")
    for path, reason in ((tmp_path / "p.png", "UnidentifiedImageError"), (tmp_path / "q.png", "No such file")):
        ended = blockweight("mask", "colour", path, "--colour", "#fff", "-o", tmp_path / "mask.png")
        assert ended.code == 2
        assert f"The picture '{path}' cannot be read ({reason}" in ended.err


def test_masks_of_other_sizes_are_not_combined(blockweight, picture, tmp_path):
    for name, row in (("a", [1, 0]), ("b", [0, 1, 1])):
        Image.fromarray(np.array([row], bool)).save(tmp_path / f"{name}.png")
    ended = blockweight("mask", "combine", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "mask.png")
    assert ended.code == 2
    assert "2×1 and 3×1 pixels" in ended.err
