from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from blockweight.errors import BlockweightError
from blockweight.lora.metadata import covers_value, make_cover, read_covers
from metadata_strategies import NESTED

ROOM = 1_000_000
KEY = "ssmd_cover_images"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def noise(width, height):
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def picture(tmp_path):
    """As a WebUI saves one: its prompt in a text chunk."""
    texts = PngInfo()
    texts.add_text("parameters", "1girl, secret")
    texts.add_itxt("memo", "ゴブ姫")
    path = tmp_path / "絵.png"
    Image.new("RGB", (1024, 1536), "green").save(path, pnginfo=texts)
    return path


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((1024, 1536), (512, 768)), ((1000, 500), (512, 256)), ((100, 3000), (26, 768)), ((64, 48), (64, 48))],
)
def test_a_picture_is_fitted_inside_512_by_768_and_never_enlarged(tmp_path, size, fitted):
    Image.new("RGB", size, "red").save(tmp_path / "a.png")
    cover = make_cover(tmp_path / "a.png", ROOM)
    assert (cover.width, cover.height) == fitted == opened(cover.data).size


def test_the_prompt_in_a_picture_does_not_come_along(picture):
    cover = make_cover(picture, ROOM)
    assert cover.format == "PNG"
    assert cover.texts == {}
    assert b"secret" not in cover.data
    assert opened(cover.data).info == {}


def test_the_prompt_comes_along_when_asked_for(picture):
    cover = make_cover(picture, ROOM, keep_texts=True)
    assert (cover.format, cover.texts) == ("PNG", {"parameters": "1girl, secret", "memo": "ゴブ姫"})


def test_exif_does_not_come_along_but_turns_the_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret"  # turned by 90°; a description
    noise(90, 30).save(tmp_path / "a.jpg", exif=exif)
    cover = make_cover(tmp_path / "a.jpg", ROOM)
    assert (cover.width, cover.height) == (30, 90)
    assert b"secret" not in cover.data


def test_a_picture_that_is_large_as_png_becomes_jpeg_of_the_best_quality_that_fits(tmp_path):
    noise(512, 768).save(tmp_path / "a.png")
    covers = [make_cover(tmp_path / "a.png", room) for room in (ROOM, 320_000, 240_000)]
    assert [cover.format for cover in covers] == ["JPEG"] * 3
    sizes = [len(covers_value(cover)) for cover in covers]
    assert sizes[0] > sizes[1] > sizes[2]
    assert all(size <= room + 4 for size, room in zip(sizes, (ROOM, 320_000, 240_000), strict=True))


def test_a_picture_whose_png_would_take_most_of_the_room_becomes_jpeg(tmp_path):
    noise(200, 300).save(tmp_path / "a.png")  # 240 kB as PNG in base64
    assert make_cover(tmp_path / "a.png", 400_000).format == "JPEG"
    assert make_cover(tmp_path / "a.png", 500_000).format == "PNG"


def test_the_comment_of_a_jpeg_does_not_come_along(tmp_path):
    noise(512, 768).save(tmp_path / "a.jpg", comment=b"secret prompt")
    cover = make_cover(tmp_path / "a.jpg", ROOM)
    assert cover.format == "JPEG"
    assert b"secret" not in cover.data


def test_transparency_is_kept_in_png_and_white_in_jpeg(tmp_path):
    clear = noise(512, 768).convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "a.png")
    jpeg = make_cover(tmp_path / "a.png", 100_000)
    assert (jpeg.format, opened(jpeg.data).getpixel((9, 9))) == ("JPEG", (255, 255, 255))
    Image.new("RGBA", (9, 9), (0, 255, 0, 10)).save(tmp_path / "b.png")
    assert opened(make_cover(tmp_path / "b.png", ROOM).data).mode == "RGBA"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "F"])
def test_a_picture_in_any_mode_becomes_a_cover(tmp_path, mode):
    kind = "tiff" if mode in ("CMYK", "F") else "png"
    Image.new(mode, (20, 30)).save(tmp_path / f"a.{kind}")
    assert make_cover(tmp_path / f"a.{kind}", ROOM).width == 20


def test_a_picture_that_does_not_fit_at_all_is_refused(tmp_path):
    noise(512, 768).save(tmp_path / "a.png")
    for room in (10_000, -1):
        with pytest.raises(BlockweightError, match=r"would need more room .* choose a smaller one"):
            make_cover(tmp_path / "a.png", room)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not a picture", "it is no picture"),
        (b"", "it is no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "cannot be read"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(tmp_path, content, words):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BlockweightError, match=words):
        make_cover(tmp_path / "a.png", ROOM)


def test_a_picture_that_is_cut_off_is_refused(picture):
    picture.write_bytes(picture.read_bytes()[:300])
    with pytest.raises(BlockweightError, match="cannot be read"):
        make_cover(picture, ROOM)


def test_a_picture_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="No such file"):
        make_cover(tmp_path / "none.png", ROOM)
    with pytest.raises(BlockweightError, match="cannot be read"):
        make_cover(tmp_path, ROOM)


def test_a_picture_of_absurd_size_is_refused_unread(picture, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BlockweightError, match="cannot be read"):
        make_cover(picture, ROOM)


def test_the_value_is_a_list_of_plain_base64_and_never_an_empty_text(picture):
    assert covers_value() == "[]"
    cover = make_cover(picture, ROOM)
    (item,) = json.loads(covers_value(cover))
    assert base64.b64decode(item, validate=True) == cover.data
    assert read_covers({KEY: covers_value(cover)}) == (cover,)
    assert read_covers({}) == ()


def test_a_cover_with_the_prefix_of_a_data_url_is_read(picture):
    cover = make_cover(picture, ROOM)
    item = base64.b64encode(cover.data).decode()
    assert read_covers({KEY: json.dumps([f"data:image/png;base64,{item}"])}) == (cover,)


@given(
    st.one_of(NESTED.map(json.dumps), st.text(max_size=30), st.lists(st.binary(max_size=9).map(str)).map(json.dumps))
)
def test_any_value_in_a_covers_place_is_read_or_refused_in_one_sentence(text):
    try:
        read_covers({KEY: text})
    except BlockweightError as error:
        assert "\n" not in str(error)


@given(st.data())
def test_a_damaged_picture_is_read_or_refused_in_one_sentence(data):
    target = io.BytesIO()
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]))
    noise(8, 8).save(target, kind)
    content = bytearray(target.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_covers({KEY: json.dumps([base64.b64encode(content).decode()])})
    except BlockweightError as error:
        assert "\n" not in str(error)
