"""A project's LoRA and model that are not where they were are said, and found in the libraries."""

from __future__ import annotations

import pytest
from projects import make

from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary
from blockweight.workflow.places import look_in_libraries, lost_files
from blockweight.workflow.project_files import export_for_download, import_among
from blockweight.workflow.tuning_project import open_project


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "girl", locon, model) as made:
        yield made


def moved(path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    return path.rename(folder / path.name)


def test_what_is_there_is_not_lost(tuning):
    assert lost_files(tuning.state()) == {}


def test_what_was_moved_is_lost_and_found_below_the_folders(tuning, tmp_path, locon, model):
    new_lora, new_model = moved(locon, tmp_path / "far" / "deep"), moved(model, tmp_path / "models" / "sub")
    assert set(lost_files(tuning.state()).values()) == {locon.name, model.name}
    state = look_in_libraries(tuning.log, Library((tmp_path / "far",)), ModelLibrary((tmp_path / "models",)))
    assert lost_files(state) == {}
    assert (state.lora.path, state.scenes[0].checkpoint.path) == (str(new_lora), str(new_model))


def test_of_an_import_both_may_be_lost_in_their_own_ways(tuning, tmp_path, locon, model):
    file = export_for_download(tuning)
    moved(locon, tmp_path / "away")
    imported = import_among(file, "girl.zip", tmp_path / "projects", Library(()), ModelLibrary(()))
    assert list(imported.missing.values()) == [locon.name]
    moved(model, tmp_path / "away")
    with open_project(imported.folder) as other:
        assert set(lost_files(other.state()).values()) == {locon.name, model.name}


def test_an_import_finds_them_in_the_libraries(tuning, tmp_path, locon, model):
    file = export_for_download(tuning)
    loras, models = moved(locon, tmp_path / "a" / "b").parent, moved(model, tmp_path / "c").parent
    imported = import_among(file, "Girl.ZIP", tmp_path / "projects", Library((loras,)), ModelLibrary((models,)))
    assert (imported.folder, imported.missing) == (tmp_path / "projects" / "Girl", {})
    with open_project(imported.folder) as other:
        assert lost_files(other.state()) == {}


def test_an_import_never_goes_over_another_project(tuning, tmp_path):
    file = export_for_download(tuning)
    (tmp_path / "projects" / "girl").mkdir(parents=True)
    imported = import_among(file, "../girl.zip", tmp_path / "projects", Library(()), ModelLibrary(()))
    assert imported.folder == tmp_path / "projects" / "-girl"
    imported = import_among(file, "girl.zip", tmp_path / "projects", Library(()), ModelLibrary(()))
    assert imported.folder == tmp_path / "projects" / "girl 2"


def test_a_download_is_no_part_of_the_next_one(tuning):
    first, second = (export_for_download(tuning) for _ in range(2))
    assert first.read_bytes() == second.read_bytes()
