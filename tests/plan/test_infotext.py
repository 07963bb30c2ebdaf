"""Infotexts, taken apart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blockweight.plan import (
    Checkpoint,
    Infotext,
    Job,
    LoraUse,
    Scene,
    Variant,
    infotext_of,
    quote_setting,
    read_infotext,
    tagged_loras,
)
from blockweight.weights import BlockWeights
from blockweight.weights.notations.tag import LoraTag
from infotexts import FORGE, PIECES, TUTORIAL
from workshop import FULL


def settings_of(line: str) -> dict[str, str]:
    """The settings of an infotext whose last line this is."""
    return dict(read_infotext(f"1girl\nSteps: 20, Sampler: Euler, {line}").settings)


def meant(read: Infotext) -> LoraTag | None:
    """The tag of the LoRA that the picture is about."""
    tuned = tagged_loras(read, []).tuned
    return None if tuned is None else tuned.tag


def test_the_tutorials_infotext_is_understood_whole():
    read = read_infotext(TUTORIAL)
    assert read.prompt == "1girl, gobuhime, longhair, hairornament, choker <lora:gobuhime-Defmix2:1:XYZ>"
    assert read.bare_prompt == "1girl, gobuhime, longhair, hairornament, choker"
    assert read.negative_prompt == "EasyNegative, (nude, nipples: 1.3)"
    assert (meant(read).name, meant(read).te, meant(read).unet, meant(read).weights) == (
        "gobuhime-Defmix2",
        1,
        1,
        "XYZ",
    )
    assert list(read.settings.items()) == [
        ("Steps", "25"),
        ("Sampler", "DPM++ 2M Karras"),
        ("CFG scale", "8"),
        ("Seed", "-1"),
        ("Size", "512x512"),
        ("Model hash", "31c9be0ee8"),
        ("Model", "Defmix-v2.0"),
        ("Denoising strength", "0.6"),
        ("Clip skip", "2"),
        ("Hires upscale", "1.5"),
        ("Hires steps", "15"),
        ("Hires upscaler", "Latent (nearest-exact)"),
    ]
    assert read.unread == ""


def test_a_forge_infotext_has_prompts_of_several_lines_and_quoted_values():
    read = read_infotext(FORGE)
    assert read.bare_prompt == "masterpiece, 1girl,\nゴブ姫、森の中"
    assert read.negative_prompt == "lowres,\nbad hands"
    assert read.settings["Schedule type"] == "Karras"
    assert read.settings["ControlNet 0"] == (
        "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 1.0, Control Mode: Balanced"
    )
    assert read.settings["Hires prompt"] == 'a "b", c\nd'
    assert read.settings["Lora hashes"] == "gobuhime: 0a1b2c3d4e5f, style: 9f8e7d6c5b4a"
    assert read.settings["Version"] == "f2.0.1v1.10.1"
    assert len(read.settings) == 15


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ('Hashes: {"model": "31c9be0ee8", "vae": "f921"}, Seed: 5',
         {"Hashes": '{"model": "31c9be0ee8", "vae": "f921"}', "Seed": "5"}),
        ('Civitai resources: [{"type":"lora","weight":0.8}], Seed: 5',
         {"Civitai resources": '[{"type":"lora","weight":0.8}]', "Seed": "5"}),
        ('Hires upscaler: "half open, Seed: 5', {"Hires upscaler": '"half open', "Seed": "5"}),
        ('Model: [old] anime, Seed: 5', {"Model": "[old] anime", "Seed": "5"}),
        ("Model: a: b, Seed: 5", {"Model": "a: b", "Seed": "5"}),
        ("Tiling, Seed: 5", {"Tiling": "Tiling", "Seed": "5"}),
        ("VAE: , Seed: 5,", {"VAE": "", "Seed": "5"}),
        ("Seed: 5, Seed: 6", {"Seed": "6"}),
        ("モデル: アニメ", {"モデル": "アニメ"}),
        (r'Model: "\ud83d"', {"Model": "\ufffd"}),
        (r'Model: "\ud83d\ude00"', {"Model": "😀"}),
    ],
)  # fmt: skip
def test_a_value_is_json_where_it_is_whole_and_else_ends_at_a_comma(line, settings):
    assert settings_of(line) == {"Steps": "20", "Sampler": "Euler", **settings}


@pytest.mark.parametrize(
    ("text", "prompt", "negative", "seed"),
    [
        ("1girl", "1girl", "", None),
        ("", "", "", None),
        ("1girl\nNegative prompt: ugly", "1girl", "ugly", None),
        ("Negative prompt: ugly", "", "ugly", None),
        ("1girl\nSteps: 20, Seed: 5", "1girl", "", "5"),
        ("Negative prompt: ugly\nSteps: 20, Seed: 5", "", "ugly", "5"),
        ("Steps: 20, Sampler: Euler, Seed: 5", "", "", "5"),
        ("Sampler: Euler, Seed: 5", "", "", "5"),
        ("1girl\r\nNegative prompt: ugly\r\nSteps: 20, Seed: 5\r\n", "1girl", "ugly", "5"),
        ("\ufeff1girl\n\n  Negative prompt:ugly\n\nSteps: 20, Seed: 5", "1girl", "ugly", "5"),
    ],
)
def test_every_part_may_be_missing(text, prompt, negative, seed):
    read = read_infotext(text)
    assert (read.prompt, read.negative_prompt, read.settings.get("Seed")) == (prompt, negative, seed)


@pytest.mark.parametrize(
    "prompt",
    [
        "Steps: 5, Sampler: a stone staircase, Seed: a seed",
        "time: noon, place: forest, mood: calm",
        "stairs\nSteps: 3, Sampler: x, Seed: 1\nhouse",
    ],
)
def test_a_prompt_may_look_like_settings(prompt):
    assert read_infotext(f"{prompt}\nNegative prompt: ugly\nSteps: 20, Sampler: Euler, Seed: 5").prompt == prompt
    assert read_infotext(f"{prompt}\nSteps: 20, Sampler: Euler, Seed: 5").prompt == prompt


def test_what_looks_like_settings_above_a_negative_prompt_is_prompt():
    prompt = "a\nSteps: 3, Sampler: x, Seed: 1"
    read = read_infotext(f"{prompt}\nNegative prompt: ugly")
    assert (read.prompt, read.negative_prompt, read.settings) == (prompt, "ugly", {})


@pytest.mark.parametrize("prompt", ["time: noon, place: forest, mood: calm", "Model: x", "Model T, Size: big"])
def test_a_prompt_with_colons_and_commas_alone_is_no_line_of_settings(prompt):
    assert read_infotext(prompt).prompt == prompt


def test_lines_below_the_settings_are_settings_or_said_to_be_unread():
    read = read_infotext("1girl\nSteps: 20, Sampler: Euler, Seed: 5\nTemplate: {a|b}\nfrom a forum\n")
    assert (read.prompt, read.settings["Seed"], read.settings["Template"]) == ("1girl", "5", "{a|b}")
    assert read.unread == "from a forum"


@pytest.mark.parametrize(
    ("prompt", "bare"),
    [
        ("a <lora:x:1> b", "a b"),
        ("a, <lora:x:1>, b", "a,, b"),
        ("<lora:x:1>a<lyco:y:1>", "a"),
        ("a\n<lora:x:1>\nb", "a\n\nb"),
        ("a <hypernet:x:1>", "a"),
        ("a <lora:x:1", "a <lora:x:1"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_tags_are_taken_out_of_the_prompt(prompt, bare):
    assert read_infotext(prompt).bare_prompt == bare


def test_the_lora_meant_is_the_one_with_block_weights():
    assert meant(read_infotext("a <lora:x:1> <lora:y:0.5:lbw=MIDD> <lora:z:1:lbw=ALL>")).name == "y"
    assert meant(read_infotext("a <lora:x:1> <lora:z:1>")).name == "x"
    assert meant(read_infotext("a <hypernet:x:1>")) is None


def test_a_tag_that_cannot_be_read_says_why():
    (tag,) = read_infotext("a <lora:x:1:1:1:colour=red>").tags
    assert tag.lora is None
    assert "The tag's option 'colour' is unknown" in tag.problem


LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))
PROMPTS = st.lists(LINES, max_size=4).map("\n".join).filter(lambda text: "Negative prompt:" not in text).map(str.strip)
PLAIN = PROMPTS.filter(lambda text: "<" not in text and not text.startswith("\ufeff"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JOBS = st.builds(
    lambda prompt, negative, seed, steps, cfg, size, model, strength, values: Job(
        Scene("", Checkpoint(f"models/{model}", "c" * 64), prompt, negative, seed, steps, cfg, "Euler a", *size),
        LoraUse("loras/gobuhime.safetensors", "d" * 64, strength),
        Variant("x", BlockWeights("x", FULL, tuple(values))),
    ),
    PLAIN,
    PROMPTS,
    st.integers(0, 2**63 - 1),
    st.integers(1, 1000),
    NUMBERS,
    st.tuples(st.integers(1, 99999), st.integers(1, 99999)),
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\"), min_size=1).map("m{}".format),
    NUMBERS,
    st.lists(NUMBERS, min_size=26, max_size=26),
)


@given(JOBS)
def test_what_the_program_writes_into_its_pictures_it_reads_back(job):
    read, scene = read_infotext(infotext_of(job)), job.scene
    assert (read.bare_prompt, read.negative_prompt) == (scene.prompt, scene.negative_prompt)
    assert (meant(read).name, meant(read).unet) == ("gobuhime", job.lora.strength)
    assert meant(read).weights == job.variant.weights.vector()
    said = read.settings
    assert (int(said["Seed"]), int(said["Steps"]), float(said["CFG scale"])) == (
        scene.seed, scene.steps, scene.cfg_scale,
    )  # fmt: skip
    assert said["Size"] == f"{scene.width}x{scene.height}"
    assert said["Model"] == scene.checkpoint.path.removeprefix("models/").removesuffix(".safetensors")


def test_a_picture_without_the_lora_is_read_back_without_one():
    job = Job(
        Scene("", Checkpoint("m", "c" * 64), "1girl", "", 1, 20, 7, "Euler", 64, 64),
        LoraUse("x.safetensors", "d" * 64),
        Variant("no LoRA", None),
    )
    assert meant(read_infotext(infotext_of(job))) is None
    named = replace(job, scene=replace(job.scene, checkpoint=Checkpoint('m/a, "b": c.safetensors', "c" * 64)))
    assert read_infotext(infotext_of(named)).settings["Model"] == 'a, "b": c'


VALUES = LINES.map(str.strip) | st.builds(json.dumps, st.lists(st.integers() | st.text(max_size=3), max_size=3))


@given(st.dictionaries(st.sampled_from(["Hires prompt", "ControlNet 0", "VAE", "Module 1", "設定"]), VALUES))
def test_settings_are_written_and_read_back(settings):
    given = {"Steps": "20", "Sampler": "Euler", "Seed": "5", **settings}
    line = ", ".join(f"{name}: {quote_setting(value)}" for name, value in given.items())
    assert read_infotext(f"1girl\n{line}").settings == given


@given(st.text(st.characters()) | st.lists(PIECES, max_size=40).map("".join))
@example('a: "' * 50)
@example("Steps: 1, a: " + "[" * 100_000)
@example("Steps: 1, a: " + "9" * 10_000 + ", b: [" + "9" * 10_000 + "]")
def test_any_text_is_an_infotext(text):
    read = read_infotext(text)
    assert (read.tags, meant(read), read.bare_prompt) is not None
    json.dumps([read.prompt, read.negative_prompt, dict(read.settings), read.unread], ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "piece", ["<a:", "[", "(", " ", "[a:", 'a: "', "a: [", "Steps: 20, Seed: 5\n", "<lora:x>", "\\("]
)
def test_long_texts_of_one_piece_are_read(piece):
    text = piece * (200_000 // len(piece))
    assert read_infotext(text).bare_prompt is not None
