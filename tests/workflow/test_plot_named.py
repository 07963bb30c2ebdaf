"""The tutorial's plots by their names."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from plotting import Bench

import workshop
from blockweight.errors import BlockweightError
from blockweight.lora import write_lora
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.plots import named
from blockweight.workflow.plots.planning import plan_plot
from blockweight.workflow.plots.reading import TypedPlot


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_matrix_has_loras_by_their_training_models_and_models_that_they_are_used_on(bench):

    name = workshop.module_in("IN01")
    tensors = {
        f"{name}.lora_down.weight": np.ones((2, 4), np.float16),
        f"{name}.lora_up.weight": np.ones((4, 2), np.float16),
    }
    write_lora(bench.loras / "pvc.safetensors", tensors, {named.TRAINED_ON: "pvc-v3.safetensors"})
    workshop.write_model(bench.models / "other", b"other")
    ask = named.matrix(TypedPlot(bench.shot("1girl")), "princess,pvc", "anime,other", bench.resolver)
    assert [place.label for place in ask.x.places] == ["princess", "pvc\n(pvc-v3)"]
    assert (ask.x.title, ask.y.title) == ("LoRA, and the model it was trained on", "Model it is used on")
    plan = plan_plot(ask, bench.resolver)
    assert [row.label for row in plan.rows] == ["anime", "other"]
    assert len({(job.lora.digest, job.scene.checkpoint.digest) for row in plan.jobs[0] for job in row}) == 4


def test_combinations_show_each_pair_each_alone_and_none(bench):
    vector = ",".join(["0.5"] * 26)
    ask = named.combos(TypedPlot(bench.shot("1girl")), ["princess", f"coat={vector}"], bench.resolver)
    plan = plan_plot(ask, bench.resolver)
    rows = plan.jobs[0]
    assert [place.label for place in ask.x.places] == ["no LoRA", "princess", "coat"]
    assert rows[0][0].variant.weights is None and not rows[0][0].scene.loras
    for number in (1, 2):
        assert rows[number][number].key == rows[0][number].key == rows[number][0].key
        assert not rows[number][number].scene.loras
    assert rows[1][2].key == rows[2][1].key and len(rows[1][2].scene.loras) == 1
    assert len(plan.every) == 4


def test_before_and_after_have_the_scenes_with_each_map_in_rows(bench, tmp_path):
    for name in ("a", "b"):
        Image.new("RGB", (32, 24)).save(tmp_path / f"{name}.png")
    shot = bench.shot()
    ask = named.before_after(TypedPlot(shot, seeds="1,2"), ["MIDD"], "", bench.resolver)
    assert [place.label for place in ask.x.places] == ["no LoRA", "the LoRA as it is", "MIDD"]
    assert [place.baseline for place in ask.x.places] == [True, False, False]
    assert [row.label for row in plan_plot(ask, bench.resolver).rows] == ["seed 1", "seed 2"]
    maps = f"{tmp_path / 'a.png'},{tmp_path / 'b.png'}"
    with pytest.raises(BlockweightError, match="--control"):
        plan_plot(named.before_after(TypedPlot(shot), [], maps, bench.resolver), bench.resolver)
    controlled = shot.with_parts(control=(tmp_path / "canny.safetensors",))
    assert isinstance(controlled.parts, PartOptions)
    ask = named.before_after(TypedPlot(controlled), [], maps, bench.resolver)
    assert [place.label for place in ask.y.places] == ["a.png", "b.png"]


@pytest.mark.parametrize("loras", [[], ["princess"]])
def test_fewer_than_two_loras_are_no_combinations(bench, loras):
    with pytest.raises(BlockweightError, match="two LoRAs or more"):
        named.combos(TypedPlot(bench.shot("1girl")), loras, bench.resolver)


def test_before_and_after_need_a_lora(bench):
    with pytest.raises(BlockweightError, match="no LoRA to plot"):
        named.before_after(TypedPlot(bench.shot("1girl")), [], "", bench.resolver)
