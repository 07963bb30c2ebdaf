"""Models told by their files alone."""

from __future__ import annotations

import numpy as np
import pytest

from blockweight.blocks import FAMILIES
from blockweight.lora import write_lora
from blockweight.render import families_of
from blockweight.render.local.architectures import PIPELINES
from blockweight.render.local.pipeline_kinds import KINDS
from blockweight.render.model_families import _BY_PIPELINE


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("conditioner.embedders.0.transformer.text_model.embeddings.position_embedding.weight", ("sdxl",)),
        ("cond_stage_model.model.ln_final.weight", ("sd2", "sd1")),
        ("cond_stage_model.transformer.text_model.final_layer_norm.weight", ("sd1",)),
        ("something.else", ()),
    ],
)
def test_a_single_checkpoint_is_told_by_its_text_encoder(tmp_path, name, found):
    write_lora(tmp_path / "a.safetensors", {name: np.zeros(1, np.float32)}, {})
    assert families_of(tmp_path / "a.safetensors") == found


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"_class_name": 3}', '{"_class_name": "OtherPipeline"}', "[" * 9999])
def test_what_does_not_tell_its_family_is_of_none(tmp_path, text):
    (tmp_path / "model_index.json").write_text(text)
    assert families_of(tmp_path) == families_of(tmp_path / "gone") == ()


def test_every_pipeline_that_is_drawn_tells_its_families():
    drawn = {name: kind.family for name, kind in KINDS.items()}
    assert drawn.keys() | set(PIPELINES) == _BY_PIPELINE.keys()
    assert all(family in _BY_PIPELINE[name] for name, family in drawn.items())
    assert {family for found in _BY_PIPELINE.values() for family in found} <= {family.name for family in FAMILIES}
