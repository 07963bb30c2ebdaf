"""A file that is there already stays as it is unless the caller says otherwise."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from lora_files import Q, linear, sample, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    bake,
    convert_names,
    extract,
    merge,
    merge_into_checkpoint,
    open_checkpoint,
    open_lora,
)

TENSOR = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight"
TEXT = "cond_stage_model.transformer.text_model.final_layer_norm.weight"


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(3)
    made = {"lora": write(tmp_path / "lora.safetensors", linear(Q, rng))}
    for name in ("base", "tuned"):
        tensors = {TENSOR: sample(rng, 6, 5, dtype=np.float32), TEXT: sample(rng, 4, dtype=np.float32)}
        made[name] = write(tmp_path / f"{name}.safetensors", tensors)
    return made


ACTS = {
    "bake": lambda files, out, **told: bake(files["lora"], weights(IN04=0.5), out, **told),
    "merge": lambda files, out, **told: merge([Term(open_lora(files["lora"]), 0.5)], out, **told),
    "convert": lambda files, out, **told: convert_names(open_lora(files["lora"]), "peft", out, **told),
    "to-checkpoint": lambda files, out, **told: merge_into_checkpoint(
        open_checkpoint(files["base"]), [Term(open_lora(files["lora"]))], out, **told
    ),
    "extract": lambda files, out, **told: extract(
        open_checkpoint(files["tuned"]), open_checkpoint(files["base"]), out, RankRule(2), **told
    ),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_a_file_that_is_there_is_replaced_only_when_told(tmp_path, files, act):
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"a file of somebody's")
    with pytest.raises(BlockweightError, match=r"out\.safetensors' exists"):
        act(files, out)
    assert out.read_bytes() == b"a file of somebody's"
    act(files, out, overwrite=True)
    assert out.stat().st_size > 100


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_it_is_refused_before_any_number_is_read(tmp_path, files, act, monkeypatch):
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"a file of somebody's")
    for module in ("file", "extract", "checkpoint_merge"):
        for name in ("read_array", "data_digest"):
            monkeypatch.setattr(
                sys.modules[f"blockweight.lora.{module}"],
                name,
                lambda *_: pytest.fail("the work had begun"),
                raising=False,
            )
    with pytest.raises(BlockweightError, match=r"out\.safetensors' exists"):
        act(files, out)


SOURCES = {
    "bake": ["lora"],
    "merge": ["lora"],
    "convert": ["lora"],
    "to-checkpoint": ["base", "lora"],
    "extract": ["tuned", "base"],
}


@pytest.mark.parametrize(("act", "source"), [(act, source) for act, names in SOURCES.items() for source in names])
def test_a_source_is_never_replaced_even_when_told(files, act, source):
    before = files[source].read_bytes()
    with pytest.raises(BlockweightError, match=r"never overwritten|is the source itself"):
        ACTS[act](files, files[source], overwrite=True)
    assert files[source].read_bytes() == before
