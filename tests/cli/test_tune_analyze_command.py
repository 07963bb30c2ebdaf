"""`blockweight tune analyze`, as a person types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from blockweight.render import FakeRenderer, unwatched
from workshop import tree


@pytest.fixture
def tune(blockweight, locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    new = ("--lora", locon, "--model", model, "--prompt", "1girl", "--size", "32x24", "--seeds", "1,2")
    assert blockweight("project", "new", "ゴブ姫", *new).code == 0

    def run(command, *arguments):
        return blockweight("tune", command, *arguments, "--project", "ゴブ姫")

    return run


@pytest.fixture
def mask(tmp_path):
    array = np.zeros((24, 32), np.uint8)
    array[:, :12] = 255
    Image.fromarray(array).save(tmp_path / "face.png")
    return tmp_path / "face.png"


class Interrupted(FakeRenderer):
    """Ctrl-C after three pictures."""

    def render(self, jobs, finished=(), watch=unwatched):
        for rendering in super().render(jobs, finished, watch):
            if len(self.rendered) > 3:
                raise KeyboardInterrupt
            yield rendering


def test_an_analysis_is_estimated_run_and_applied(tune):
    assert tune("analyze", "--blocks", "IN01-IN03", "--estimate").out.startswith(
        "8 pictures, no time measured yet\n2 scenes tell a typical block's effect"
    )
    ended = tune("analyze", "--blocks", "IN01-IN03", "--range", "1,1.001")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "Range:    1 for the block under test, 1.001 for the others",
        "block  Diff %       change (levels)  suggestion",
        *(
            f"{block}   0.0 and 0.0  {change}  drop: nothing visible changes anywhere: under the noise floor of "
            "0.5 levels in 2 scenes"
            for block, change in (
                ("IN01", "0.0 and 0.0    "),
                ("IN02", "0.0 and 0.0    "),
                ("IN03", "0.000 and 0.021"),
            )
        ),
        ended.out.splitlines()[5],
        "It took 8 pictures.",
        "Apply the suggestions with 'blockweight tune apply', all or some blocks.",
        "Report and figures: ゴブ姫/analysis-01",
        "Pictures: 8 in ゴブ姫/pictures, 8 rendered now",
    ]
    tune("apply", "IN02")
    assert json.loads(tune("show", "--json").out)["weights"]["values"]["IN02"] == 0


def test_after_ctrl_c_the_same_without_options_goes_on(blockweight, tune):
    blockweight.use(Interrupted)
    assert tune("analyze", "--blocks", "IN01-IN03").code == 130
    blockweight.use(FakeRenderer)
    assert tune("analyze", "--estimate").out.startswith("8 pictures, 3 of them rendered already, about 1 s to go\n")
    ended = tune("analyze")
    assert ended.out.splitlines()[-1] == "Pictures: 8 in ゴブ姫/pictures, 5 rendered now"
    assert tune("analyze", "--estimate").out.startswith("54 pictures, 8 of them rendered already")


def test_a_mask_may_come_afterwards_and_tells_where_a_block_works(blockweight, tune, mask):
    tune("analyze", "--blocks", "IN01-IN03")
    ended = tune("analyze", "--blocks", "IN01-IN03", "--mask", mask, "--region", "the face", "--json")
    told = json.loads(ended.out)
    assert (told["rendered"], told["left"], told["region"]) == (0, 0, "the face")
    assert set(told["blocks"][0]["effects"]) == {"diff", "overall", "inside", "outside"}
    assert told["number"] is not None
    (name,) = told["masks"]
    assert f"{name}.png" in tree(mask.parent / "ゴブ姫" / "masks")


def test_an_analysis_is_cancelled(blockweight, tune):
    blockweight.use(Interrupted)
    tune("analyze", "--blocks", "IN01-IN03")
    assert tune("analyze", "--cancel").out.startswith("Project: ゴブ姫\n")
    assert "No analysis is planned" in tune("analyze", "--cancel").err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--blocks", "IN99"), "There is no block 'IN99'"),
        (("--blocks", ""), None),
        (("--range", "1"), "must be two weights"),
        (("--range", "1,1"), "compares a weight with itself"),
        (("--range", "nan,1"), "'nan' is not a number"),
        (("--mask", "none.png"), "cannot be read"),
        (("--region", "x" * 81), "at most 80 letters"),
        (("--cancel",), "No analysis is planned"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_plans_nothing(tune, arguments, words):
    ended = tune("analyze", *arguments)
    if words is None:
        assert ended.code == 0
        return
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert "No analysis is planned" in tune("analyze", "--cancel").err


def test_a_budget_chooses_how_many_scenes_and_says_what_they_tell(tune):
    told = tune("analyze", "--blocks", "IN01-IN03", "--budget", "8pictures", "--estimate").out
    assert told.startswith("8 pictures, no time measured yet\n2 scenes tell a typical block's effect")
    assert tune("analyze", "--blocks", "IN01-IN03", "--budget", "1picture").code == 2


def test_a_probe_prints_its_table_and_where_its_report_is(tune):
    ended = tune("analyze", "--blocks", "IN01-IN03", "--method", "probe")
    assert ended.code == 0
    about, head, *rows = ended.out.splitlines()
    assert about.startswith("Range:")
    assert head.split() == ["block", "change", "of", "the", "estimate", "(x₀)"]
    assert {row.split()[0] for row in rows[:3]} == {"IN01", "IN02", "IN03"}
    assert rows[-2:] == ["Report and figures: ゴブ姫/analysis-01", "Pictures: 0 in ゴブ姫/pictures, 0 rendered now"]


def test_a_mask_is_estimated_with_before_it_is_kept(tune, mask):
    ended = tune("analyze", "--blocks", "IN01", "--mask", mask, "--objective", "green:inside", "--estimate")
    assert ended.out.startswith("4 pictures, ")
    assert "No analysis is planned" in tune("analyze", "--cancel").err


def test_a_model_that_looks_at_pictures_is_missed_before_anything_is_rendered(tune):
    ended = tune("analyze", "--aspects", "embedding")
    assert (ended.code, ended.out) == (2, "")
    assert "needs a model that looks at pictures" in ended.err
