"""Masks of a tuning project: what is kept, exported and imported."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from projects import make, scenes

from blockweight.errors import BlockweightError
from blockweight.project import MaskStore
from blockweight.workflow import tuning as acts
from blockweight.workflow.project_files import export_project, import_project
from blockweight.workflow.project_masks import MOST_BYTES, keep_mask_file, mask_of, mask_path, save_mask
from workshop import tree


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def png(width=32, height=24):
    array = np.zeros((height, width), np.uint8)
    array[:, :8] = 255
    data = io.BytesIO()
    Image.fromarray(array).save(data, "PNG")
    return data.getvalue()


def test_a_painted_mask_is_kept_under_the_name_of_what_is_on_it(tuning):
    name = save_mask(tuning, png())
    assert save_mask(tuning, png()) == name
    assert mask_of(tuning, name)[:, :8].all()
    assert mask_path(tuning, name) == tuning.folder / "masks" / f"{name}.png"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png(24, 32), "has 24×32 pixels, the scenes have 32×24"),
        (b"x" * (MOST_BYTES + 1), "4.0 MiB, the most is 4"),
        (b"x", "cannot be read"),
    ],
)
def test_what_does_not_fit_the_scenes_is_refused_and_not_kept(tuning, data, words):
    with pytest.raises(BlockweightError, match=words):
        save_mask(tuning, data)
    assert not (tuning.folder / "masks").exists()


def test_a_picture_of_another_program_becomes_a_mask(tuning, tmp_path):
    array = np.zeros((24, 32), np.uint8)
    array[:, :8] = 200
    Image.fromarray(array).save(tmp_path / "face.webp", lossless=True)
    assert keep_mask_file(tuning, tmp_path / "face.webp") == save_mask(tuning, png())


def test_scenes_of_two_sizes_take_no_mask_from_a_file(tuning, model, tmp_path):
    first, second = scenes(model)
    acts.set_scenes(tuning, [first, type(second)(**{**vars(second), "width": 64})])
    with pytest.raises(BlockweightError, match="differ in size"):
        keep_mask_file(tuning, tmp_path / "face.png")
    save_mask(tuning, png(64, 24))


def test_masks_go_with_the_project_into_the_zip_and_out(tuning, tmp_path, locon, model):
    name = save_mask(tuning, png())
    export_project(tuning, tmp_path / "a.zip")
    imported = import_project(tmp_path / "a.zip", tmp_path / "copy", lora=locon, models=[model])
    assert (imported.folder / "masks" / f"{name}.png").read_bytes() == mask_path(tuning, name).read_bytes()


def test_a_changed_mask_is_left_out_and_named(tuning, tmp_path):
    name = save_mask(tuning, png())
    mask_path(tuning, name).write_bytes(png(16, 24))
    _, exported = export_project(tuning, tmp_path / "a.zip")
    assert exported.left_out == (name,)


@pytest.mark.parametrize("content", [png(16, 24), b"no picture"])
def test_a_zip_with_another_mask_than_its_name_says_is_refused(tuning, tmp_path, content):
    export_project(tuning, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr(f"masks/{'a' * 16}.png", content)
    before = tree(tmp_path)
    with pytest.raises(BlockweightError, match=r"another one than its name says|cannot be read"):
        import_project(tmp_path / "a.zip", tmp_path / "copy")
    assert tree(tmp_path) == before


def test_a_mask_that_is_gone_is_asked_for(tuning):
    name = MaskStore(tuning.folder).save(np.eye(24, 32) > 0)
    mask_path(tuning, name).unlink()
    with pytest.raises(BlockweightError, match="paint it again"):
        mask_of(tuning, name)
