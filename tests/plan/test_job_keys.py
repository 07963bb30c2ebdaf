"""Jobs have equal keys exactly when their pictures are decided by the same facts."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import Checkpoint, Control, Embedding, Hires, Job, LoraUse, OtherLora, Part, Scene, Start, Variant
from blockweight.weights import BlockWeights, uniform
from workshop import FULL, LORA, SCENE, SHORT, job

KEY = job().key

OTHER = {
    "checkpoint": Checkpoint(SCENE.checkpoint.path, "e" * 64),
    "prompt": SCENE.prompt + " ",
    "negative_prompt": "",
    "seed": 2,
    "steps": 17,
    "cfg_scale": 7.5,
    "sampler": "Euler",
    "width": 40,
    "height": 32,
    "clip_skip": 2,
    "embeddings": (Embedding("easynegative", "embeddings/easynegative.safetensors", "e" * 64),),
    "scheduler": "Karras",
    "variation_seed": 3,
    "variation_strength": 0.5,
    "eta": 0.0,
    "noise_source": "NV",
    "hires": Hires(),
    "vae": Part("anime.safetensors", "a" * 64),
    "start": Start(Part("sketch.png", "a" * 64)),
    "controls": (Control(Part("canny.safetensors", "a" * 64), Part("lines.png", "b" * 64)),),
    "loras": (OtherLora(LoraUse("coat.safetensors", "b" * 64), uniform("ALL", FULL, 1.0)),),
    "preview": True,
    "guidance": 3.0,
    "renderer": "fake",
}

VARIED = replace(SCENE, variation_strength=0.25)


@pytest.mark.parametrize("field", OTHER)
def test_every_fact_of_the_scene_counts(field):
    assert job(scene=replace(VARIED, **{field: OTHER[field]})).key != job(scene=VARIED).key


@pytest.mark.parametrize(
    "hires",
    [Hires("Lanczos"), Hires(scale=1.5), Hires(width=64), Hires(height=64), Hires(steps=3), Hires(denoising=0.5)],
)
def test_every_fact_of_the_hires_pass_counts(hires):
    assert job(scene=replace(SCENE, hires=hires)).key != job(scene=replace(SCENE, hires=Hires())).key


START, (CONTROL,) = OTHER["start"], OTHER["controls"]
MOVED = Part("moved", "a" * 64)


@pytest.mark.parametrize(
    "start",
    [replace(START, picture=Part("sketch.png", "b" * 64)), replace(START, denoising=0.5), replace(START, resize="x")],
)
def test_every_fact_of_the_picture_that_is_drawn_over_counts_but_its_place(start):
    def key(one: Start) -> str:
        return job(scene=replace(SCENE, start=one)).key

    assert key(start) != key(START) == key(replace(START, picture=MOVED))


@pytest.mark.parametrize(
    "change",
    [
        {"model": Part("", "c" * 64)},
        {"picture": Part("", "c" * 64)},
        {"weight": 0.5},
        {"start": 0.5},
        {"end": 0.5},
        {"mode": "x"},
        {"resize": "x"},
    ],
)
def test_every_fact_of_a_controlnet_counts_but_its_place(change):
    def key(*controls: Control) -> str:
        return job(scene=replace(SCENE, controls=controls)).key

    assert key(replace(CONTROL, **change)) != key(CONTROL) == key(replace(CONTROL, model=MOVED, weight=1))
    assert key(CONTROL, CONTROL) != key(CONTROL)


@pytest.mark.parametrize(
    "change",
    [{"digest": "c" * 64}, {"strength": 0.5}, {"text_strength": 0.5}, {"start": 2}, {"stop": 9}],
)
def test_every_fact_of_a_loras_use_counts_whether_it_is_tuned_or_another(change):
    (other,) = OTHER["loras"]
    used = job(scene=replace(SCENE, loras=(replace(other, use=replace(other.use, **change)),))).key
    assert used != job(scene=replace(SCENE, loras=(other,))).key
    assert job(lora=replace(LORA, **change)).key != KEY


def test_the_weights_of_another_lora_count_and_its_place_does_not():
    (other,) = OTHER["loras"]

    def key(one: OtherLora) -> str:
        return job(scene=replace(SCENE, loras=(one,))).key

    assert key(replace(other, weights=uniform("ALL", FULL, 0.5))) != key(other)
    assert key(replace(other, use=replace(other.use, path="moved"))) == key(other)


def test_a_lora_is_as_strong_in_texts_as_elsewhere_unless_it_is_said():
    assert LORA.in_texts == 1.0 and replace(LORA, text_strength=0.0).in_texts == 0.0
    assert job(lora=replace(LORA, text_strength=LORA.strength)).key == KEY


def test_a_lora_works_from_its_start_and_no_more_from_its_stop_on():
    use = replace(LORA, start=3, stop=5)
    assert [use.works_in(step) for step in range(1, 7)] == [False, False, True, True, False, False]
    assert not use.always and LORA.always


def test_a_vae_counts_by_its_content():
    found = [job(scene=replace(SCENE, vae=vae)).key for vae in (Part("a", "d" * 64), Part("b", "d" * 64), MOVED)]
    assert found[0] == found[1] != found[2]


def test_a_scene_names_every_file_that_it_is_made_with_and_can_be_moved():
    scene = replace(SCENE, embeddings=OTHER["embeddings"], vae=OTHER["vae"], start=START, controls=(CONTROL,))
    scene = replace(scene, loras=OTHER["loras"])
    kinds = ["model", "embedding", "VAE", "ControlNet", "picture", "picture", "other LoRA"]
    assert [held.kind for held in scene.files] == kinds
    moved = scene.moved(lambda digest, path: f"/new/{path}")
    assert [held.path for held in moved.files] == [f"/new/{held.path}" for held in scene.files]
    assert moved.facts() == scene.facts()


def test_no_fact_of_the_scene_is_left_untested():
    assert OTHER.keys() == {field.name for field in fields(Scene)} - {"label"}


@pytest.mark.parametrize("lora", [replace(LORA, digest="f" * 64), replace(LORA, strength=0.8)])
def test_the_loras_content_and_strength_count(lora):
    assert job(lora=lora).key != KEY


@pytest.mark.parametrize("block", FULL.blocks)
def test_the_weight_of_every_block_counts(block):
    changed = Variant("ALL", uniform("ALL", FULL, 1.0).with_weights({block: 0.999}))
    assert Job(SCENE, LORA, changed).key != KEY


def test_the_weight_of_the_modules_that_no_block_claims_counts():
    assert Job(SCENE, LORA, Variant("ALL", replace(uniform("ALL", FULL, 1.0), rest=0.5))).key != KEY


def test_swapped_weights_are_another_picture():
    one, two = (uniform("x", FULL, 0.0).with_weights({block: 1.0}) for block in ("IN01", "IN02"))
    assert Job(SCENE, LORA, Variant("x", one)).key != Job(SCENE, LORA, Variant("x", two)).key


def test_the_picture_without_the_lora_is_another_one_even_than_that_at_0():
    assert len({job(None).key, job(0.0).key, KEY}) == 3


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(job(label="renamed"), id="the variant's label"),
        pytest.param(job(scene=replace(SCENE, label="renamed")), id="the scene's label"),
        pytest.param(job(scene=replace(SCENE, checkpoint=Checkpoint("moved", "c" * 64))), id="the model's path"),
        pytest.param(job(lora=replace(LORA, path="moved.safetensors")), id="the LoRA's path"),
        pytest.param(Job(SCENE, LORA, Variant("ALL", uniform("renamed", FULL, 1.0))), id="the weights' name"),
        pytest.param(job(1), id="1 for 1.0"),
        pytest.param(job(lora=LoraUse(LORA.path, LORA.digest, 1)), id="strength 1 for 1.0"),
        pytest.param(job(scene=replace(SCENE, cfg_scale=7)), id="CFG scale 7 for 7.0"),
        pytest.param(job(scene=replace(SCENE, variation_seed=9)), id="a variation seed of no strength"),
    ],
)
def test_names_places_and_ways_of_writing_do_not_count(same):
    assert same.key == KEY


def test_embeddings_count_by_name_and_content():
    held = Embedding("a", "a.safetensors", "e" * 64)

    def key(*embeddings: Embedding) -> str:
        return job(scene=replace(SCENE, embeddings=embeddings)).key

    assert key(held) == key(replace(held, path="moved", name="A"))
    assert len({key(held), key(replace(held, name="b")), key(replace(held, digest="f" * 64))}) == 3


@pytest.mark.parametrize("prompt", ["(red dress)", "a BREAK b", "red dress, " * 20])
def test_prompts_that_once_were_read_by_their_letters_have_other_keys(prompt):
    for field in ("prompt", "negative_prompt"):
        made = job(scene=replace(SCENE, **{field: prompt}))
        old = {name: value for name, value in made.scene.facts().items() if name != "prompt_language"}
        assert old != made.scene.facts()
        assert old.keys() == SCENE.facts().keys()


def test_a_hires_pass_of_given_sides_has_no_scale():
    one, other = (job(scene=replace(SCENE, hires=Hires(scale=scale, width=64, height=48))) for scale in (1.5, 2.0))
    assert one.key == other.key


def test_no_weight_is_no_weight_with_either_sign():
    assert job(-0.0).key == job(0.0).key


def test_without_the_lora_it_does_not_matter_which_one_is_left_out():
    assert job(None, lora=replace(LORA, digest="f" * 64, strength=0.5)).key == job(None).key


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=17, max_size=17))
def test_equal_weights_have_equal_keys_and_others_do_not(values):
    key = Job(SCENE, LORA, Variant("x", BlockWeights("x", SHORT, tuple(values)))).key
    again = Job(SCENE, LORA, Variant("y", BlockWeights("y", SHORT, tuple(values)))).key
    ones = Job(SCENE, LORA, Variant("x", uniform("x", SHORT, 1.0))).key
    assert key == again
    assert (key == ones) == (set(values) == {1.0})


def test_keys_stay_what_they_are_so_that_old_projects_keep_their_pictures():
    assert KEY == "e38776612cac0b00a59e313a68a5c1f9"
