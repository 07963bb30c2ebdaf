"""A picture from a server is a picture, or an error; it never unpacks to more than fits."""

from __future__ import annotations

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.render.remote import decode_picture, picture_of_base64

PIXELS = np.random.default_rng(1).integers(0, 256, (6, 8, 3), dtype=np.uint8)


def packed(kind, picture=PIXELS, **options):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("data", [packed("PNG"), packed("WEBP", lossless=True)])
def test_a_picture_comes_as_its_pixels(data):
    assert np.array_equal(decode_picture(data), PIXELS)
    text = base64.b64encode(data).decode()
    assert np.array_equal(picture_of_base64(text), PIXELS)
    assert np.array_equal(picture_of_base64(f"data:image/png;base64,{text}"), PIXELS)


def test_grey_becomes_colours():
    assert decode_picture(packed("PNG", PIXELS[..., 0])).shape == (6, 8, 3)


@pytest.mark.parametrize("data", [b"", b"GIF89a", packed("GIF"), packed("PNG")[:60], b"\x89PNG\r\n\x1a\n", b"<svg/>"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(BlockweightError, match="no picture that can be read"):
        decode_picture(data)


def test_what_is_no_base64_is_refused():
    with pytest.raises(BlockweightError, match="no picture"):
        picture_of_base64("§§§")


@pytest.mark.parametrize("side", [8200, 100_000])
def test_a_picture_that_is_too_large_is_not_unpacked(side):
    data = bytearray(packed("PNG"))
    data[16:24] = side.to_bytes(4, "big") * 2  # the sides, in the header's chunk, with its checksum behind it
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    with pytest.raises(BlockweightError, match=r"more than 8192|DecompressionBomb"):
        decode_picture(bytes(data))
