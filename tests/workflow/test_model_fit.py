"""A LoRA and a model of different families are told apart before anything is rendered."""

from __future__ import annotations

import json

import pytest
from projects import make, scenes

from blockweight.errors import BlockweightError
from blockweight.workflow import tuning as acts
from blockweight.workflow.tuning_project import create_project
from workshop import write_model


@pytest.fixture
def other(tmp_path):
    """A model of SDXL."""
    folder = write_model(tmp_path / "xl", b"other weights")
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionXLPipeline"}))
    return folder


def test_a_project_of_a_lora_with_a_model_of_another_family_is_not_made(tmp_path, locon, other, config):
    with pytest.raises(BlockweightError, match=r"is a LoRA of Stable Diffusion 1\.x, but 'xl' is a model of Stable"):
        create_project(tmp_path / "project", locon, scenes(other))
    assert not (tmp_path / "project").exists()


def test_a_scene_with_a_model_of_another_family_is_refused(tmp_path, locon, model, other, config):
    with make(tmp_path / "project", locon, model) as tuning:
        before = tuning.state()
        with pytest.raises(BlockweightError, match="choose a model of the LoRA's family"):
            acts.set_scenes(tuning, scenes(other))
        assert tuning.state() == before
