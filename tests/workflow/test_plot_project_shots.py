"""A project's scenes as the base of a plot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image
from plotting import Bench

import workshop
from blockweight.plan import Hires, Job, LoraUse, OtherLora, Start, Variant
from blockweight.render import identify_checkpoint, identify_picture
from blockweight.weights import uniform
from blockweight.workflow.plots.axes import axis_of, shot_at
from blockweight.workflow.plots.project_shots import lora_of, project_shots, shot_of
from blockweight.workflow.plots.shots import LoraEdit
from blockweight.workflow.tuning_project import create_project


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


@pytest.fixture
def scene(bench):
    return replace(workshop.SCENE, checkpoint=identify_checkpoint(bench.model))


def edit(bench, weights=None):
    return LoraEdit(
        name=str(bench.princess), beside=True, te=0.8, unet=0.8, current=weights or uniform("ALL", workshop.FULL, 1.0)
    )


OTHER = OtherLora(LoraUse("coat.safetensors", "e" * 64, 0.8, 0.5, 3, 12), uniform("ALL", workshop.FULL, 0.5))
CHANGES = [
    {},
    {"scheduler": "Karras", "sampler": "DPM++ 2M"},
    {"scheduler": "Automatic", "hires": Hires("Lanczos", 1.5, 0, 0, 7, 0.3), "eta": 0.5, "noise_source": "NV"},
    {"scheduler": "Automatic", "hires": Hires("Latent", 2.0, 64, 48), "variation_seed": 3, "variation_strength": 0.5},
    {"clip_skip": 2, "loras": (OTHER,)},
    {"label": "another name", "negative_prompt": "two\nlines"},
]


@pytest.mark.parametrize("changes", CHANGES)
def test_what_no_axis_changes_is_the_projects_own_picture(bench, scene, changes):
    scene = replace(scene, **changes)
    weights = replace(uniform("mine", workshop.FULL, 0.5), rest=0.25)
    found = bench.resolver.job(shot_of(scene, edit(bench, weights)))
    use = LoraUse(str(bench.princess), bench.resolver.lora_at(str(bench.princess)).digest, 0.8)
    assert found.key == Job(scene, use, Variant("mine", weights)).key


def test_an_old_scene_is_drawn_as_it_was_unless_its_sampling_changes(bench, scene):
    shot = shot_of(scene, edit(bench))
    (steps, sampler) = (axis_of([text]).places[0] for text in ("steps=7", "sampler=Euler"))
    assert bench.resolver.job(shot_at(shot, steps)).scene == replace(scene, steps=7)
    changed = bench.resolver.job(shot_at(shot, sampler)).scene
    assert (changed.sampler, changed.scheduler) == ("Euler", "Uniform")


def test_a_prompt_of_an_axis_keeps_the_scenes_other_loras_and_adds_its_own(bench, scene):
    shot = shot_of(replace(scene, loras=(OTHER,)), edit(bench))
    found = bench.resolver.job(shot_at(shot, axis_of(["prompt=a hat <lora:coat:0.5>"]).places[0]))
    assert found.scene.prompt == "a hat"
    assert [each.use.path.rpartition("/")[2] for each in found.scene.loras] == ["coat.safetensors"] * 2


def test_a_scenes_files_are_not_read_again(bench, scene, tmp_path):
    Image.new("RGB", (32, 24)).save(tmp_path / "a.png")
    drawn = replace(scene, scheduler="Automatic", start=Start(identify_picture(tmp_path / "a.png"), 0.3))
    for file in (bench.model / "unet" / "diffusion_pytorch_model.safetensors", tmp_path / "a.png"):
        file.write_bytes(b"another")
    shot = shot_of(drawn, edit(bench))
    found = bench.resolver.job(shot_at(shot, axis_of(["denoise=0.6"]).places[0])).scene
    assert found == replace(drawn, start=replace(drawn.start, denoising=0.6))


def test_a_projects_scenes_are_called_by_what_they_differ_in(bench, scene, tmp_path):
    scenes = [replace(scene, seed=seed) for seed in (1, 2, 3)]
    with create_project(
        tmp_path / "project", bench.princess, scenes, strength=0.8, weights="0.5,1" + ",1" * 24
    ) as made:
        state = made.state()
        shots = project_shots(state, (1, 3))
        assert [label for label, _ in shots] == ["seed 1", "seed 3"]
        job = bench.resolver.job(shots[1][1])
        assert (job.scene.seed, job.lora.strength, job.variant.weights.values[0]) == (3, 0.8, 0.5)
        assert lora_of(state, state.weights).name == str(bench.princess)
