"""`blockweight project` and `blockweight tune`, as a person types them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from blockweight.render import identify_checkpoint
from blockweight.workflow.tuning_project import create_project
from workshop import SCENE, WEIGHTS, tree

FIXED = "NOT IN01-IN03"


@pytest.fixture
def new(locon, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return (
        "project", "new", "ゴブ姫", "--lora", locon, "--model", model, "--prompt", "1girl", "--size", "32x24",
        "--seeds", "1,2",
    )  # fmt: skip


@pytest.fixture
def tune(blockweight, new):
    """`blockweight tune …` on a project of which three blocks are free."""
    assert blockweight(*new).code == 0

    def run(command, *arguments, **options):
        return blockweight("tune", command, *arguments, "--project", "ゴブ姫", **options)

    run("fix", FIXED)
    return run


def state(tune):
    return json.loads(tune("show", "--json").out)


def test_a_new_project_is_shown(blockweight, new):
    ended = blockweight(*new, "--weights", f"G:{WEIGHTS}")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Project: ゴブ姫",
        "LoRA:    princess.safetensors (sd1-26)",
        "Model:   model",
        "Scenes:  2",
        "         '1girl' seed 1, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
        "         '1girl' seed 2, 32x24, 20 steps of DPM++ 2M Karras, CFG 7",
        f"Weights: G:{WEIGHTS}",
        "Fixed:   -",
        "Round:   -",
        "Undo:    -",
        "Redo:    -",
    ]


def test_a_round_is_estimated_planned_rendered_and_decided(blockweight, tune):
    assert tune("round", "sub", "--estimate").out == "10 pictures, no time measured yet\n"
    ended = tune("round", "sub")
    assert ended.out.splitlines() == [
        "Variants: SubIN01_0.5, SubIN02_0.5, SubIN03_0.5",
        "Pictures: 10 in ゴブ姫/pictures, 10 rendered now",
    ]
    assert len(blockweight.renderer.rendered) == 10
    tune("decide", "subin01_0.5", "accept")
    lines = tune("decide", "SubIN02_0.5", "reject").out.splitlines()
    assert "Fixed:   BASE-IN02,IN04-OUT11" in lines
    assert "         SubIN01_0.5      accepted" in lines
    assert "Undo:    reject SubIN02_0.5" in lines
    shown = state(tune)
    assert shown["weights"]["values"]["IN01"] == 0.5
    assert [variant["choice"] for variant in shown["round"]["variants"]] == ["accept", "reject", "undecided"]
    assert tune("round", "--finish").out.splitlines()[8] == "Round:   -"


def test_a_complete_round_is_not_rendered_again(blockweight, tune):
    tune("round", "sub")
    again = tune("round")
    assert again.out.splitlines()[1] == "Pictures: 10 in ゴブ姫/pictures, 0 rendered now"
    assert tune("round", "--estimate").out == "10 pictures, all rendered already\n"
    assert tune("round", "sub-add", "--estimate").out.startswith("16 pictures, 10 of them rendered already, about ")


def test_a_round_as_json_names_every_picture(tune, tmp_path):
    told = json.loads(tune("round", "sub", "--json").out)
    assert (told["rendered"], told["left"]) == (10, 0)
    assert [column["label"] for column in told["grid"]["columns"]][:3] == ["no LoRA", "current", "SubIN01_0.5"]
    assert {f"{key}.png" for row in told["grid"]["keys"] for key in row} == set(tree(tmp_path / "ゴブ姫" / "pictures"))
    cost = json.loads(tune("round", "add", "--estimate", "--json").out)["cost"]
    assert (cost["pictures"], cost["finished"]) == (10, 4)


def test_weights_are_set_whole_by_block_and_from_standard_input(tune):
    assert f"Weights: G:{WEIGHTS}" in tune("set", f"G:{WEIGHTS}").out
    tune("set", "-0.25", "--block", "IN05-IN06")
    shown = state(tune)["weights"]["values"]
    assert (shown["IN05"], shown["IN06"], shown["IN07"]) == (-0.25, -0.25, 1)
    assert "Weights: S:" in tune("set", "-", stdin=f"S:{WEIGHTS}".encode()).out


def test_blocks_are_fixed_and_unfixed(tune):
    assert "Fixed:   BASE,IN00,IN02,IN04-OUT11" in tune("fix", "IN02").out
    assert "Fixed:   BASE,IN00,IN04-OUT11" in tune("fix", "IN02", "--off").out


def test_undo_redo_and_branches_are_listed_in_the_history(tune):
    tune("set", "0.5", "--block", "IN01")
    assert "Redo:    set IN01 to 0.5" in tune("undo").out
    assert "Undo:    set IN01 to 0.5" in tune("redo").out
    tune("branch", "2")
    tune("set", "0.25", "--block", "IN01-IN03")
    lines = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", line) for line in tune("history").out.splitlines()]
    assert lines == [
        "* 1  TIME  make the project 'ゴブ姫'",
        "* 2  TIME  fix BASE,IN00,IN04-OUT11",
        "  3  TIME  set IN01 to 0.5",
        "> 7  TIME  set IN01-IN03 to 0.25  (after 2)",
    ]
    told = json.loads(tune("history", "--json").out)
    assert [step["parent"] for step in told["steps"]] == [None, 1, 2, 2]


def test_suggestions_of_an_analysis_are_applied_and_revoked(blockweight, tune, locon, model):
    blockweight("analyze", locon, "--model", model, "--prompt", "1girl", "--size", "32x24", "--blocks", "IN01-IN03",
                "--range", "1,1.001", "--out", "ゴブ姫")  # fmt: skip
    suggested = state(tune)["suggestions"]
    drop = [block for block, told in suggested.items() if told[0] == "drop"]
    assert drop
    ended = tune("apply")
    assert ended.code == 0
    assert state(tune)["weights"]["values"][drop[0]] == 0
    tune("revoke", drop[0])
    assert state(tune)["weights"]["values"][drop[0]] == 1


def test_an_act_with_an_id_is_one_act(tune):
    tune("round", "sub")
    for _ in range(3):
        assert tune("decide", "SubIN01_0.5", "accept", "--id", "a", "--sequence", "4").code == 0
    assert tune("undo", "--id", "u").out == tune("undo", "--id", "u").out
    assert state(tune)["sequence"] == 4


def test_projects_are_listed_with_the_latest_first(blockweight, tune, tmp_path):
    tune("round", "sub")
    ended = blockweight("project", "list")
    assert re.fullmatch(r"ゴブ姫  \d{4}-\d\d-\d\d \d\d:\d\d  10 pictures  .*ゴブ姫\n", ended.out)
    (listed,) = json.loads(blockweight("project", "list", "--json").out)
    assert (listed["name"], listed["pictures"], len(listed["cover"])) == ("ゴブ姫", 10, 32)


def test_a_project_is_exported_imported_and_shown(blockweight, tune, tmp_path):
    tune("round", "sub")
    assert blockweight("project", "export", "ゴブ姫").out == f"Exported: {tmp_path / 'ゴブ姫.zip'}\nPictures: 10\n"
    assert blockweight("project", "import", "ゴブ姫.zip", "--out", "copy").out.splitlines() == [
        "Imported: ゴブ姫",
        "Folder:   copy",
        "Pictures: 10",
    ]
    shown = json.loads(blockweight("project", "show", "copy", "--json").out)
    assert (shown["pictures"], shown["rounds"], shown["missing"]) == (10, 1, {})
    assert "History:  3 steps, 1 rounds" in blockweight("project", "show", "copy").out


def test_a_missing_file_is_named_and_located(blockweight, tune, locon, model, tmp_path, config):
    blockweight("project", "export", "ゴブ姫", "--out", tmp_path / "away.zip")
    (config / "recent.json").unlink()
    moved = tmp_path / "moved.safetensors"
    locon.rename(moved)
    out = blockweight("project", "import", "away.zip").out
    assert out.splitlines()[-1] == "Missing:  princess.safetensors; say where it is with 'blockweight project locate'"
    assert "Missing: princess.safetensors" in blockweight("tune", "show", "--project", "away").out
    assert blockweight("project", "locate", "away", "--lora", moved).out.splitlines() == [
        f"LoRA:     {moved}",
        f"Model:    {model}",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tune", "show"), "There is no project in 'blockweight-project'"),
        (("tune", "set", "1,2", "--project", "ゴブ姫"), "was given, but"),
        (("tune", "set", "x", "--block", "IN01", "--project", "ゴブ姫"), "'x' is not a number"),
        (("tune", "fix", "IN99", "--project", "ゴブ姫"), "There is no block 'IN99'"),
        (("tune", "round", "--project", "ゴブ姫"), "No round is open"),
        (("tune", "round", "sub", "--finish", "--project", "ゴブ姫"), "leave out the kind of round"),
        (("tune", "decide", "SubIN01_0.5", "accept", "--project", "ゴブ姫"), "No round is open"),
        (("tune", "redo", "--project", "ゴブ姫"), "nothing to redo"),
        (("tune", "branch", "99", "--project", "ゴブ姫"), "has no step 99"),
        (("tune", "apply", "--project", "ゴブ姫"), "no analysis yet"),
        (("tune", "revoke", "--project", "ゴブ姫"), "No suggestion is applied"),
        (("project", "show", "none"), "There is no project in 'none'"),
        (("project", "export", "ゴブ姫", "--out", "a.tar"), "does not end in .zip"),
        (("project", "import", "."), "is there already"),
        (("project", "import", "/"), "is there already"),
        (("project", "import", "none.zip"), "could not be imported (No such file"),
        (("project", "import", "princess.safetensors", "--out", "new"), "is no whole zip file"),
        (("project", "locate", "ゴブ姫", "--lora", "none"), "none"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_changes_nothing(blockweight, tune, tmp_path, arguments, words):
    before = tree(tmp_path)
    ended = blockweight(*arguments)
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    after = tree(tmp_path)
    assert {name for name in after if "sqlite" not in name} == {name for name in before if "sqlite" not in name}


def test_text_of_an_imported_project_cannot_steer_the_terminal(blockweight, new, locon, model):
    odd = replace(SCENE, sampler="\x1b[31mEuler a", steps=20, checkpoint=identify_checkpoint(model))
    create_project(Path("ゴブ姫"), locon, [odd]).close()
    ended = blockweight("tune", "show", "--project", "ゴブ姫")
    assert "\x1b" not in ended.out
    assert "20 steps of ?[31mEuler a" in ended.out
