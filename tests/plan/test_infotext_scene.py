"""What a scene takes from an infotext, and what it says of the rest."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import Scene, read_infotext, scene_settings
from blockweight.plan.infotext_scene import MOST_NOTES, SAYS_WHAT
from blockweight.render.samplers import SAMPLERS
from infotexts import FORGE, PIECES, TUTORIAL


def scene_of(text: str):
    return scene_settings(read_infotext(text), SAMPLERS)


def notes_of(line: str, prompt: str = "1girl") -> dict[tuple[str, ...], str]:
    """The notes on an infotext with these settings beside the plainest."""
    text = f"{prompt}\nSteps: 20, Sampler: Euler, RNG: CPU, {line}"
    return {note.fields: note.text for note in scene_of(text).notes}


def test_the_tutorials_infotext_gives_a_scene_and_names_all_that_it_cannot_have():
    scene = scene_of(TUTORIAL)
    assert (scene.prompt, scene.negative_prompt) == (
        "1girl, gobuhime, longhair, hairornament, choker",
        "EasyNegative, (nude, nipples: 1.3)",
    )
    assert (scene.seed, scene.steps, scene.sampler, scene.cfg_scale) == (None, 25, "DPM++ 2M Karras", 8.0)
    assert (scene.width, scene.height) == (512, 512)
    assert [(note.fields, note.text) for note in scene.notes] == [
        (("Seed",), "Seed -1 draws a new seed for every picture; choose seeds, so that pictures can be compared."),
        (
            ("Hires upscale", "Hires steps", "Hires upscaler", "Denoising strength"),
            "There is no hires pass: pictures have 512×512 pixels.",
        ),
    ]
    assert scene.clip_skip == 2


def test_a_forge_infotext_gives_a_scene_with_the_sampler_and_its_schedule():
    scene = scene_of(FORGE)
    assert (scene.seed, scene.sampler, scene.width, scene.height) == (4021967, "DPM++ 2M Karras", 512, 768)
    assert [note.fields for note in scene.notes] == [
        ("Prompt",), ("Hires prompt",), ("VAE hash", "VAE"), ("ControlNet 0",), ("Seed",),
    ]  # fmt: skip
    assert scene.notes[0].text == "The LoRA 'style' is left out: a scene has no other LoRA than the project's."


@pytest.mark.parametrize(
    ("said", "sampler"),
    [
        ("Sampler: DPM++ 2M Karras", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M", "DPM++ 2M"),
        ("Sampler: DPM++ 2M, Schedule type: Karras", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", "DPM++ 2M Karras"),
        ("Sampler: DPM++ 2M, Schedule type: Uniform", "DPM++ 2M"),
        ("Sampler: DPM++ 2M Karras, Schedule type: Karras", "DPM++ 2M Karras"),
        ("Sampler: Euler a, Schedule type: Automatic", "Euler a"),
        ("Sampler: euler a", "Euler a"),
        ("Sampler: Euler, Schedule type: Karras", None),
        ("Sampler: DPM++ 2M, Schedule type: Exponential", None),
        ("Sampler: DPM++ SDE Karras", None),
        ("Schedule type: Karras", None),
    ],
)
def test_the_sampler_is_one_of_the_renderers(said, sampler):
    scene = scene_of(f"1girl\nSteps: 20, {said}, CFG scale: 7, Seed: 5, RNG: CPU")
    assert scene.sampler == sampler
    assert len(scene.notes) == (sampler is None)


def test_a_sampler_that_is_not_there_is_named_with_those_that_are():
    (note,) = scene_of("1girl\nSteps: 20, Sampler: Euler, Schedule type: Karras").notes
    assert note.fields == ("Sampler", "Schedule type")
    assert note.text == f"There is no sampler 'Euler, Karras' here; choose one of {', '.join(SAMPLERS)}."


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("Steps: 0", "Steps", "Steps '0' is not a number from 1 to 1000."),
        ("Steps: many", "Steps", "'many' is not"),
        ("Steps: 1001", "Steps", "'1001' is not"),
        ("Seed: 9223372036854775808", "Seed", "is not a seed"),
        ("Seed: -2", "Seed", "Seed '-2' is not a seed, a whole number from 0 on."),
        ("CFG scale: high", "CFG scale", "The CFG scale 'high' is not a number from 1 to 100."),
        ("CFG scale: 0.5", "CFG scale", "'0.5'"),
        ("CFG scale: 1e999", "CFG scale", "'1e999'"),
        ("Size: 512", "Size", "'512' is not a size such as 512x768."),
        ("Size: 0x512", "Size", "'0x512'"),
        ("VAE: anime.ckpt", "VAE", "The VAE is not loaded"),
        ("Clip skip: 13", "Clip skip", "Clip skip '13' is not a number from 1 to 12."),
        ("ENSD: 31337", "ENSD", "The sampler's own settings stay as they are."),
        ("Variation seed: 7", "Variation seed", "without variation"),
        ("Denoising strength: 0.6", "Denoising strength", "(img2img)"),
        ("Hires upscale: 2", "Hires upscale", "There is no hires pass: pictures have the size of the first pass."),
        ('ControlNet 0: "a, b: c"', "ControlNet 0", "ControlNet is not applied."),
        ('TI hashes: "EasyNegative: c74b4e810b03"', "TI hashes", "their names are read as words"),
        ("Face restoration: CodeFormer", "Face restoration", "Faces are not restored"),
        ("Refiner: x", "Refiner", "There is no second model"),
        ("AddNet Enabled: True", "AddNet Enabled", "Additional Networks"),
        ("Token merging ratio: 0.5", "Token merging ratio", "'Token merging ratio: 0.5' plays no part here."),
        ("Tiling", "Tiling", "'Tiling: Tiling' plays no part here."),
    ],
)
def test_what_cannot_be_honoured_is_named_in_one_sentence(line, field, words):
    assert words in notes_of(line)[(field,)]


@pytest.mark.parametrize(
    "line",
    ["Clip skip: 1", "VAE: Automatic", "ENSD: 0", "Face restoration: None", "Model: a, Version: 1.10", "Seed: 5"],
)
def test_what_happens_here_anyway_needs_no_note(line):
    assert notes_of(line) == {}


def test_noise_of_the_graphics_card_is_named():
    assert notes_of("RNG: NV, Seed: 5").keys() == {("RNG",)}
    (note,) = scene_of("1girl\nSteps: 20, Sampler: Euler, Seed: 5").notes
    assert note.fields == ("Seed",)
    assert "here the CPU does, so that the same seed gives another picture" in note.text


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a <hypernet:x:1>", "'<hypernet:x:1>' is left out: only LoRAs are applied."),
        ("a <lora:x:1:lbw=ALL> <lora:y:1>", "The LoRA 'y' is left out"),
        ("a <lora:x:1:1:1:q=1>", "The tag '<lora:x:1:1:1:q=1>' cannot be read and is left out: The tag's option"),
        ("a <lora:x:0.5:1>", "is 0.5 for the text encoder and 1 for the UNet; a project has one, so 1 is taken"),
        ("a <lora:x:1:lbwe=ATTNDEEPON>", "The elemental preset 'ATTNDEEPON' (lbwe=) is not applied"),
        ("a <lora:x:1:start=5>", "The LoRA works in all steps"),
    ],
)
def test_what_the_prompt_asks_for_in_vain_is_named(prompt, words):
    assert words in notes_of("Seed: 5", prompt)[("Prompt",)]


@pytest.mark.parametrize("prompt", [r"smile \(artist\)", "(a:1.3) AND [b:c:5] BREAK [d|e]", "a <lora:x:1:lbw=ALL>"])
def test_a_prompt_in_the_webuis_language_needs_no_note(prompt):
    assert notes_of("Seed: 5", prompt) == {}


def test_text_that_is_no_setting_is_named():
    (note,) = scene_of("1girl, forest").notes
    assert note.text.startswith("There is no line of settings")
    notes = scene_of("1girl\nSteps: 20, Sampler: Euler\nfrom a forum").notes
    assert notes[-1].text == "The text below the settings is not understood: 'from a forum'"


def test_hundreds_of_settings_that_nothing_is_known_of_share_a_note():
    notes = notes_of(", ".join(f"x{number}: 1" for number in range(500)))
    assert len(notes) == MOST_NOTES + 1
    assert list(notes.values())[-1] == "480 more settings play no part here."


def test_every_field_of_a_scene_is_one_that_an_infotext_can_give():
    taken = {field.name for field in fields(Scene)} - {"label", "checkpoint", "embeddings"}
    assert taken == {field.name for field in fields(scene_of(""))} - {"notes"}


NAMES = st.sampled_from([
    "VAE", "Clip skip", "ENSD", "Hires upscale", "Denoising strength", "ControlNet 1", "Refiner", "RNG", "NGMS", "新",
    "Model", "Seed", "Size", "Steps", "CFG scale", "Sampler", "Schedule type", "Eta", "Hires steps", "Mask blur",
])  # fmt: skip


@given(st.dictionaries(NAMES, st.just("odd"), max_size=12))
def test_every_setting_is_honoured_tells_what_was_used_or_has_a_note(settings):
    line = ", ".join(f"{name}: {value}" for name, value in {"Version": "1.10", "User": "x", **settings}.items())
    scene = scene_of(f"1girl\nSteps: 20, Sampler: Euler, {line}")
    named = {field for note in scene.notes for field in note.fields}
    assert set(settings) - set(SAYS_WHAT) - named == set()


@given(st.text(st.characters()) | st.lists(PIECES, max_size=40).map("".join))
def test_any_text_gives_a_scenes_settings(text):
    scene = scene_of(text)
    assert all(note.text and "\n" not in note.text and len(note.text) < 500 for note in scene.notes)
    " ".join(note.text for note in scene.notes).encode()


@pytest.mark.parametrize("piece", ["[:", "(:1", "((a", "[a|", "a:[b", "AND ", "\\("])
def test_long_prompts_of_one_piece_are_looked_through(piece):
    assert scene_of(piece * (200_000 // len(piece))).notes
