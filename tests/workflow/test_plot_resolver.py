"""A plot's cells as jobs: tags, block weights, and what two LoRAs have to do with each other."""

from __future__ import annotations

import pytest
from plotting import Bench

from blockweight import render
from blockweight.errors import BlockweightError
from blockweight.plan import Variant
from blockweight.workflow.plots.shots import LoraEdit


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def names(job):
    return [each.use.path.rpartition("/")[2] for each in job.scene.loras]


def test_the_first_tag_is_plotted_and_others_belong_to_the_scene(bench):
    job = bench.job("1girl <lora:princess:0.8> <lora:coat:0.5:lbw=ALL>, hat")
    assert job.scene.prompt == "1girl, hat"
    assert job.lora.path == str(bench.coat)
    assert names(job) == ["princess.safetensors"] and job.scene.loras[0].use.strength == 0.8


def test_of_tags_without_weights_the_first_is_plotted(bench):
    job = bench.job("1girl <lora:coat:0.8> <lora:princess:1>")
    assert job.lora.path == str(bench.coat) and names(job) == ["princess.safetensors"]


def test_a_lora_beside_the_prompt_leaves_all_its_tags_to_the_scene(bench):
    job = bench.job("1girl <lora:coat:0.8>", LoraEdit(str(bench.princess), beside=True))
    assert job.lora.path == str(bench.princess) and names(job) == ["coat.safetensors"]


def test_a_tag_says_both_strengths_and_the_steps(bench):
    job = bench.job("<lora:princess:0.5:0.8:start=3:stop=9>")
    use = job.lora
    assert (use.in_texts, use.strength, use.start, use.stop) == (0.5, 0.8, 3, 9)


def test_xyz_is_what_an_axis_says_and_zyx_1_less_each(bench):
    jobs = bench.row("weights=ALL,MIDD", prompt="<lora:coat:1:lbw=ZYX> <lora:princess:1:lbw=XYZ>")
    for job in jobs:
        assert job.lora.path == str(bench.princess)
        mine, other = job.variant.weights, job.scene.loras[0].weights
        assert [1 - weight for weight in mine.values] == list(other.values)
    assert jobs[0].key != jobs[1].key


def test_zyx_without_xyz_is_refused(bench):
    with pytest.raises(BlockweightError, match="ZYX, which another LoRA's XYZ gives its weights"):
        bench.row("steps=2,3", prompt="<lora:princess:1:lbw=ZYX>")


def test_the_weights_of_an_axis_take_the_place_of_those_that_were_given(bench):
    lora = LoraEdit(str(bench.princess), beside=True, base="ALL")
    jobs = bench.row("weights=NONE,MIDD", prompt="1girl", lora=lora)
    assert [set(jobs[0].variant.weights.values), jobs[1].variant.label] == [{0.0}, "MIDD"]
    assert bench.job("1girl", lora).variant.weights.values == (1.0,) * 26


def test_a_round_moves_the_weights_that_were_given(bench):
    lora = LoraEdit(str(bench.princess), beside=True, base="ALL")
    plan = bench.plan("round=sub:0.25:IN00-OUT10", prompt="1girl", lora=lora)
    assert [job.variant.weights.weight("OUT11") for job in plan.jobs[0][0]] == [1, 1, 0.75]


@pytest.mark.parametrize("axis", ["weights=ALL,NONE", "strength=0.5,1", "te=0,1", "start=1,2", "stop=2,3"])
def test_what_changes_a_lora_is_refused_where_there_is_none(bench, axis):
    with pytest.raises(BlockweightError, match="There is no LoRA to plot"):
        bench.plan(axis, prompt="1girl")


def test_a_tag_of_the_plotted_lora_itself_is_refused(bench):
    for prompt, lora in (
        ("1girl <lora:princess:1>", LoraEdit(str(bench.princess), beside=True)),
        ("1girl <lora:princess:1> <lora:princess:0.5>", LoraEdit()),
    ):
        with pytest.raises(BlockweightError, match="would count twice"):
            bench.job(prompt, lora)


@pytest.mark.parametrize("prompt", ["<lora:princess:1:start=4:stop=2>", "<lora:princess:1e9>"])
def test_what_no_renderer_can_draw_is_refused_before(bench, prompt):
    with pytest.raises(BlockweightError, match=r"comes first|no layer can be told"):
        bench.job(prompt)


