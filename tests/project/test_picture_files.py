"""Pictures that carry what they were made with, in every format."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import infotext_of, read_infotext, scene_settings
from blockweight.project import FORMATS, picture_bytes, picture_format, picture_texts, webui_hashes, write_picture
from blockweight.render import fake_picture
from infotext_jobs import PROMPTS, jobs, with_prompt
from workshop import LORA, job, tree

KINDS = sorted(set(FORMATS.values()))
PIXELS = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("kind", KINDS)
@given(made=jobs())
def test_every_format_carries_infotext_and_facts(kind, made):
    text = infotext_of(made)
    found = picture_texts(picture_bytes(PIXELS, kind, text, made.facts()))
    assert json.loads(found.facts) == made.facts()
    read, meant = scene_settings(read_infotext(found.infotext)), scene_settings(read_infotext(text))
    assert (read, read_infotext(found.infotext).settings) == (meant, read_infotext(text).settings)
    assert (found.kind, found.width, found.height) == (kind, 8, 8)


@pytest.mark.parametrize("kind", KINDS)
@given(prompt=PROMPTS)
def test_every_format_carries_any_prompt(kind, prompt):
    found = picture_texts(picture_bytes(PIXELS, kind, infotext_of(with_prompt(prompt))))
    assert scene_settings(read_infotext(found.infotext)).prompt == prompt


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("letter", ["a", "一", "👩"])
def test_a_very_long_prompt_is_carried(kind, letter):
    prompt = letter * 200_000
    data = picture_bytes(PIXELS, kind, infotext_of(with_prompt(prompt)), with_prompt(prompt).facts())
    found = picture_texts(data)
    assert scene_settings(read_infotext(found.infotext)).prompt == prompt
    assert json.loads(found.facts)["scene"]["prompt"] == prompt


def test_a_jpeg_that_cannot_hold_all_of_it_is_refused():
    assert picture_bytes(PIXELS, "JPEG", infotext_of(with_prompt("a" * 30_000)))
    with pytest.raises(BlockweightError, match=r"longer than a JPEG can hold \(64 KiB\); save it as PNG or WebP"):
        picture_bytes(PIXELS, "JPEG", infotext_of(with_prompt("a" * 33_000)))


@pytest.mark.parametrize(("kind", "same"), [("PNG", True), ("WEBP", True), ("JPEG", False)])
def test_png_and_webp_keep_every_pixel(kind, same):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(np.asarray(opened(picture_bytes(noise, kind)).convert("RGB")), noise) is same


@pytest.mark.parametrize(("text", "chunk"), [("1girl, café", b"tEXt"), ("ゴブ姫", b"iTXt"), ("Ã©", b"iTXt")])
def test_a_png_has_the_infotext_in_the_chunk_that_the_webui_writes(text, chunk):
    data = picture_bytes(PIXELS, "PNG", text)
    assert data[data.index(b"parameters") - 4 : data.index(b"parameters")] == chunk
    assert opened(data).info["parameters"] == text


@pytest.mark.parametrize("kind", ["WEBP", "JPEG"])
def test_exif_has_the_infotext_as_the_webui_writes_it(kind):
    image = opened(picture_bytes(PIXELS, kind, "ゴブ姫", {"a": "ゴ"}))
    exif = image.getexif()
    comment = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    assert comment == b"UNICODE\0" + "ゴブ姫".encode("utf-16-be")
    assert exif[ExifTags.Base.ImageDescription] == 'blockweight:{"a": "\\u30b4"}'
    assert not {"parameters", "comment", "xmp"} & image.info.keys()


def test_equal_input_gives_equal_bytes():
    for kind in KINDS:
        assert picture_bytes(PIXELS, kind, "a", {"b": 1}) == picture_bytes(PIXELS, kind, "a", {"b": 1})


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.WEBP", "WEBP"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG")]
)
def test_the_ending_decides_the_format(tmp_path, name, kind):
    write_picture(tmp_path / name, PIXELS, "1girl", {"b": 1})
    assert picture_texts((tmp_path / name).read_bytes()).kind == kind
    assert list(tree(tmp_path)) == [name]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match=r"'a\.gif' ends in none of \.png, \.webp, \.jpg, \.jpeg"):
        write_picture(tmp_path / "a.gif", PIXELS)
    assert picture_format(tmp_path / "b.png") == "PNG"
    assert tree(tmp_path) == {}


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_picture(tmp_path / "taken.png", PIXELS)
    assert tree(tmp_path) == {"taken.png": None}


def test_the_hash_is_that_of_the_loras_data_or_its_stamp(locon):
    made = job(lora=type(LORA)(str(locon), LORA.digest))
    assert webui_hashes(made) == {LORA.digest: open_lora(locon).data_digest[:12]}
    assert webui_hashes(job()) == {}, "there is no such file"


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_a_picture_or_a_sentence(data):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"RIFF\0\0\0\0WEBP"):
        with pytest.raises(BlockweightError):
            picture_texts(start + data)


def test_a_fake_picture_of_a_job_says_what_it_shows():
    made = job(0.5)
    found = picture_texts(picture_bytes(fake_picture(made), "WEBP", infotext_of(made), made.facts()))
    assert (found.width, found.height) == (32, 24)
