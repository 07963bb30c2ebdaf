"""What pictures say of how they were made."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from blockweight.blocks import REST
from blockweight.errors import BlockweightError
from blockweight.plan import LoraUse, OtherLora, infotext_of
from blockweight.project import picture_bytes, picture_texts
from blockweight.weights import uniform
from blockweight.workflow.picture_info import PictureInfo, info_of, picture_info
from comfyui_prompts import GRAPH
from infotexts import FORGE
from workshop import LORA, SCENE, SHORT, job

PIXELS = np.zeros((24, 32, 3), np.uint8)
OTHER = OtherLora(LoraUse("style.safetensors", "e" * 64, 0.5, 0.25, 3, 9), uniform("", SHORT, 0.125))
MADE = job(0.5, scene=replace(SCENE, loras=(OTHER,)))
OWN = {kind: picture_bytes(PIXELS, kind, infotext_of(MADE), MADE.facts()) for kind in ("PNG", "WEBP", "JPEG")}


def told(data: bytes) -> PictureInfo:
    return info_of(Path("picture.png"), picture_texts(data))


def comfy_png(**chunks: str) -> bytes:
    info, target = PngImagePlugin.PngInfo(), io.BytesIO()
    for name, text in chunks.items():
        info.add_text(name, text)
    Image.fromarray(PIXELS).save(target, "PNG", pnginfo=info)
    return target.getvalue()


def comfy_webp() -> bytes:
    exif, target = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Model] = f"prompt:{json.dumps(GRAPH)}"
    exif[ExifTags.Base.Make] = 'workflow:{"nodes": []}'
    Image.fromarray(PIXELS).save(target, "WEBP", exif=exif)
    return target.getvalue()


COMFY = [comfy_png(prompt=json.dumps(GRAPH), workflow='{"nodes": []}'), comfy_webp()]


@pytest.mark.parametrize("kind", OWN)
def test_the_programs_own_say_every_fact(kind):
    found = told(OWN[kind])
    facts = MADE.facts()["scene"]
    own = {name: value for name, value in facts.items() if name not in ("checkpoint", "loras")}
    assert found.source == "Blockweight"
    assert {name: found.fields[name] for name in own} == own
    assert (found.fields["model_digest"], found.fields["key"]) == (SCENE.checkpoint.digest, MADE.key)
    first, second = found.loras
    assert (first.name, first.strength, first.digest) == ("gobuhime", 1.0, LORA.digest)
    assert first.weights == {**dict(MADE.variant.weights.items()), REST: 1.0}
    assert (second.name, second.strength, second.text_strength, second.start, second.stop) == ("style", 0.5, 0.25, 3, 9)
    assert (found.kind, found.width, found.height) == (kind, 32, 24)


def test_a_webuis_picture_says_its_loras_and_settings():
    found = told(picture_bytes(PIXELS, "PNG", FORGE))
    assert found.source == "WebUI"
    assert found.fields["prompt"] == "masterpiece, 1girl,\nゴブ姫、森の中"
    assert (found.fields["seed"], found.fields["size"], found.fields["clip_skip"]) == (4021967, "512x768", 2)
    assert (found.fields["sampler"], found.fields["scheduler"]) == ("DPM++ 2M", "Karras")
    gobuhime, style = found.loras
    assert (gobuhime.weights, gobuhime.weights_text, gobuhime.hash) == (None, "OUTALL", "0a1b2c3d4e5f")
    assert (style.strength, style.hash) == (0.5, "9f8e7d6c5b4a")


def test_a_vector_of_a_webuis_picture_is_told_block_by_block():
    found = told(
        picture_bytes(PIXELS, "PNG", f"a <lora:x:1:lbw=1,{','.join(['0.5'] * 16)}>\nSteps: 20, Sampler: Euler")
    )
    assert found.loras[0].weights["BASE"] == 1
    assert found.loras[0].weights["OUT11"] == 0.5


def test_a_setting_that_is_not_understood_is_listed():
    found = told(picture_bytes(PIXELS, "PNG", "a\nSteps: 20, Sampler: Euler, Magic: 5"))
    assert found.unknown == ("'Magic: 5' plays no part here.",)


@pytest.mark.parametrize("data", COMFY)
def test_a_picture_of_comfyui_says_its_graph(data):
    found = told(data)
    assert (found.source, found.unknown, found.notes) == ("ComfyUI", (), ())
    assert (found.fields["seed"], found.fields["sampler"], found.fields["size"]) == (
        156680208700286,
        "dpmpp_2m",
        "512x768",
    )
    first, second = found.loras
    assert (first.name, first.strength, first.text_strength) == ("gobuhime.safetensors", 0.8, 0.5)
    assert first.weights_text.startswith("SD-ALL:1,0,0.5")
    assert second.weights_text == ""


def test_a_workflow_alone_is_listed_and_not_guessed():
    found = told(comfy_png(workflow='{"nodes": [{"type": "KSampler", "widgets_values": [5]}]}'))
    assert (found.fields, found.unknown) == ({}, ("node KSampler",))
    assert "the workflow alone" in found.notes[0]


def test_facts_that_were_changed_are_told_and_the_infotext_is_read():
    found = told(picture_bytes(PIXELS, "PNG", infotext_of(MADE), {"scene": 5}))
    assert found.source == "WebUI"
    assert "facts cannot be read" in found.notes[0]


def test_a_picture_that_says_nothing_says_so():
    assert told(picture_bytes(PIXELS)).lines() == ["picture.png: PNG, 32x24, says nothing of how it was made"]


def test_the_lines_are_a_table_of_the_blocks():
    lines = told(OWN["PNG"]).lines()
    assert "picture.png: PNG, 32x24, made by Blockweight" in lines
    assert "  LoRA 'gobuhime': strength 1, digest dddddddddddddddd" in lines
    assert "    BASE  0.5   IN00  0.5   IN01  0.5   IN02  0.5   IN03  0.5   IN04  0.5" in lines
    assert (
        "  LoRA 'style': strength 0.5, in text encoders 0.25, from step 3, until step 9, digest eeeeeeeeeeeeeeee"
        in lines
    )


def test_no_sign_in_a_picture_moves_the_terminal():
    data = picture_bytes(
        PIXELS, "PNG", "a\x1b[2J\nNegative prompt: \x07\nSteps: 20, Sampler: Euler, Mag\x1bic: \x1b]0;x"
    )
    assert "\x1b" not in "".join(told(data).lines())
    assert "\x1b" not in "".join(told(comfy_png(prompt=json.dumps({"1": {"class_type": "\x1b[2J"}}))).lines())


def test_a_file_that_is_no_picture_is_one_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    for path in (tmp_path / "a.png", tmp_path / "none.png", tmp_path):
        with pytest.raises(BlockweightError):
            picture_info(path)


WHOLE = [*OWN.values(), *COMFY, picture_bytes(PIXELS, "WEBP", FORGE)]


@settings(max_examples=300)
@given(st.sampled_from(WHOLE), st.integers(0, 20_000), st.binary(max_size=8), st.booleans())
def test_no_damage_is_more_than_a_sentence(whole, place, put, cut):
    place %= len(whole)
    data = whole[:place] + put + (b"" if cut else whole[place + len(put) :])
    try:
        found = told(data)
    except BlockweightError as error:
        assert len(str(error)) < 300
    else:
        json.dumps(found.facts(), ensure_ascii=False).encode()
        "\n".join(found.lines()).encode()
