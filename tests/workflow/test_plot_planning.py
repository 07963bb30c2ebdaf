"""A plot's cells, and the order in which they are rendered."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotting import Bench

import workshop
from blockweight.errors import BlockweightError
from blockweight.plan import Checkpoint
from blockweight.workflow.plots.planning import rendering_order
from blockweight.workflow.plots.reading import differences
from workshop import LORA, SCENE, job


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_three_axes_and_scenes_that_every_row_repeats(bench):
    plan = bench.plan("steps=2,3", y=("cfg=4,5",), z=("clip-skip=1,2",), prompts=("a hat", "a coat"), seeds="7,8")
    assert [row.label for row in plan.rows[:4]] == [
        "4\na hat\nseed 7",
        "4\na hat\nseed 8",
        "4\na coat\nseed 7",
        "4\na coat\nseed 8",
    ]
    assert (len(plan.jobs), len(plan.rows), len(plan.jobs[0][0])) == (2, 8, 2)
    found = plan.jobs[1][6][1]
    assert (found.scene.steps, found.scene.cfg_scale, found.scene.clip_skip) == (3, 5, 2)
    assert (found.scene.prompt, found.scene.seed) == ("a coat", 7)


def test_scenes_are_called_by_the_tags_in_which_their_prompts_differ(bench):
    plan = bench.plan("steps=2,3", prompts=[f"1girl, {cap}, night <lora:princess:1:ALL>" for cap in ("hat", "a, b")])
    assert [row.label for row in plan.rows] == ["hat", "a, b"]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(", ".join), min_size=2, max_size=4))
def test_different_prompts_have_different_names(prompts):
    named = dict(zip(prompts, differences(prompts), strict=True))
    assert len(set(named.values())) == len(set(prompts))
    assert all(named.values())


def test_equal_cells_are_one_job(bench):
    plan = bench.plan("weights=None,ALL", y=("strength=0.5,1",))
    assert len(plan.every) == 3


def test_scenes_alone_are_a_plot_and_a_single_cell_is_none(bench):
    assert [row.label for row in bench.plan(seeds="1,2").rows] == ["seed 1", "seed 2"]
    with pytest.raises(BlockweightError, match="a single cell"):
        bench.plan()


def test_a_kind_on_two_axes_is_refused_where_only_one_could_count(bench):
    with pytest.raises(BlockweightError, match="steps stands on two axes"):
        bench.plan("steps=2,3", y=("steps=4,5",))


@pytest.mark.parametrize(
    ("axis", "more", "words"),
    [
        ("seed=3,4", {"seeds": "1,2"}, "Seeds stand on an axis"),
        ("prompt=a hat\na coat", {"prompts": ("1girl", "1boy")}, "Prompts stand on an axis"),
        ("steps=2,3", {"prompt": " "}, "needs a prompt"),
        ("round=sub", {"prompts": ("<lora:princess:1>", "<lora:coat:1>")}, "plot them apart"),
    ],
)
def test_rows_that_would_be_called_what_they_are_not_are_refused(bench, axis, more, words):
    with pytest.raises(BlockweightError, match=words):
        bench.plan(axis, **more)


@pytest.mark.parametrize("other", ["lora=princess,coat", "weights=ALL,NONE", "sr=princess,coat"])
def test_a_round_beside_what_changes_its_lora_or_weights_is_refused(bench, other):
    with pytest.raises(BlockweightError, match="plot them apart"):
        bench.plan("round=sub", y=(other,))
    assert len(bench.plan("round=sub", y=("sr=red,blue",)).rows) == 2


def test_a_rounds_values_come_from_a_file_too(bench, tmp_path):
    (tmp_path / "round.txt").write_text("\ufeffsub:0.25\n", "utf-8")
    assert bench.row(f"round=@{tmp_path / 'round.txt'}")[1].variant.label == "SubBASE_0.75"


def test_a_plot_of_more_cells_than_anybody_means_is_refused(bench):
    with pytest.raises(BlockweightError, match="cells, more than"):
        bench.plan("steps=1-200", y=("cfg=1-100 [200]",))


def test_a_plot_without_a_model_says_so(bench):
    with pytest.raises(BlockweightError, match="needs a model"):
        bench.resolver.job(replace(bench.shot(), model=""))


SIGNS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 3)), max_size=30)


@given(SIGNS)
def test_each_model_is_loaded_once_and_each_lora_once_for_it(signs):
    jobs = [
        job(
            scene=replace(SCENE, checkpoint=Checkpoint("m", f"{model}"), seed=seed),
            lora=replace(LORA, digest=f"{lora}"),
        )
        for model, lora, seed in signs
    ]
    order = rendering_order(jobs)
    assert sorted(each.key for each in order) == sorted(each.key for each in jobs)
    for seen in (
        [each.scene.checkpoint.digest for each in order],
        [(each.scene.checkpoint.digest, each.lora.digest) for each in order],
    ):
        switches = sum(one != other for one, other in pairwise(seen))
        assert switches == max(0, len(set(seen)) - 1)


def test_scenes_with_equal_other_loras_are_rendered_together(bench):
    one, two = (bench.job(f"<lora:princess:1> <lora:coat:{strength}>") for strength in (0.5, 0.6))
    plain = bench.job("<lora:princess:1>")
    order = rendering_order([one, plain, two])
    assert [each.key for each in order] == [one.key, two.key, plain.key]
    assert workshop.LORA is LORA


def test_each_renderer_draws_its_pictures_together(bench):
    plan = bench.plan("renderer=local:cpu,fake", y=("seed=1,2",))
    assert [[each.scene.renderer for each in row] for row in plan.jobs[0]] == [["local:cpu", "fake"]] * 2
    assert [each.scene.renderer for each in plan.every] == ["local:cpu"] * 2 + ["fake"] * 2
    assert len({each.key for each in plan.every}) == 4


def test_a_renderer_that_is_none_is_refused_before_anything_is_drawn(bench):
    with pytest.raises(BlockweightError, match=r"There is no renderer 'paint'.*In the cell"):
        bench.plan("renderer=local,paint")
