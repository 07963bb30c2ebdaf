"""Jobs written as infotexts, and read back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import FAMILIES, layouts_of_length
from blockweight.plan import (
    Embedding,
    Infotext,
    Job,
    LoraUse,
    OtherLora,
    Part,
    TaggedLora,
    Variant,
    decided_of,
    grid_infotext,
    infotext_of,
    read_infotext,
    scene_settings,
)
from blockweight.weights import BlockWeights, Context, read_weights, uniform
from infotext_jobs import GROWN, PROMPTS, jobs, with_prompt
from infotexts import PIECES
from workshop import FULL, LORA, SCENE, SHORT, job


def weights_in(lora: TaggedLora) -> BlockWeights:
    """The block weights of a tag, read as a person without its file would."""
    return read_weights(lora.tag.weights, Context(layout=lora.extras.layout)).weights


def settings_line(text: str) -> str:
    return text.rpartition("\n")[2]


def used(text: str) -> list[tuple[object, ...]]:
    """All that an infotext says of its LoRAs, the one that is tuned first."""
    loras = scene_settings(read_infotext(text)).loras
    return [(lora is loras.tuned, *said(lora)) for lora in loras.all]


def said(lora: TaggedLora) -> tuple[object, ...]:
    weights = weights_in(lora)
    facts = LoraUse("", "", lora.tag.unet, lora.text_strength, lora.start, lora.tag.stop).facts(weights)
    return lora.name, {**facts, "rest": lora.extras.rest}, weights.layout.blocks


def expected(made: Job) -> list[tuple[object, ...]]:
    weights = made.variant.weights
    every = [(False, each.use, each.weights) for each in made.scene.loras]
    if weights is not None:
        every.insert(0, (True, made.lora, weights))
    named = []
    for tuned, use, values in every:
        name = use.path.rpartition("/")[2].removesuffix(".safetensors")
        named.append((tuned, name, {**use.facts(values), "digest": ""}, values.layout.blocks))
    return named


@given(jobs())
def test_whatever_a_job_is_its_infotext_says_it(made):
    scene, text = made.scene, infotext_of(made)
    found = scene_settings(read_infotext(text))
    assert (found.prompt, found.negative_prompt) == (scene.prompt, scene.negative_prompt)
    for name in ("seed", "steps", "cfg_scale", "width", "height"):
        assert getattr(found, name) == getattr(scene, name)
    assert (found.clip_skip or 1) == scene.clip_skip
    for name in ("sampler", "scheduler", "noise_source", "hires", "guidance"):
        assert getattr(found.sampling, name) == getattr(scene, name)
    assert found.parts.vae == ("" if scene.vae is None else "kl-f8")
    assert read_infotext(text).settings["Model"] == scene.checkpoint.path[len("models/") : -len(".safetensors")]
    assert used(text) == expected(made)
    assert [note.fields for note in found.notes] == ([("TI hashes",)] if scene.embeddings else [])


@given(PROMPTS, st.integers(1, 3))
def test_only_a_prompt_that_its_lines_cannot_hold_is_said_in_a_setting_too(prompt, number):
    text = infotext_of(with_prompt(prompt * number))
    plain = text.replace("Blockweight prompt", "x").replace("Blockweight negative prompt", "y")
    read = read_infotext(plain.replace("Blockweight tags", "z"))
    held = (read.bare_prompt, read.negative_prompt, read.tags) == (prompt * number, "blurry", ())
    assert held or "Blockweight prompt: " in settings_line(text)


def test_an_ordinary_job_needs_no_setting_of_our_own():
    assert "Blockweight" not in infotext_of(job(0.5), {SCENE.checkpoint.digest: "e" * 64})


def test_a_model_has_the_hash_that_others_know_or_our_own_digest_under_another_name():
    digest = SCENE.checkpoint.digest
    line = settings_line(infotext_of(job(), {digest: "0a1b2c3d4e5f6789"}))
    assert "Model hash: 0a1b2c3d4e, Model: model" in line and "Blockweight" not in line
    for hashes, known in (({digest: "0a1b2c3d4e5f6789"}, "0a1b2c3d4e"), ({}, digest[:10])):
        assert read_infotext(infotext_of(job(), hashes)).model_hash == known


def test_a_vae_that_is_a_folder_has_no_hash_that_others_know():
    for path, said in (("kl.safetensors", "VAE hash: ffffffffff, VAE: kl"), ("kl", "RNG: CPU, VAE: kl")):
        scene = replace(SCENE, vae=Part(path, "f" * 64))
        assert said in settings_line(infotext_of(job(scene=scene)))


def test_a_lora_is_written_as_lora_block_weight_reads_it():
    lora = replace(LORA, strength=0.8, text_strength=0.5, start=3, stop=12)
    vector = ",".join(["0.5"] * 26)
    assert infotext_of(job(0.5, lora=lora)).startswith(
        f"1girl, ゴブ姫, red dress <lora:gobuhime:0.5:0.8:lbw={vector}:start=3:stop=12>\n"
    )


def test_the_tuned_lora_stands_first_and_the_others_follow():
    other = OtherLora(LoraUse("x/style.safetensors", "e" * 64, 0.6), uniform("", SHORT, 1.0))
    text = infotext_of(job(0.5, scene=replace(SCENE, loras=(other,))))
    assert [tag.lora.name for tag in read_infotext(text).tags] == ["gobuhime", "style"]
    assert [(tuned, name) for tuned, name, *_ in used(text)] == [(True, "gobuhime"), (False, "style")]


def test_a_lora_beside_one_that_the_picture_is_without_is_not_taken_for_it():
    other = OtherLora(LoraUse("x/style.safetensors", "e" * 64), uniform("", SHORT, 1.0))
    text = infotext_of(job(None, scene=replace(SCENE, loras=(other,))))
    assert 'Blockweight LoRA 1: "beside: yes"' in settings_line(text)
    assert [tuned for tuned, *_ in used(text)] == [False]


def test_the_hashes_are_those_that_the_webui_writes():
    scene = replace(SCENE, embeddings=(Embedding("EasyNegative", "e", "f" * 64),))
    line = settings_line(infotext_of(job(scene=scene), {LORA.digest: "0a1b2c3d4e5f6789"}))
    assert line.endswith('Lora hashes: "gobuhime: 0a1b2c3d4e5f", TI hashes: "EasyNegative: ffffffffffff"')


def test_rest_and_a_layout_that_the_length_does_not_tell_stand_in_a_setting_of_our_own():
    def setting_of(weights: BlockWeights) -> str:
        line = settings_line(infotext_of(Job(SCENE, LORA, Variant("", weights))))
        return line.partition("Blockweight LoRA 1: ")[2]

    twins = [each for family in FAMILIES for each in family.layouts if len(layouts_of_length(len(each))) > 1]
    shadowed = next(each for each in twins if layouts_of_length(len(each))[0].blocks != each.blocks)
    assert setting_of(uniform("", FULL, 1.0)) == ""
    assert setting_of(replace(uniform("", FULL, 1.0), rest=0.25)) == '"rest: 0.25"'
    assert setting_of(uniform("", shadowed, 1.0)) == f'"layout: {shadowed.name}"'
    assert setting_of(uniform("", GROWN, 1.0)) == '"family: wan, blocks: CLIP B00 B01 B02"'


@pytest.mark.parametrize("name", ["a:b", "a>b", "<a", " a ", "a, b", "name: x", "rest: 0.5"])
def test_a_name_that_a_tag_cannot_hold_is_read_back(name):
    made = job(lora=replace(LORA, path=f"loras/{name}.safetensors"))
    assert used(infotext_of(made)) == expected(made)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ('Blockweight LoRA 1: "rest: much"', "Blockweight LoRA 1 plays no part: 'much'"),
        ('Blockweight LoRA 1: "layout: sd9-1"', "There is no layout called 'sd9-1'"),
        ('Blockweight LoRA 1: "blocks: A A"', "are no blocks, each named once"),
        ('Blockweight LoRA 1: "colour: red"', "says 'colour', which plays no part here."),
        ('Blockweight LoRA 2: "rest: 0.5"', "'Blockweight LoRA 2': the prompt has fewer LoRAs."),
    ],
)
def test_what_a_setting_of_our_own_says_in_vain_is_named(setting, words):
    notes = scene_settings(read_infotext(f"a <lora:x:1>\nSteps: 20, Sampler: Euler, RNG: CPU, {setting}")).notes
    assert words in " ".join(note.text for note in notes)


@pytest.mark.parametrize(
    ("hashes", "found"),
    [
        ("x: 0a1b2c3d4e5f", "0a1b2c3d4e5f"),
        ("x: 0x0a1b2c3d4e", "0x0a1b2c3d4e"),
        ("a, b: 00000000, x: 11111111", "11111111"),
        ("x: nothing", ""),
        ("y: 0a1b2c3d4e5f", ""),
    ],
)
def test_a_loras_hash_is_found_by_its_name(hashes, found):
    text = f"a <lora:x:1>\nSteps: 20, Sampler: Euler, Lora hashes: {json.dumps(hashes)}"
    assert scene_settings(read_infotext(text)).loras.tuned.short_hash == found


def test_start_0_is_no_start():
    loras = scene_settings(read_infotext("a <lora:x:1:start=0:stop=9>\nSteps: 20, Sampler: Euler")).loras
    assert (loras.tuned.start, loras.tuned.tag.stop) == (1, 9)


@given(
    st.lists(PIECES | st.sampled_from(["Blockweight LoRA 1", "Blockweight prompt", "rest: ", "name: "])).map("".join)
)
def test_any_text_has_loras(text):
    read = read_infotext(f"{text}\nSteps: 20, Sampler: Euler, {text}")
    assert isinstance(read, Infotext)
    assert len(scene_settings(read).loras.all) <= 100


def test_a_grid_says_its_axes_as_the_webuis_plot_does():
    text = grid_infotext(job(), [("Seed", ["1", "2"]), ("Prompt S/R", ["a, b", "c"])])
    assert settings_line(text).endswith(
        'Script: X/Y/Z plot, X Type: Seed, X Values: "1,2", Y Type: Prompt S/R, Y Values: "\\"a, b\\",c", '
        "Version: Blockweight"
    )
    assert text.startswith(infotext_of(job()))
    assert read_infotext(text).settings["Y Values"] == '"a, b",c'
    assert grid_infotext(job(), []) == infotext_of(job())


def test_a_text_says_a_renderers_own_values_only_where_they_are_not_the_scenes():
    text = infotext_of(job(), decides={"steps": str(SCENE.steps), "sampler": "uni_pc", "model": "", "noise_source": ""})
    read = read_infotext(text)
    assert read.settings["Steps"] == str(SCENE.steps)
    assert read.settings["Sampler"] == "uni_pc"
    assert not {"Model", "Model hash", "Blockweight model hash", "RNG"} & read.settings.keys()
    assert decided_of(read) == {"sampler": "uni_pc", "model": "", "noise_source": ""}
    assert decided_of(read_infotext(infotext_of(job()))) == {}


def test_what_was_changed_of_a_renderers_own_values_is_no_error():
    assert decided_of(read_infotext("a girl\nSteps: 5, Seed: 1, Size: 64x64, Blockweight decided: [1")) == {}
