"""Baked files as diffusers loads them, beside the originals: every module's change is its block's weight times."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from tiny_loras import weights

from blockweight.blocks import module_of
from blockweight.lora import bake, convert_names, open_lora
from workshop import SD1

GIVEN = {"IN04": 0.5, "IN05": -0.75, "M00": 0.0, "OUT03": 0.25, "OUT08": 2.0, "BASE": 0.5}


def changes(fresh, path: Path) -> dict[str, torch.Tensor]:
    """What the file adds to every weight of UNet and text encoder, by its dotted name."""
    model = copy.deepcopy(fresh)
    parts = {"unet": model.unet, "text_encoder": model.text_encoder}
    before = {f"{part}.{n}": v.clone() for part, each in parts.items() for n, v in each.state_dict().items()}
    model.load_lora_weights(path)
    model.fuse_lora()
    model.unload_lora_weights()
    after = {f"{part}.{n}": v for part, each in parts.items() for n, v in each.state_dict().items()}
    return {name: after[name] - before[name] for name in before if name.endswith(".weight")}


@pytest.mark.parametrize("dialect", ["kohya", "peft"])
def test_diffusers_scales_every_module_of_a_baked_file_by_its_blocks_weight(fresh, tiny, tmp_path, dialect):
    source = Path(tiny.standard.path)  # its alphas differ, which diffusers reads in a way of its own
    if dialect == "peft":
        source = tmp_path / "peft.safetensors"
        convert_names(open_lora(Path(tiny.standard.path)), "peft", source)
    chosen = weights(**GIVEN)
    baked = bake(source, chosen, tmp_path / "baked.safetensors").out
    original, found = changes(fresh, source), changes(fresh, baked)
    scaled = set()
    for name, change in original.items():
        component, _, path = name.removesuffix(".weight").partition(".")
        block = SD1.block_of(module_of(f"{component}.{path}.lora_A.weight"))
        assert torch.allclose(found[name], chosen.weight(block) * change, rtol=1e-3, atol=1e-4), (name, block)
        if change.abs().max() > 1e-3:
            scaled.add(block)
    assert scaled >= GIVEN.keys() - {"BASE"}
