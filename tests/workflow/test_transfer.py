"""The same weights elsewhere: which scenes, their cost, rendering with a stop, the table and its files."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from projects import make, scenes

from blockweight.errors import BlockweightError
from blockweight.measure import Holds, mask_digest
from blockweight.render import FakeRenderer, unwatched
from blockweight.workflow import tuning as acts
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.project_analysis import Wanted, plan_analysis, render_analysis
from blockweight.workflow.project_masks import keep_mask_file
from blockweight.workflow.transfer import TransferAsked, plan_transfer, run_transfer, transfer_cost
from blockweight.workflow.transfer_page import write_transfer
from blockweight.workflow.transfer_steps import estimate, parse_masks, run
from blockweight.workflow.transfer_text import CSV_COLUMNS, transfer_csv, transfer_facts, transfer_lines
from workshop import RecordedProgress, write_model

SEEDS = TransferAsked(seeds="11-12")


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        acts.set_blocks(tuning, "IN02", "0")
        yield tuning


@pytest.fixture
def other(tmp_path):
    return write_model(tmp_path / "other", b"other weights")


@pytest.fixture
def prompts(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("\ufeff1girl, blue suit\n\n猫\n1girl, ゴブ姫\n", "utf-8")
    return path


@pytest.fixture
def mask(tmp_path):
    array = np.full((24, 32), 255, np.uint8)
    array[:, 3:6] = 0
    Image.fromarray(array).save(tmp_path / "face.png")
    return tmp_path / "face.png"


def seen(plan):
    return {
        group.name: [(scene.prompt, scene.seed, scene.checkpoint.path.rsplit("/", 1)[-1]) for scene in group.scenes]
        for group in plan.groups
    }


def test_each_group_changes_one_thing_and_leaves_homes_own_scenes_out(tuning, other, prompts):
    plan = plan_transfer(tuning, TransferAsked(seeds="2,11", prompts=prompts, models=(other,)))
    home = "1girl, ゴブ姫"
    assert seen(plan) == {
        "home": [(home, 1, "model"), (home, 2, "model")],
        "seeds 2,11": [(home, 11, "model")],
        "prompts prompts.txt": [(text, seed, "model") for text in ("1girl, blue suit", "猫") for seed in (1, 2)],
        "model other": [(home, 1, "other"), (home, 2, "other")],
    }


def test_every_scene_has_three_pictures_and_the_cost_is_told_before(tuning):
    assert transfer_cost(tuning, plan_transfer(tuning, SEEDS)).pictures == 12
    assert estimate(tuning, SEEDS).lines == (
        "Groups: home (2 scenes), seeds 11-12 (2 scenes)", "12 pictures, no time measured yet",
    )  # fmt: skip
    renderer, progress = FakeRenderer(), RecordedProgress()
    run_transfer(tuning, plan_transfer(tuning, SEEDS), lambda: renderer, progress)
    assert progress.lines == ["12 pictures, no time measured yet"]
    weights = [job.variant.weights for job in renderer.rendered]
    assert weights[0] is None
    assert set(weights[1].values) == {1.0}
    assert (weights[2].weight("IN02"), weights[2].weight("IN03")) == (0.0, 1.0)


class Interrupted(FakeRenderer):
    def render(self, jobs, finished=(), watch=unwatched):
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > 5:
                raise KeyboardInterrupt
            yield rendering


def test_after_a_stop_the_same_again_goes_on_and_renders_nothing_twice(tuning, other):
    asked = TransferAsked(seeds="11", models=(other,))
    with pytest.raises(KeyboardInterrupt):
        run(tuning, asked, Interrupted, SilentProgress())
    renderer = FakeRenderer()
    first = run(tuning, asked, lambda: renderer, SilentProgress())
    assert len(renderer.rendered) == 15 - 5
    again = run(tuning, asked, FakeRenderer, SilentProgress())
    assert again == first
    assert tuning.state().scenes == plan_transfer(tuning, asked).groups[0].scenes


def test_other_weights_may_be_given(tuning):
    plan = plan_transfer(tuning, TransferAsked(weights="Half:" + ",".join(["0.5"] * 26), seeds="11"))
    transfer = run_transfer(tuning, plan, FakeRenderer, SilentProgress())
    assert plan.weights.name == "Half"
    # The fake renderer's stripes grow with the weight alone.
    assert transfer.table[0].kept.mean == pytest.approx(0.5, abs=0.01)
    assert tuning.state().weights.weight("IN05") == 1.0


def test_a_model_is_compared_scene_by_scene(tuning, other):
    transfer = run_transfer(tuning, plan_transfer(tuning, TransferAsked(models=(other,))), FakeRenderer,
                            SilentProgress())  # fmt: skip
    (_, row) = transfer.table
    assert row.kept_against.paired
    assert row.kept_against.mean == 0.0  # it does not ask for the model
    assert row.kept_against.holds is Holds.HOLDS


def test_homes_mask_is_the_analyses_and_is_for_no_other_group(tuning, mask):
    plan_analysis(tuning, Wanted("IN01", masks=(keep_mask_file(tuning, mask),)))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    home, other = plan_transfer(tuning, SEEDS).groups
    assert (len(home.masks), len(other.masks)) == (2, 0)
    text = "\n".join(transfer_lines(run_transfer(tuning, plan_transfer(tuning, SEEDS), FakeRenderer, SilentProgress())))
    assert "No mask for seeds 11-12: home's fits home's pictures alone" in text


@pytest.fixture
def second(tmp_path):
    array = np.full((24, 32), 255, np.uint8)
    array[:, 20:30] = 0
    Image.fromarray(array).save(tmp_path / "second.png")
    return tmp_path / "second.png"


def masked_groups(tuning, *files, seeds="11-12"):
    """How many masks home has, and those of other seeds as the numbers of home's, by home's masks."""
    names = tuple(keep_mask_file(tuning, file) for file in files)
    plan_analysis(tuning, Wanted("IN01", masks=names))
    render_analysis(tuning, FakeRenderer, SilentProgress())
    asked = TransferAsked(seeds=seeds, home_mask=True)
    home, other = plan_transfer(tuning, asked).groups
    digests = list(map(mask_digest, home.masks))
    return len(home.masks), [digests.index(mask_digest(mask)) for mask in other.masks], estimate(tuning, asked).lines


def test_other_seeds_take_homes_mask_over_where_all_seeds_of_a_prompt_share_it(tuning, model, mask, second):
    acts.set_scenes(tuning, [*scenes(model, "1"), *scenes(model, "1", "猫")])
    _, taken, told = masked_groups(tuning, mask, second)
    assert taken == [0, 0, 1, 1]
    assert len(told) == 2


def test_other_seeds_take_none_of_homes_masks_over_where_the_seeds_of_a_prompt_have_several(tuning, mask, second):
    home, taken, told = masked_groups(tuning, mask, second)
    assert (home, taken) == (2, [])
    assert "No mask of home's for seeds 11-12: home has several" in told[1]


def test_a_mask_is_for_one_kind_of_group_or_for_all(tuning, mask, other):
    asked = TransferAsked(seeds="11", models=(other,), masks={"seeds": mask})
    assert [bool(group.masks) for group in plan_transfer(tuning, asked).groups] == [False, True, False]
    asked = TransferAsked(seeds="11", models=(other,), masks={"": mask})
    transfer = run_transfer(tuning, plan_transfer(tuning, asked), FakeRenderer, SilentProgress())
    assert [row.masked for row in transfer.table] == [True, True, True]
    # IN02 is outside, so nothing is lost inside, and part of the rest is gone.
    assert all(row.kept.mean == pytest.approx(1.0) and row.gone.mean > 0.1 for row in transfer.table)


def test_without_any_mask_it_says_what_is_not_told_apart(tuning):
    transfer = run_transfer(tuning, plan_transfer(tuning, SEEDS), FakeRenderer, SilentProgress())
    assert list(transfer_lines(transfer))[-1] == (
        "No mask: what should be kept and what should go is not told apart; give one with --mask FILE."
    )


def test_the_table_is_written_as_text_csv_json_and_a_page(tuning, other):
    asked = TransferAsked(seeds="11-12", models=(other,))
    transfer = run_transfer(tuning, plan_transfer(tuning, asked), FakeRenderer, SilentProgress())
    files = write_transfer(tuning, transfer)
    assert [file.name for file in files] == ["transfer.csv", "transfer.json", "page.html"]
    rows = list(csv.DictReader(io.StringIO(transfer_csv(transfer).decode("utf-8-sig"))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["group"] for row in rows] == ["home", "seeds 11-12", "model other"]
    assert (rows[0]["gone"], rows[2]["kept_verdict"]) == ("", "holds")
    told = json.loads(files[1].read_text("utf-8"))
    assert told == json.loads(json.dumps(transfer_facts(transfer), allow_nan=False))
    assert len(told["scenes"]) == 6
    assert "model other" in files[2].read_text("utf-8")
    assert write_transfer(tuning, transfer) == files


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (TransferAsked(), "Nothing was given"),
        (TransferAsked(seeds="1-2"), "These seeds are the project's own"),
        (TransferAsked(seeds="x"), "not a seed"),
        (TransferAsked(weights="ALL", seeds="11"), "weights are all 1"),
        (TransferAsked(seeds="11", masks={"faces": None}), "'faces' is no group"),
    ],
)
def test_what_carries_nothing_over_is_refused(tuning, asked, words):
    with pytest.raises(BlockweightError, match=words):
        plan_transfer(tuning, asked)


def test_the_projects_own_model_and_lost_files_are_refused(tuning, model, tmp_path):
    with pytest.raises(BlockweightError, match="the project's own model"):
        plan_transfer(tuning, TransferAsked(models=(model,)))
    with pytest.raises(BlockweightError, match="nowhere"):
        plan_transfer(tuning, TransferAsked(models=(tmp_path / "nowhere",)))
    with pytest.raises(BlockweightError, match="There is no file"):
        plan_transfer(tuning, TransferAsked(prompts=tmp_path / "nowhere.txt"))


def test_a_file_that_is_no_model_and_weights_that_no_layer_takes_are_refused_at_once(tuning, locon):
    with pytest.raises(BlockweightError, match="is a LoRA, not a model; give a"):
        plan_transfer(tuning, TransferAsked(models=(locon,)))
    with pytest.raises(BlockweightError, match="no layer can be told more than 65504"):
        plan_transfer(tuning, TransferAsked(seeds="11", weights=",".join(["1e9"] * 26)))


def test_a_mask_of_another_size_is_refused(tuning, tmp_path):
    small = Image.new("L", (8, 8))
    small.putpixel((0, 0), 255)
    small.save(tmp_path / "small.png")
    with pytest.raises(BlockweightError, match="8×8"):
        plan_transfer(tuning, TransferAsked(seeds="11", masks={"": tmp_path / "small.png"}))


def test_masks_are_read_by_group(tmp_path, mask):
    assert parse_masks([str(mask), "Seeds=a.png"]) == {"": mask, "seeds": type(mask)("a.png")}
    odd = tmp_path / "a=b.png"
    odd.write_bytes(b"")
    assert parse_masks([str(odd)]) == {"": odd}
    for texts, words in ((["seeds="], "names no mask"), (["seeds=a", "seeds=b"], "Two masks")):
        with pytest.raises(BlockweightError, match=words):
            parse_masks(texts)


def test_scenes_that_are_the_same_but_for_the_seed_make_each_other_seed_once(tuning, model):
    acts.set_scenes(tuning, [*scenes(model, "1-3"), *scenes(model, "1", "猫")])
    plan = plan_transfer(tuning, TransferAsked(seeds="11"))
    assert [(scene.prompt, scene.seed) for scene in plan.groups[1].scenes] == [("1girl, ゴブ姫", 11), ("猫", 11)]
