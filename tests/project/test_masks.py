"""Masks in a project folder, and what is no mask."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.measure import mask_digest
from blockweight.project import MaskStore, read_mask
from workshop import tree

LEFT = np.zeros((24, 32), bool)
LEFT[:, :12] = True


def png(array, mode="L"):
    data = io.BytesIO()
    Image.fromarray(array).convert(mode).save(data, "PNG")
    return data.getvalue()


def grey(mask=LEFT):
    return np.where(mask, 255, 0).astype(np.uint8)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
def test_a_black_and_white_png_of_any_kind_is_a_mask(mode):
    assert np.array_equal(read_mask(png(grey(), mode)), LEFT)


def test_what_is_kept_is_loaded_by_its_name(tmp_path):
    store = MaskStore(tmp_path)
    name = store.save(LEFT)
    assert name == mask_digest(LEFT)
    assert np.array_equal(store.load(name), LEFT)
    store.save(LEFT)
    assert set(tree(tmp_path)) == {"masks", f"masks/{name}.png"}


def test_masks_of_other_sizes_with_equal_pixels_have_other_names():
    assert mask_digest(LEFT[:, :16]) != mask_digest(np.ascontiguousarray(LEFT[:, :16]).reshape(16, 24))


def transparent():
    array = np.repeat(grey()[..., None], 4, axis=2)
    array[..., 3] = 128
    return png(array, "RGBA")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png(np.where(LEFT, 254, 0).astype(np.uint8)), "other colours than black and white"),
        (png(np.stack([grey(), grey(), np.zeros_like(grey())], axis=2), "RGB"), "other colours"),
        (transparent(), "other colours"),
        (png(np.zeros((24, 32), np.uint8)), "is of one colour"),
        (png(np.full((24, 32), 255, np.uint8)), "is of one colour"),
        (png(grey())[:60], "cannot be read"),
        (b"", "cannot be read"),
        (b"GIF89a", "cannot be read"),
    ],
)
def test_what_is_no_mask_is_refused(data, words):
    with pytest.raises(BlockweightError, match=words):
        read_mask(data)


def test_a_mask_of_more_pixels_than_any_picture_is_not_unpacked():
    data = io.BytesIO()
    Image.new("1", (5000, 5000)).save(data, "PNG")
    with pytest.raises(BlockweightError, match="more than any picture has"):
        read_mask(data.getvalue())


@given(st.binary(max_size=200), st.integers(0, 150))
def test_any_bytes_are_a_mask_or_one_sentence(data, place):
    whole = png(grey())
    for given_ in (data, whole[:place] + data + whole[place:]):
        try:
            read_mask(given_)
        except BlockweightError as error:
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("name", ["", "../project", "a" * 15, "A" * 16, "a" * 17, "a" * 16 + "\n"])
def test_what_is_no_masks_name_is_refused(tmp_path, name):
    with pytest.raises(BlockweightError, match="is no mask's name"):
        MaskStore(tmp_path).path(name)


def test_a_mask_that_is_gone_or_was_changed_is_one_sentence(tmp_path):
    store = MaskStore(tmp_path)
    with pytest.raises(BlockweightError, match="is not in the project; paint it again"):
        store.load("a" * 16)
    path = store.path(store.save(LEFT))
    path.write_bytes(png(grey(~LEFT)))
    with pytest.raises(BlockweightError, match="was changed by another program"):
        store.load(path.stem)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "masks").write_text("a file")
    with pytest.raises(BlockweightError, match="cannot be made"):
        MaskStore(tmp_path).save(LEFT)
