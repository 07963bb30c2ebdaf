"""Export and import of a project, with its LoRA and model found again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from projects import after, make, render

from blockweight.errors import BlockweightError
from blockweight.workflow import tuning as acts
from blockweight.workflow.places import check_places, locate
from blockweight.workflow.project_files import export_project, import_project
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.tuning_project import create_project, open_project
from blockweight.workflow.tuning_rounds import RenderedPart, plan_round
from workshop import tree, write_lora_file, write_model


@pytest.fixture
def away(tmp_path, locon, model, config):
    """A folder with the zip of a project alone; the LoRA and the model are elsewhere, and no project is remembered."""
    with make(tmp_path / "project", locon, model) as tuning:
        plan_round(tuning, "Sub", 0.5)
        render(tuning, stopped=after(tuning, 4))
        acts.decide(tuning, "SubIN01_0.5", "accept")
        acts.undo(tuning)
        (tmp_path / "away").mkdir()
        export_project(tuning, tmp_path / "away" / "ゴブ.zip")
    (config / "recent.json").unlink()
    return tmp_path / "away"


def plain(state):
    """A state but for where files lie."""
    scenes = tuple(replace(scene, checkpoint=replace(scene.checkpoint, path="")) for scene in state.scenes)
    rounds = tuple(replace(each, scenes=()) for each in state.rounds)
    return replace(state, lora=replace(state.lora, path=""), scenes=scenes, places={}, version=0, rounds=rounds)


def stripped(state):
    steps = tuple(
        replace(step, body={key: value for key, value in step.body.items() if key != "places"}) for step in state.steps
    )
    state = plain(state)
    undo, redo = (
        each and next(step for step in steps if step.number == each.number) for each in (state.undo, state.redo)
    )
    return replace(state, steps=steps, undo=undo, redo=redo)


def test_an_import_is_the_project_as_it_was(away, tmp_path):
    imported = import_project(away / "ゴブ.zip")
    assert (imported.folder, imported.name, imported.pictures) == (away / "ゴブ", "project", 4)
    assert set(imported.missing.values()) == {"princess.safetensors", "model"}
    with open_project(away / "ゴブ") as copy, open_project(tmp_path / "project") as project:
        assert stripped(copy.state()) == stripped(project.state())
        assert copy.state().redo.kind == "variant decided"
    assert tree(away / "ゴブ" / "pictures") == tree(tmp_path / "project" / "pictures")


def test_a_project_is_exported_beside_its_folder_by_default(tmp_path, locon, model):
    with make(tmp_path / "a.b", locon, model) as tuning:
        assert export_project(tuning)[0] == tmp_path / "a.b.zip"
        with pytest.raises(BlockweightError, match="exists already"):
            export_project(tuning)


def test_the_files_may_be_told_and_the_round_goes_on(away, locon, model):
    imported = import_project(away / "ゴブ.zip", away / "copy", lora=locon, models=[model])
    assert imported.missing == {}
    with open_project(away / "copy") as copy:
        assert render(copy) == RenderedPart(6, 0)


def test_files_beside_the_zip_or_in_a_folder_to_search_are_found_by_name_and_digest(away, locon, model):
    shutil.copy(locon, away)
    (away / "models").mkdir()
    shutil.copytree(model, away / "models" / "model")
    imported = import_project(away / "ゴブ.zip", away / "copy", search=[away / "models"])
    assert imported.missing == {}
    with open_project(away / "copy") as copy:
        assert copy.state().lora.path == str(away / "princess.safetensors")
        assert copy.state().scenes[0].checkpoint.path == str(away / "models" / "model")


def test_files_are_found_where_those_of_recent_projects_lie(away, tmp_path):
    open_project(tmp_path / "project").close()
    assert import_project(away / "ゴブ.zip", away / "copy").missing == {}


def test_another_file_of_the_same_name_is_not_taken(away):
    write_lora_file(away / "princess.safetensors", ["IN01"], seed=2)
    write_model(away / "model", b"other")
    assert set(import_project(away / "ゴブ.zip").missing.values()) == {"princess.safetensors", "model"}
    (away / "princess.safetensors").write_bytes(b"no LoRA")
    assert len(import_project(away / "ゴブ.zip", away / "again").missing) == 2


def test_a_project_without_its_files_can_be_looked_at_and_decided_but_not_rendered(away):
    import_project(away / "ゴブ.zip")
    with open_project(away / "ゴブ") as copy:
        acts.decide(copy, "SubIN02_0.5", "accept")
        acts.set_weights(copy, ",".join(["0.5"] * 26))
        with pytest.raises(BlockweightError, match=r"'princess.safetensors' .* is not there; say where .* --lora PATH"):
            render(copy)


def test_what_is_told_must_be_the_projects_own(away, locon, model, tmp_path):
    other = write_lora_file(tmp_path / "other.safetensors", ["IN01"], seed=2)
    wrong = write_model(tmp_path / "wrong", b"other")
    with pytest.raises(
        BlockweightError, match=r"imported to '.*', but: .* is not the project's 'princess.safetensors'"
    ):
        import_project(away / "ゴブ.zip", lora=other)
    with open_project(away / "ゴブ") as copy:
        with pytest.raises(BlockweightError, match=r"is not the project's model \('model'\)"):
            locate(copy.log, models=[wrong])
        assert len(copy.state().unplaced) == 2
        assert locate(copy.log, locon, [model]).unplaced == {}


def test_a_relative_path_is_kept_as_an_absolute_one(away, locon, model, monkeypatch):
    monkeypatch.chdir(locon.parent)
    import_project(away / "ゴブ.zip", lora=Path(locon.name), models=[Path(model.name)])
    monkeypatch.chdir(away)
    with open_project(away / "ゴブ") as copy:
        assert render(copy).left == 0


@pytest.fixture
def embedding(tmp_path):
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "EasyNegative.safetensors").write_bytes(b"vectors")
    return folder / "EasyNegative.safetensors"


@pytest.fixture
def embedded_away(tmp_path, locon, model, embedding, config):
    """The folder with the zip of a project whose scene has an embedding, and the zip."""
    (tmp_path / "far").mkdir()
    scenes = scenes_of(model, ["1girl"], "easynegative", "1", 20, 7.0, "Euler a", "32x24", embeddings=embedding.parent)
    with create_project(tmp_path / "p", locon, scenes) as tuning:
        check_places(tuning.log)
        file, _ = export_project(tuning, tmp_path / "far" / "p.zip")
    (config / "recent.json").unlink()
    return file


def test_an_embedding_is_found_again_by_name_and_digest_or_told(embedded_away, embedding, locon, model, tmp_path):
    imported = import_project(embedded_away, lora=locon, models=[model])
    assert list(imported.missing.values()) == ["EasyNegative.safetensors"]
    with open_project(imported.folder) as copy:
        with pytest.raises(BlockweightError, match=r"embedding 'EasyNegative\.safetensors' .* DIR --embedding PATH"):
            check_places(copy.log)
        with pytest.raises(BlockweightError, match=r"is not an embedding of the project \('EasyNegative'\)"):
            locate(copy.log, embeddings=[locon])
        assert locate(copy.log, embeddings=[embedding]).unplaced == {}
    found = import_project(embedded_away, tmp_path / "q", lora=locon, models=[model], search=[embedding.parent])
    assert found.missing == {}


def test_an_embedding_that_was_replaced_is_not_taken_for_the_projects(embedded_away, embedding, tmp_path):
    embedding.write_bytes(b"others")
    with open_project(tmp_path / "p") as tuning, pytest.raises(BlockweightError, match="not the file any more"):
        check_places(tuning.log)
