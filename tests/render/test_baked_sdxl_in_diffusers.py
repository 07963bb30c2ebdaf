"""Baked files of SDXL as diffusers' own pipeline loads them: the same as the original with live block weights."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import tiny_sdxl
import torch

from blockweight.blocks import family_by_name, module_of
from blockweight.lora import bake, convert_names, open_lora
from blockweight.weights import BlockWeights

SDXL = family_by_name("sdxl")
GIVEN = {"BASE": 0.5, "IN04": -0.75, "IN05": 0.25, "IN07": 0.0, "M00": 1.5, "OUT00": 0.5, "OUT03": -0.3, "OUT05": 2.0}
WEIGHTS = BlockWeights("w", SDXL.layouts[0], (1.0,) * len(SDXL.layouts[0]), 1.0).with_weights(GIVEN)


@pytest.fixture(scope="module")
def fresh():
    return tiny_sdxl.pipeline()


@pytest.fixture(scope="module", params=["kohya", "peft", "settings"])
def source(request, fresh, tmp_path_factory) -> Path:
    """A LoRA with mixed alphas: in tensors beside kohya's names; in the factors, by PEFT's; in PEFT's settings."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "settings":
        return tiny_sdxl.write_with_settings(folder / "lora.safetensors", fresh)
    path = tiny_sdxl.write_kohya(folder / "kohya.safetensors", fresh)
    if request.param == "peft":
        convert_names(open_lora(path), "peft", folder / "peft.safetensors")
        path = folder / "peft.safetensors"
    return path


@pytest.fixture(scope="module")
def baked(source) -> Path:
    return bake(source, WEIGHTS, source.with_name("baked.safetensors")).out


def weight_of(component: str, path: str) -> float:
    return WEIGHTS.weight(SDXL.block_of(module_of(f"{component}.{path}.lora_A.weight")))


def changes(fresh, path: Path) -> dict[str, torch.Tensor]:
    """What the file adds to every weight that it changes, by component and dotted name."""
    model = copy.deepcopy(fresh)
    parts = tiny_sdxl.components(model)
    before = {f"{part}.{n}": v.clone() for part, each in parts.items() for n, v in each.state_dict().items()}
    model.load_lora_weights(path)
    model.fuse_lora(components=list(parts))
    model.unload_lora_weights()
    after = {f"{part}.{n}": v for part, each in parts.items() for n, v in each.state_dict().items()}
    return {name: after[name] - value for name, value in before.items() if not torch.equal(after[name], value)}


def test_every_layer_of_a_baked_file_changes_by_its_blocks_weight(fresh, source, baked):
    original, found = changes(fresh, source), changes(fresh, baked)
    assert len(original) == len(tiny_sdxl.targets(fresh)) > 100
    seen = set()
    for name, change in original.items():
        component, _, path = name.removesuffix(".weight").partition(".")
        weight = weight_of(component, path)
        wanted = weight * change
        assert torch.allclose(found.get(name, torch.zeros_like(change)), wanted, rtol=1e-3, atol=1e-5), name
        seen.add(weight)
    assert seen == {1.0, *GIVEN.values()}


# Not kohya's: diffusers gives attention the commonest alpha of such a file.
@pytest.mark.parametrize("source", ["peft", "settings"], indirect=True)
def test_diffusers_and_the_package_read_alphas_in_factors_and_in_settings_alike(fresh, source):
    lora = open_lora(source)
    found = {name.removesuffix(".weight").replace(".", "_"): change for name, change in changes(fresh, source).items()}
    for module in lora.modules:
        names = (f"{module.component}_{module.path}", f"{module.component}_{module.path.removeprefix('text_model_')}")
        change = next(found[name] for name in names if name in found)
        assert torch.allclose(change, torch.from_numpy(lora.delta(module)), rtol=1e-3, atol=1e-4), module


def test_a_picture_with_live_weights_is_that_of_the_baked_file(fresh, source, baked):
    def drawn(path: Path | None, *, live: bool = False) -> torch.Tensor:
        model = copy.deepcopy(fresh)
        model.set_progress_bar_config(disable=True)
        if path is not None:
            model.load_lora_weights(path, adapter_name="x")
        for component, part in tiny_sdxl.components(model).items() if live else ():
            for name, layer in part.named_modules():
                if hasattr(layer, "lora_A"):
                    layer.scaling["x"] *= weight_of(component, name)
        with torch.no_grad():
            return model(
                "1girl, red dress",
                num_inference_steps=3,
                width=16,
                height=16,
                guidance_scale=4.0,
                generator=torch.Generator().manual_seed(2),
                output_type="latent",
            ).images

    def off(one: torch.Tensor, other: torch.Tensor) -> float:
        return float((one - other).norm() / other.norm())

    found, wanted = drawn(baked), drawn(source, live=True)
    assert off(found, wanted) < 1e-4
    assert off(found, drawn(source)) > 1e-2
    assert off(found, drawn(None)) > 1e-2
