"""Analyses and rounds of previews, with the fake renderer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.project import Project
from blockweight.render import FakeRenderer
from blockweight.workflow.analysis.own_lora import Typed, analyse_lora
from blockweight.workflow.own_files import round_file
from blockweight.workflow.progress import SilentProgress
from workshop import SCENE, WEIGHTS

SCENES = [replace(SCENE, width=128, height=256, steps=20)]


def analyse(lora, folder, renderer=None, scenes=SCENES, **options):
    masks = (options.pop("mask"),) if "mask" in options else ()
    typed = Typed(blocks="IN01", masks=masks, **options)
    findings, written = analyse_lora(lora, scenes, folder, lambda: renderer or FakeRenderer(), SilentProgress(), typed)
    return findings, written.files


def test_a_preview_is_drawn_and_kept_beside_the_whole_pictures_and_says_what_it_is(tmp_path, locon):
    project, renderer = tmp_path / "project", FakeRenderer()
    analyse(locon, project, renderer)
    _, files = analyse(locon, project, renderer, preview=True)
    drawn = [(job.scene.preview, job.scene.steps, job.scene.picture_size) for job in renderer.rendered]
    assert drawn == [(False, 20, (128, 256))] * 2 + [(True, 8, (64, 128))] * 2
    assert {file.parent.name for file in files} == {"analysis-02-preview"}
    tables = [
        (project / name / "effects.csv").read_text("utf-8-sig") for name in ("analysis-01", "analysis-02-preview")
    ]
    assert ["(preview: 8 steps at 64×128)" in table for table in tables] == [False, True]


def test_what_previews_suggest_is_not_recorded_in_the_project(tmp_path, locon):
    analyse(locon, tmp_path / "project", preview=True)
    with Project(tmp_path / "project") as project:
        assert project.log.latest("suggested") is None
        assert project.log.latest("rendered") is not None


def test_a_preview_of_a_round_is_a_result_of_its_own(tmp_path, locon):
    rest = {"kind": "Sub", "weights": f"Gobuhime:{WEIGHTS}", "fixed": "IN02-OUT11", "step": 0.5, "fill": None}
    for preview, name in ((False, "round-01-sub"), (True, "round-02-sub-preview")):
        rendered, files = round_file(
            locon, SCENES, tmp_path, FakeRenderer, SilentProgress(), rest=1.0, strength=1.0, preview=preview, **rest
        )
        assert {file.parent.name for file in files} == {name}
        assert [scene.preview for scene in rendered.scenes] == [preview]


def test_the_mask_of_a_preview_is_that_of_the_whole_picture(tmp_path, locon):
    levels = np.zeros((256, 128), np.uint8)
    levels[:128] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    preview, _ = analyse(locon, tmp_path / "project", mask=tmp_path / "mask.png", preview=True)
    assert preview.table.effect("change:inside", "IN01") is not None
    levels[:], levels[0, 0] = 0, 255
    Image.fromarray(levels).save(tmp_path / "dot.png")
    with pytest.raises(BlockweightError, match="nothing of the mask is left inside or outside"):
        analyse(locon, tmp_path / "other", mask=tmp_path / "dot.png", preview=True)


def test_previews_among_other_scenes_are_refused(tmp_path, locon):
    with pytest.raises(BlockweightError, match="Some of the scenes are previews and some are not"):
        analyse(locon, tmp_path / "project", scenes=[*SCENES, replace(SCENES[0], preview=True)])
