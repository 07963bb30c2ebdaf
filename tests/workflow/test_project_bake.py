"""Baking a project's LoRA: what is taken by default, the report that stays, and that no path is exported."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace

import pytest
from projects import make

from blockweight.errors import BlockweightError
from blockweight.lora import verify_baked
from blockweight.workflow import tuning as acts
from blockweight.workflow.baking import Recipe, Typed
from blockweight.workflow.project_bake import (
    bake_lines,
    bake_path,
    bake_project,
    bake_rows,
    find_bake,
    first_texts,
    with_defaults,
)
from blockweight.workflow.project_files import export_project, import_project
from blockweight.workflow.publish_texts import copy_texts
from blockweight.workflow.tuning_project import open_project
from workshop import WEIGHTS, weights_of


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model, strength=0.5, rest=0.25) as tuning:
        acts.set_weights(tuning, f"G:{WEIGHTS}", rest=0.25)
        yield tuning


def bake(tuning, out=None, weights="", **recipe):
    typed, strength = with_defaults(tuning.state(), Typed(weights), None)
    return bake_project(tuning, typed, Recipe(strength=strength, **recipe), out)


def test_the_current_weights_are_baked_with_the_projects_strength(tuning, locon):
    report, filled, made = bake(tuning)
    path = bake_path(tuning.state(), made)
    assert path == tuning.folder / "princess_0.5_G.safetensors"
    assert (report.weights.rest, filled) == (0.25, ())
    halved = replace(weights_of(f"G:{WEIGHTS}"), rest=0.25)
    assert verify_baked(locon, halved, path, Recipe(strength=0.5)).max_error < 1e-3
    assert first_texts(tuning.state()) == {"weights": f"G:{WEIGHTS}", "rest": "0.25", "strength": "0.5"}


def test_the_report_outlives_the_process_and_what_is_undone(tuning):
    _, _, made = bake(tuning)
    acts.undo(tuning)
    with open_project(tuning.folder) as again:
        found = find_bake(again.state())
        assert found == made
        assert found.report["verified"] is True
        assert found.report["blocks"]["IN00"]["action"] == "dropped"
        assert list(bake_lines(again.state()))[1].strip() == f"G:{WEIGHTS}, strength 0.5"
        assert [row["there"] for row in bake_rows(again.state())] == [True]


def test_an_export_names_the_baked_file_and_no_place(tuning, tmp_path):
    bake(tuning)
    file, _ = export_project(tuning)
    events = zipfile.ZipFile(file).read("events.jsonl").decode()
    assert "princess_0.5_G.safetensors" in events
    assert json.dumps(str(tmp_path))[1:-1] not in events


def test_a_bake_of_another_machine_has_no_path(tuning, tmp_path, locon, model):
    bake(tuning)
    file, _ = export_project(tuning)
    import_project(file, tmp_path / "copy", lora=locon, models=[model])
    with open_project(tmp_path / "copy") as copied:
        assert bake_path(copied.state(), find_bake(copied.state())) is None
        assert [row["there"] for row in bake_rows(copied.state())] == [False]


def test_a_lora_that_is_gone_or_another_one_is_not_baked(tuning, locon, tmp_path):
    kept = tmp_path / "kept.safetensors"
    shutil.move(locon, kept)
    with pytest.raises(BlockweightError, match="is not there"):
        bake(tuning)
    locon.write_bytes(kept.read_bytes()[:-4] + b"abcd")
    with pytest.raises(BlockweightError, match="not the file any more"):
        bake(tuning)
    assert tuning.state().bakes == ()


def test_a_bake_that_there_is_not_is_said(tuning):
    with pytest.raises(BlockweightError, match="Nothing was baked"):
        find_bake(tuning.state())
    with pytest.raises(BlockweightError, match="no bake 7"):
        find_bake(tuning.state(), 7)


def test_there_is_a_text_for_every_tool_and_trainer_or_the_reason_why_not(tuning):
    copies = copy_texts(tuning, tuning.state().weights.text())
    assert {each.key for each in copies.tools.texts} >= {"tag", "inspire", "diffusers"}
    assert [each.key for each in copies.trainers][:2] == ["sd-scripts", "sd-scripts-toml"]
    for each in (*copies.tools.texts, *copies.trainers):
        assert bool(each.text) != bool(each.refused), each.key
    assert all(each.text for each in copies.tools.texts)
