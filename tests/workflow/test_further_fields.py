"""Clip skip, noise and hires pass in a scene's form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import make

from blockweight.plan import AUTOMATIC, Hires
from blockweight.workflow.further_fields import (
    USUAL,
    changed_scene,
    found_fields,
    further_errors,
    further_fields,
    further_text,
    merged,
    read_further,
)
from blockweight.workflow.generation_fields import read_generation
from blockweight.workflow.sampling_options import SamplingOptions
from blockweight.workflow.scene_edits import add_scenes, change_scene, scene_fields, scene_key
from blockweight.workflow.settings import Settings
from infotexts import TUTORIAL
from workshop import SCENE

PLAIN = replace(SCENE, sampler="DPM++ 2M", scheduler="Karras")
RICH = replace(
    PLAIN,
    clip_skip=2,
    variation_seed=7,
    variation_strength=0.25,
    noise_source="NV",
    guidance=2.5,
    hires=Hires("Lanczos", 1.5, steps=4, denoising=0.3),
)


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def test_nothing_typed_is_as_usual():
    assert further_errors(USUAL) == {}
    assert read_further(USUAL) == read_further({}) == (1, SamplingOptions())
    assert further_fields(PLAIN) == {**USUAL, "hires_upscaler": ""}


@pytest.mark.parametrize("scene", [PLAIN, RICH, replace(RICH, hires=Hires(width=64, denoising=0.5))])
def test_what_the_form_shows_of_a_scene_is_the_scene(scene):
    fields = {"sampler": "Euler a", **further_fields(scene)}
    made = replace(PLAIN, **changed_scene(replace(PLAIN, sampler="Euler a", scheduler="Uniform"), fields))
    assert (made.clip_skip, made.variation_seed, made.variation_strength) == (
        scene.clip_skip,
        scene.variation_seed,
        scene.variation_strength,
    )
    assert (made.noise_source, made.guidance, made.hires) == (scene.noise_source, scene.guidance, scene.hires)


def test_a_scene_that_nobody_touches_stays_also_an_older_one():
    for scene in (RICH, SCENE, replace(SCENE, sampler="long ago")):
        fields = {"sampler": scene.sampler_name, **further_fields(scene)}
        assert replace(scene, **changed_scene(scene, fields)) == scene


def test_an_older_scene_gets_a_schedule_type_with_what_needs_one():
    fields = {"sampler": SCENE.sampler_name, **further_fields(SCENE), "hires_upscaler": "Latent"}
    assert replace(SCENE, **changed_scene(SCENE, fields)).scheduler not in ("", AUTOMATIC)


def test_without_an_upscaler_the_rest_of_the_hires_pass_says_nothing():
    typed = {**USUAL, "hires_scale": "x", "hires_denoise": "9"}
    assert further_errors(typed) == {}
    assert read_further(typed) == (1, SamplingOptions())


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("clip_skip", "0", "is no clip skip"),
        ("clip_skip", "2.5", "is no clip skip"),
        ("noise", "dice", "no noise source 'dice'"),
        ("variation_seed", "-1", "is no seed"),
        ("variation_strength", "x", "is no variation strength"),
        ("variation_strength", "1.5", "from 0 to 1"),
        ("eta", "2", "from 0 to 1"),
        ("distilled_cfg", "x", "is no distilled CFG scale"),
        ("distilled_cfg", "-1", "0 or more"),
        ("hires_upscaler", "ESRGAN", "no upscaler 'ESRGAN'"),
        ("hires_scale", "0", "above 0"),
        ("hires_size", "big", "is not a size"),
        ("hires_steps", "many", "is no number of steps"),
        ("hires_denoise", "2", "from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field, text, words):
    errors = further_errors({**USUAL, "hires_upscaler": "Latent", field: text})
    assert list(errors) == [field]
    assert words in errors[field]


def test_a_scale_and_a_size_are_not_both_given():
    typed = {**USUAL, "hires_upscaler": "Latent", "hires_scale": "2", "hires_size": "64x64"}
    assert "give one of the two" in further_errors(typed)["hires_size"]


@given(st.dictionaries(st.sampled_from(sorted(USUAL)), st.text()))
def test_whatever_is_typed_is_options_or_sentences(fields):
    typed = {**USUAL, **fields}
    errors = further_errors(typed)
    assert all("\n" not in sentence for sentence in errors.values())
    if not errors:
        read_further(typed)


def test_an_infotext_gives_all_of_them_as_its_picture_was_made():
    found = read_generation(TUTORIAL, Settings())
    wanted = {"clip_skip": "2", "hires_upscaler": "Latent (nearest-exact)", "hires_scale": "1.5", "hires_size": ""}
    given = found_fields(found.clip_skip, found.sampling)
    assert {**given, **wanted, "hires_steps": "15", "hires_denoise": "0.6"} == given
    bare = read_generation("1girl\nSteps: 20, Sampler: Euler a, Seed: 1", Settings())
    assert found_fields(bare.clip_skip, bare.sampling) == {**USUAL, "noise": "GPU"}


def test_a_command_that_gives_one_of_its_fields_wants_a_hires_pass(tuning):
    state = add_scenes(tuning, {"seeds": "9", "hires_scale": "1.5"})
    assert state.scenes[-1].hires == Hires(scale=1.5)
    state = change_scene(tuning, scene_key(state.scenes[-1]), {"hires_size": "64x48"})
    assert state.scenes[-1].hires == Hires(width=64, height=48)
    state = change_scene(tuning, scene_key(state.scenes[-1]), {"hires_upscaler": ""})
    assert state.scenes[-1].hires is None
    assert scene_fields(state.scenes[-1])["hires_scale"] == ""


def test_what_is_not_as_usual_is_told():
    assert further_text(PLAIN) == ""
    assert (
        further_text(RICH)
        == ", clip skip 2, variation 7 by 0.25, distilled CFG 2.5, noise NV, hires pass Lanczos to 48x32"
    )


def test_an_infotexts_distilled_cfg_scale_comes_into_the_form():
    found = read_generation("a cat\nSteps: 20, Sampler: Euler, CFG scale: 1, Distilled CFG Scale: 2.5", Settings())
    assert found_fields(found.clip_skip, found.sampling)["distilled_cfg"] == "2.5"


def test_an_eta_is_refused_beside_a_sampler_that_has_none_and_left_out_with_a_new_sampler():
    typed = {**USUAL, "sampler": "Euler", "eta": "0.5"}
    assert further_errors(typed)["eta"].startswith("Eta plays no part with Euler;")
    assert not further_errors({**typed, "sampler": "Euler a"})
    assert merged({"sampler": "Euler a", "eta": "0.5"}, {"sampler": "Euler"})["eta"] == ""
    assert merged({"sampler": "Euler a", "eta": "0.5"}, {"sampler": "DDIM"})["eta"] == "0.5"
