"""Infotexts in pictures of every kind that WebUIs write."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from blockweight.errors import BlockweightError
from blockweight.plan import infotext_of
from blockweight.project import PictureStore, picture_infotext
from blockweight.project.picture_text import MOST_BYTES, MOST_TEXT
from blockweight.render import Rendering, fake_picture
from infotexts import FORGE
from workshop import job

TEXT = FORGE.strip()
LATIN = "1girl, café\nSteps: 20, Sampler: Euler, Seed: 5"


def png(**texts: str) -> bytes:
    """A PNG with these texts, each as Pillow and with it the WebUI writes it: tEXt if it is Latin-1, else iTXt."""
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return saved("PNG", pnginfo=info)


def saved(kind: str, **options) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(target, kind, **options)
    return target.getvalue()


def commented(kind: str, comment: bytes | str) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return saved(kind, exif=exif.tobytes())


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("text", [TEXT, LATIN, "1girl"])
def test_a_png_carries_it_in_a_text_chunk(text):
    assert picture_infotext(png(parameters=text)) == text


def test_a_text_chunk_may_be_utf_8_against_the_rule():
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"parameters\0" + TEXT.encode())
    assert picture_infotext(saved("PNG", pnginfo=info)) == TEXT


def test_a_text_chunk_may_be_compressed():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", TEXT, zip=True)
    assert picture_infotext(saved("PNG", pnginfo=info)) == TEXT


def test_a_text_chunk_may_stand_behind_the_pixels():
    whole, end = png(), chunk(b"IEND", b"")
    assert whole.endswith(end)
    late = whole.removesuffix(end) + chunk(b"tEXt", b"parameters\0" + LATIN.encode("latin-1")) + end
    assert picture_infotext(late) == LATIN


def test_the_programs_own_pictures_carry_it(tmp_path):
    store = PictureStore(tmp_path)
    store.save(Rendering(job(), fake_picture(job()), 0.5))
    assert picture_infotext(store.path(job()).read_bytes()) == infotext_of(job())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize(
    "comment",
    [
        pytest.param(b"UNICODE\0" + TEXT.encode("utf-16-be"), id="UTF-16 as the WebUI writes it"),
        pytest.param(b"UNICODE\0" + TEXT.encode("utf-16-le"), id="UTF-16, the other way round"),
        pytest.param(b"UNICODE\0" + TEXT.encode("utf-16"), id="UTF-16 that says its order"),
        pytest.param(b"\0" * 8 + TEXT.encode(), id="no code"),
        pytest.param(b"ASCII\0\0\0" + TEXT.encode(), id="ASCII that is UTF-8"),
        pytest.param(TEXT.encode(), id="no eight bytes"),
    ],
)
def test_exif_carries_it_in_the_users_comment(kind, comment):
    assert picture_infotext(commented(kind, comment)) == TEXT


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(), id="PNG"),
        pytest.param(saved("JPEG"), id="JPEG"),
        pytest.param(saved("WEBP"), id="WebP"),
        pytest.param(png(parameters="  "), id="blank"),
        pytest.param(png(Software="a camera"), id="another text"),
        pytest.param(commented("JPEG", b"ASCII\0\0\0"), id="empty comment"),
    ],
)
def test_a_picture_without_one_says_so(data):
    with pytest.raises(BlockweightError, match="The picture carries no infotext"):
        picture_infotext(data)


def comfy_webp() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = 'prompt:{"3": {}}'
    exif[ExifTags.Base.Make] = 'workflow:{"nodes": []}'
    return saved("WEBP", exif=exif)


@pytest.mark.parametrize("data", [png(prompt='{"3": {}}', workflow="{}"), png(workflow="{}"), comfy_webp()])
def test_a_picture_of_comfyui_says_so(data):
    with pytest.raises(BlockweightError, match="is from ComfyUI and carries a workflow, which is not read"):
        picture_infotext(data)


def test_a_picture_of_comfyui_may_carry_one_all_the_same():
    assert picture_infotext(png(prompt="{}", workflow="{}", parameters=TEXT)) == TEXT


@pytest.mark.parametrize("data", [b"", b"text", b"<svg/>", saved("GIF"), saved("BMP"), saved("TIFF")])
def test_what_is_no_such_picture_is_refused(data):
    with pytest.raises(BlockweightError, match="is no PNG, JPEG or WebP picture"):
        picture_infotext(data)


def test_what_is_too_large_is_refused():
    with pytest.raises(BlockweightError, match="larger than 32 MiB"):
        picture_infotext(bytes(MOST_BYTES + 1))
    with pytest.raises(BlockweightError, match="longer than a million characters"):
        picture_infotext(png(parameters="x" * (MOST_TEXT + 1)))


def test_a_compressed_bomb_is_refused():
    info = PngImagePlugin.PngInfo()
    info.add(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(64 << 20)))
    with pytest.raises(BlockweightError, match="The picture is damaged"):
        picture_infotext(saved("PNG", pnginfo=info))


WHOLE = [png(parameters=TEXT), commented("JPEG", b"UNICODE\0" + TEXT.encode("utf-16-be")), commented("WEBP", b"x" * 99)]


@given(st.sampled_from(WHOLE), st.integers(0, 2000), st.binary(max_size=8), st.booleans())
def test_no_damage_gives_more_than_a_sentence(whole, place, put, cut):
    place %= len(whole)
    data = whole[:place] + put + (b"" if cut else whole[place + len(put) :])
    try:
        text = picture_infotext(data)
    except BlockweightError as error:
        assert str(error).endswith((".", "text."))
    else:
        assert text