def test_without_an_axis_xyz_is_all_of_it(bench):
    assert set(bench.job("<lora:princess:1:lbw=XYZ>").variant.weights.values) == {1.0}


def test_weights_on_two_axes_are_combined(bench):
    zeros = ",0" * 25
    (row,) = bench.plan(f"weights=A:1{zeros};B:0.5{zeros}", y=(f"weights=C:0.25,1{zeros[2:]}",)).jobs[0]
    assert [job.variant.weights.values[:3] for job in row] == [(1.0, 1.0, 0.0), (0.5, 1.0, 0.0)]
    assert row[0].variant.label == "A + C"


def test_values_are_set_in_blocks(bench):
    plan = bench.plan("blocks=IN01,IN02-IN03,NOT BASE", y=("values=0,0.5",), prompt="<lora:princess:1>")
    weights = [[job.variant.weights for job in row] for row in plan.jobs[0]]
    assert weights[1][0].weight("IN01") == 0.5 and weights[1][0].weight("IN02") == 1
    assert [weights[0][1].weight(block) for block in ("IN01", "IN02", "IN03")] == [1, 0, 0]
    assert weights[0][2].weight("BASE") == 1 and sum(weights[0][2].values) == 1


@pytest.mark.parametrize("axis", ["blocks=IN01,IN02", "values=0,1"])
def test_blocks_without_values_are_refused_and_the_other_way_round(bench, axis):
    with pytest.raises(BlockweightError, match="give both"):
        bench.plan(axis)


def test_rest_can_be_set_like_a_block(bench):
    (job, _) = bench.row("values=0.5,1", "blocks=REST")
    assert job.variant.weights.rest == 0.5


def test_none_is_no_lora_and_the_preset_none_is_all_0(bench):
    jobs = bench.row("weights=None,NONE,no LoRA")
    assert jobs[0].variant == jobs[2].variant == Variant("no LoRA", None)
    assert set(jobs[1].variant.weights.values) == {0.0}


def test_a_round_is_written_out(bench):
    plan = bench.plan("round=sub:0.25:IN00-OUT10", prompt="<lora:princess:1:lbw=ALL>")
    assert [place.label for place in plan.ask.x.places] == ["Sub", "SubBASE_0.75", "SubOUT11_0.75"]
    assert plan.jobs[0][0][2].variant.weights.weight("OUT11") == 0.75


def test_the_baseline_is_without_the_lora_alone(bench):
    row = bench.row("strength=0.5,1", prompt="<lora:princess:1> <lora:coat:1>", baseline="column")
    assert [job.variant.weights is None for job in row] == [True, False, False]
    assert all(names(job) == ["coat.safetensors"] for job in row)


def test_a_plot_needs_no_lora(bench):
    jobs = bench.row("steps=2,3", prompt="1girl")
    assert all(job.variant.weights is None for job in jobs)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("<lora:hat:1>", "neither a file nor in the folders"),
        ("<lora:princess:1:lbw=GOBU>", "princess.safetensors.*GOBU"),
        ("<lora:princess:1:lbw=1,0>", "princess.safetensors.*length 2"),
        ("<lora:princess:1:lbwe=ATTNDEEPON>", "lbwe"),
        ("<hypernet:a:1>", "no LoRA's tag"),
        ("<lora:princess:1:lbw=ALL> <lora:coat:1:lbw=GOBU>", "coat.safetensors.*GOBU"),
    ],
)
def test_what_cannot_be_had_is_refused_with_its_name(bench, prompt, words):
    with pytest.raises(BlockweightError, match=words):
        bench.job(prompt)


def test_two_files_of_one_name_are_told_apart_by_their_path(bench, tmp_path):
    (bench.loras / "old").mkdir()
    twin = bench.loras / "old" / "coat.safetensors"
    twin.write_bytes(bench.coat.read_bytes())
    with pytest.raises(BlockweightError, match="2 LoRAs are called 'coat'"):
        bench.job("<lora:coat:1>")
    assert bench.job(f"<lora:{twin}:1>").lora.path == str(twin)


def test_a_model_is_looked_at_once_however_many_cells_there_are(bench, monkeypatch):
    seen = []
    real = render.identify_checkpoint
    monkeypatch.setattr(render, "identify_checkpoint", lambda path: seen.append(path) or real(path))
    bench.plan("steps=2-9", y=("cfg=2-5",), seeds="1-3")
    assert seen == [bench.model]
