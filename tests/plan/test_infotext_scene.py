"""What a scene takes from an infotext, and what it says of the rest."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import SAMPLERS, Hires, PartsSettings, SamplingSettings, Scene, read_infotext, scene_settings
from blockweight.plan.infotext_scene import MOST_NOTES, SAYS_WHAT
from infotexts import FORGE, PIECES, TUTORIAL


def scene_of(text: str):
    return scene_settings(read_infotext(text))


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
    assert (scene.seed, scene.steps, scene.cfg_scale) == (None, 25, 8.0)
    hires = Hires("Latent (nearest-exact)", 1.5, steps=15, denoising=0.6)
    assert scene.sampling == SamplingSettings("DPM++ 2M", "Karras", hires=hires)
    assert (scene.width, scene.height) == (512, 512)
    assert [(note.fields, note.text) for note in scene.notes] == [
        (("Seed",), "Seed -1 draws a new seed for every picture; choose seeds, so that pictures can be compared."),
    ]
    assert scene.clip_skip == 2


def test_forges_distilled_guidance_is_a_field_of_the_scene():
    assert scene_of("a\nSteps: 20, RNG: CPU, Distilled CFG Scale: 3.5").sampling.guidance == 3.5
    assert scene_of("a\nSteps: 20, RNG: CPU").sampling.guidance is None
    assert ("Distilled CFG Scale",) in notes_of("Distilled CFG Scale: strong")


def test_a_forge_infotext_gives_a_scene_with_the_sampler_and_its_schedule():
    scene = scene_of(FORGE)
    assert (scene.seed, scene.width, scene.height) == (4021967, 512, 768)
    assert (scene.sampling.sampler, scene.sampling.scheduler) == ("DPM++ 2M", "Karras")
    assert [note.fields for note in scene.notes] == [
        ("Seed",), ("ControlNet picture",), ("Hires prompt",),
    ]  # fmt: skip
    assert (scene.parts.vae, scene.parts.vae_hash) == ("kl-f8-anime2.ckpt", "f921fb3f29")
    assert [unit.model for unit in scene.parts.controls] == ["control_v11p_sd15_canny"]
    tuned, (other,) = scene.loras.tuned, scene.loras.others
    assert (tuned.name, tuned.tag.weights, tuned.short_hash) == ("gobuhime", "OUTALL", "0a1b2c3d4e5f")
    assert (other.name, other.tag.unet, other.short_hash) == ("style", 0.5, "9f8e7d6c5b4a")


@pytest.mark.parametrize(
    ("said", "sampler"),
    [
        ("Sampler: DPM++ 2M Karras", ("DPM++ 2M", "Karras")),
        ("Sampler: DPM++ 2M", ("DPM++ 2M", "Uniform")),
        ("Sampler: DPM++ 2M, Schedule type: Karras", ("DPM++ 2M", "Karras")),
        ("Sampler: DPM++ 2M, Schedule type: Automatic", ("DPM++ 2M", "Karras")),
        ("Sampler: DPM++ 2M Karras, Schedule type: Karras", ("DPM++ 2M", "Karras")),
        ("Sampler: DPM++ 2M SDE, Schedule type: Automatic", ("DPM++ 2M SDE", "Exponential")),
        ("Sampler: Euler a, Schedule type: Automatic", ("Euler a", "Uniform")),
        ("Sampler: euler a", ("Euler a", "Uniform")),
        ("Sampler: DDIM", ("DDIM", "Automatic")),
        ("Sampler: DPM++ 2M Karras, Schedule type: Beta", (None, None)),
        ("Sampler: DPM adaptive", (None, None)),
        ("Sampler: Euler, Schedule type: Align Your Steps 32", (None, None)),
        ("Schedule type: Karras", (None, None)),
    ],
)
def test_the_sampler_and_its_schedule_are_the_webuis(said, sampler):
    scene = scene_of(f"1girl\nSteps: 20, {said}, CFG scale: 7, Seed: 5, RNG: CPU")
    assert (scene.sampling.sampler, scene.sampling.scheduler) == sampler
    assert len(scene.notes) == (sampler == (None, None))


def test_a_sampler_that_is_not_there_is_named_with_those_that_are():
    (note,) = scene_of("1girl\nSteps: 20, Sampler: DPM fast, Schedule type: Karras").notes
    assert note.fields == ("Sampler", "Schedule type")
    assert note.text.startswith(
        f"There is no sampler 'DPM fast, Karras' here; choose one of {', '.join(SAMPLERS)}, and"
    )


def sampling_of(line: str) -> SamplingSettings:
    return scene_of(f"1girl\nSteps: 20, Sampler: Euler a, RNG: CPU, {line}").sampling


def test_the_noise_and_eta_are_taken():
    found = sampling_of("Variation seed: 7, Variation seed strength: 0.25, Eta: 0.5, Seed: 1")
    assert (found.variation_seed, found.variation_strength, found.eta, found.noise_source) == (7, 0.25, 0.5, "CPU")
    assert scene_of("1girl\nSteps: 20, Sampler: Euler, Eta: 0.5").sampling.eta is None, "Euler has none"
    assert scene_of("1girl\nSteps: 20, Sampler: DDIM, Eta DDIM: 0.5").sampling.eta == 0.5
    assert scene_of("1girl\nSteps: 20, Sampler: Euler a, RNG: NV, Seed: 2").sampling.noise_source == "NV"


@pytest.mark.parametrize(
    ("line", "hires"),
    [
        ("Hires upscale: 1.5", Hires("Latent", 1.5)),
        ("Hires resize: 1024x0, Hires upscaler: Lanczos", Hires("Lanczos", width=1024)),
        ("Hires upscaler: Nearest, Hires steps: 9, Denoising strength: 0.3", Hires("Nearest", steps=9, denoising=0.3)),
        ("Denoising strength: 0.3", None),
    ],
)
def test_the_hires_pass_is_taken(line, hires):
    assert sampling_of(line).hires == hires


def test_an_upscaler_with_a_model_of_its_own_is_replaced_and_named():
    assert sampling_of("Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+").hires == Hires("Lanczos", 2)
    notes = notes_of("Hires upscale: 2, Hires upscaler: R-ESRGAN 4x+")
    assert notes == {
        ("Hires upscaler",): "The upscaler 'R-ESRGAN 4x+' is not here; Lanczos enlarges the picture instead."
    }


def test_a_hires_pass_with_a_number_that_is_none_is_left_out_as_a_whole():
    assert sampling_of("Hires upscale: much, Hires steps: 5, Denoising strength: 0.4").hires is None
    assert notes_of("Hires upscale: much, Hires steps: 5, Denoising strength: 0.4") == {
        ("Hires upscale", "Hires steps", "Denoising strength"): "There is no hires pass: Hires upscale 'much' is not a "
        "number from 0.05 to 16."
    }


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("Steps: 0", "Steps", "Steps '0' is not a number from 1 to 1000."),
        ("Steps: many", "Steps", "'many' is not"),
        ("Steps: 1001", "Steps", "'1001' is not"),
        ("Seed: 9223372036854775808", "Seed", "is not a seed"),
        ("Seed: -2", "Seed", "Seed '-2' is not a seed, a whole number from 0 on."),
        ("CFG scale: high", "CFG scale", "CFG scale 'high' is not a number from 1 to 100."),
        ("CFG scale: 0.5", "CFG scale", "'0.5'"),
        ("CFG scale: 1e999", "CFG scale", "'1e999'"),
        ("Size: 512", "Size", "'512' is not a size such as 512x768."),
        ("Size: 0x512", "Size", "'0x512'"),
        ("VAE hash: 0a1b2c3d4e", "VAE hash", "The VAE is not named, only its hash '0a1b2c3d4e'"),
        ("Mask blur: 4", "Mask blur", "Nothing is masked"),
        ("Noise multiplier: 0.9", "Noise multiplier", "drawn over with the WebUI's usual noise"),
        ("Init image hash: 0a", "Init image hash", "is not compared"),
        ("Clip skip: 13", "Clip skip", "Clip skip '13' is not a number from 1 to 12."),
        ("ENSD: 31337", "ENSD", "The sampler's own settings stay as they are."),
        ("Variation seed: x", "Variation seed", "Variation seed 'x' is not a seed"),
        ("Variation seed strength: 2", "Variation seed strength", "not a number from 0 to 1"),
        ("Eta: -1", "Eta", "not a number from 0 to 1"),
        ("RNG: dice", "RNG", "RNG 'dice' is not one of CPU, GPU, NV."),
        ("Seed resize from: 512x512", "Seed resize from", "drawn in the size of the picture"),
        ("First pass size: 256x256", "First pass size", "there is none below it"),
        ("Denoising strength: 0.6", "Denoising strength", "(img2img)"),
        ("Hires upscale: 2, Hires sampler: Heun", "Hires sampler", "A hires pass has the first one's model"),
        ("Hires upscale: 2, Hires CFG Scale: 1", "Hires CFG Scale", "A hires pass has the first one's model"),
        ("Hires prompt: x", "Hires prompt", "A hires pass has the first one's model"),
        ('ControlNet 0: "a, b: c"', "ControlNet 0", "ControlNet 0 is left out: it names no model."),
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
    ["Clip skip: 1", "VAE: Automatic", "ENSD: 0", "Face restoration: None", "Model: a, Version: 1.10", "Seed: 5",
     "Hires upscale: 2, Hires sampler: Euler, Hires schedule type: Uniform, Hires Module 1: Use same choices",
     "CFG scale: 7, Hires CFG Scale: 7, Beta schedule alpha: 0.6"],
)  # fmt: skip
def test_what_happens_here_anyway_needs_no_note(line):
    assert notes_of(line) == {}


def test_noise_of_the_device_that_renders_is_meant_where_the_infotext_names_none():
    assert notes_of("RNG: NV, Seed: 5") == {}
    scene = scene_of("1girl\nSteps: 20, Sampler: Euler, Seed: 5")
    assert scene.sampling.noise_source == "GPU"
    (note,) = scene.notes
    assert note.fields == ("Seed",)
    assert "for a picture that was made on an NVIDIA card, choose the noise NV" in note.text


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a <hypernet:x:1>", "'<hypernet:x:1>' is left out: only LoRAs are applied."),
        ("a <lora:x:1:1:1:q=1>", "The tag '<lora:x:1:1:1:q=1>' cannot be read and is left out: The tag's option"),
        ("a <lora:x:1:lbwe=ATTNDEEPON>", "The elemental preset 'ATTNDEEPON' (lbwe=) is not applied"),
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
    taken = {field.name for field in fields(Scene)} - {"label", "checkpoint", "embeddings", "preview", "renderer"}
    read = {field.name for part in (scene_of(""), SamplingSettings()) for field in fields(part)}
    # Of a picture that is drawn over, how far; a file that Forge loads beside the model may be a VAE.
    parts = {"denoising": "start", "vae_hash": "vae", "modules": "vae"}
    read |= {parts.get(field.name, field.name) for field in fields(PartsSettings)}
    assert taken == read - {"notes", "sampling", "parts"}


NAMES = st.sampled_from([
    "VAE", "Clip skip", "ENSD", "Hires upscale", "Denoising strength", "ControlNet 1", "Refiner", "RNG", "NGMS", "新",
    "Hires upscaler", "Hires resize", "Hires prompt", "Variation seed", "Variation seed strength", "Eta DDIM",
    "Model", "Seed", "Size", "Steps", "CFG scale", "Sampler", "Schedule type", "Eta", "Hires steps", "Mask blur",
])  # fmt: skip


@given(st.dictionaries(NAMES, st.just("odd"), max_size=12))
def test_every_setting_is_honoured_tells_what_was_used_or_has_a_note(settings):
    line = ", ".join(f"{name}: {value}" for name, value in {"Version": "1.10", "User": "x", **settings}.items())
    scene = scene_of(f"1girl\nSteps: 20, Sampler: Euler, {line}")
    named = {field for note in scene.notes for field in note.fields}
    named |= {"VAE"} if scene.parts.vae == "odd" else set()
    assert set(settings) - set(SAYS_WHAT) - named == set()


@given(st.text(st.characters()) | st.lists(PIECES, max_size=40).map("".join))
def test_any_text_gives_a_scenes_settings(text):
    scene = scene_of(text)
    assert all(note.text and "\n" not in note.text and len(note.text) < 500 for note in scene.notes)
    " ".join(note.text for note in scene.notes).encode()


@pytest.mark.parametrize("piece", ["[:", "(:1", "((a", "[a|", "a:[b", "AND ", "\\("])
def test_long_prompts_of_one_piece_are_looked_through(piece):
    assert scene_of(piece * (200_000 // len(piece))).notes
