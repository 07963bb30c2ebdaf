"""What methods of analysis refuse, and when: before anything is rendered, or made at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from analyses import OPTIONS, SCENES, Rendered, analyse

from blockweight.errors import BlockweightError
from blockweight.measure import (
    parse_objectives,
)
from blockweight.plan import LoraUse
from blockweight.render import FakeRenderer
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.methods import METHODS, check_method, method_named
from blockweight.workflow.analysis.own_lora import Typed, estimate_lora
from blockweight.workflow.progress import SilentProgress
from workshop import FULL, write_model

BLOCKS = "IN01,IN04,M00,OUT05"
NAMES = tuple(BLOCKS.split(","))


def test_rest_is_refused_where_the_lora_has_none(locon, tmp_path):
    with pytest.raises(BlockweightError, match="changes nothing in REST"):
        analyse(locon, tmp_path / "out", blocks="REST")


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("gradient", {}, "needs something to go up"),
        ("probe", {"aims": "green"}, "finishes no pictures"),
        ("sketch", {"aims": "green"}, "finishes no pictures"),
        ("screen", {"aspects": "colour"}, r"measures no further aspects \(colour\)"),
        ("sketch", {"aspects": "colour"}, "measures no further aspects"),
        ("gradient", {"aims": "green", "aspects": "colour"}, "measures no further aspects"),
        *((method, {"adaptive": True, **OPTIONS[method]}, "takes all scenes alike") for method in METHODS
          if method != "eba"),
        *((method, {"pairs": 3, **OPTIONS[method]}, "cannot tell pairs") for method in METHODS
          if method not in ("eba", "probe")),
        ("eba", {"aims": "green:inside"}, "needs a mask that says where inside is"),
        ("eba", {"aspects": "colour:inside"}, "is measured under a mask, and none was given"),
        ("bisect", {"aspects": "embedding"}, "needs a model that looks at pictures"),
        ("probe", {"aspects": "features"}, "needs a model that looks at pictures"),
    ],
)  # fmt: skip
def test_what_a_method_cannot_find_is_refused_before_anything_is_made(locon, tmp_path, method, options, words):
    def never():
        raise AssertionError("a renderer was made")

    with pytest.raises(BlockweightError, match=words) as refused:
        analyse(locon, tmp_path / "out", never, method=method, **options)
    assert str(refused.value).count(". ") == 0
    assert not (tmp_path / "out").exists()


def test_what_a_method_can_find_is_not_refused():
    scenes = tuple(SCENES)
    ask = AnalysisAsk(FULL, LoraUse("a", "0" * 64, 1.0), scenes, NAMES, aims=parse_objectives("green"))
    for method in ("eba", "screen", "bisect", "gradient"):
        check_method(ask, method)


@pytest.mark.parametrize(("text", "method"), [("", "eba"), (" EBA ", "eba"), ("Probe", "probe")])
def test_a_method_is_found_by_its_name(text, method):
    assert method_named(text) == method


def test_another_method_is_refused_with_those_that_there_are():
    with pytest.raises(BlockweightError, match="There is no method 'magic'; use one of eba, screen, bisect"):
        method_named("magic")


@pytest.mark.parametrize("method", ["probe", "sketch", "gradient"])
def test_what_the_renderer_refuses_is_refused_before_a_project_is_made(locon, tmp_path, method):
    class Refusing(Rendered):
        def check(self, jobs):
            if jobs:
                raise BlockweightError("another family")

    with pytest.raises(BlockweightError, match="another family"):
        analyse(locon, tmp_path / "out", Refusing, blocks=BLOCKS, method=method, **OPTIONS[method])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("method", ["sketch", "gradient"])
def test_a_renderer_that_cannot_go_back_is_named(locon, tmp_path, method):
    with pytest.raises(BlockweightError, match="gradients need the model itself"):
        analyse(locon, tmp_path / "out", FakeRenderer, blocks=BLOCKS, method=method, **OPTIONS[method])


def test_scenes_that_a_probe_cannot_compare_are_refused(locon, tmp_path):
    scenes = [SCENES[0], replace(SCENES[1], steps=30)]
    with pytest.raises(BlockweightError, match="these have other samplers or numbers of steps"):
        analyse(locon, tmp_path / "out", scenes=scenes, blocks=BLOCKS, method="probe")


def test_scenes_that_reach_the_levels_at_other_steps_are_refused_before_they_are_probed(locon, tmp_path):
    class Shifted(Rendered):
        def noise_levels(self, job):
            return super().noise_levels(job) if job.scene.width == 32 else (64.0, 32.0, 16.0, 2.0)

    renderer, scenes = Shifted(), [SCENES[0], replace(SCENES[1], width=64)]
    with pytest.raises(BlockweightError, match="reach the noise levels of a probe at different steps"):
        analyse(locon, tmp_path / "out", lambda: renderer, scenes, blocks=BLOCKS, method="probe")
    assert renderer.asked == []


@pytest.mark.parametrize("options", [{"weight_range": "1e9,1"}, {"weight_range": "0,1e5"}, {"strength": 1e5}])
def test_weights_that_no_layer_takes_are_refused_by_the_estimate_too(locon, tmp_path, options):
    with pytest.raises(BlockweightError, match="no layer can be told more than 65504; lower one of them"):
        estimate_lora(locon, SCENES, tmp_path / "out", SilentProgress(), Typed(**options))


def test_a_model_of_another_family_is_refused_by_the_estimate_too(locon, tmp_path):
    other = write_model(tmp_path / "xl")
    (other / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    scenes = [replace(scene, checkpoint=replace(scene.checkpoint, path=str(other))) for scene in SCENES]
    with pytest.raises(BlockweightError, match="choose a model of the LoRA's family"):
        estimate_lora(locon, scenes, tmp_path / "out", SilentProgress(), Typed())
