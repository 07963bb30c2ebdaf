"""LiveLora on the layers and models themselves, in float64: there it has to be right to the digits of the factors."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import tiny_loras
import torch
from live_parts import EXACT, attach, error, hooks, inputs, run
from safetensors.numpy import load_file, save_file
from tiny_loras import FULL, SHORT, weights
from torch import nn

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake, open_lora, write_lora
from blockweight.plan import Variant


class Parts:
    """What `tiny_loras.merge` wants to see of a pipeline."""

    def __init__(self, parts):
        self.unet, self.text_encoder = parts["unet"], parts["text_encoder"]


@pytest.mark.parametrize("kind", ["standard", "locon"])
@pytest.mark.parametrize(
    ("chosen", "strength"),
    [
        (weights(), 1.0),
        (weights(1, rest=-0.4), 0.7),
        (weights(2, rest=0.0), -1.3),
        (weights(fill=0.0, rest=0.0, M00=1.0), 1.0),
        (weights(fill=0.0, rest=0.0, BASE=-0.5), 1.0),
        (weights(fill=0.0, rest=1.0), 1.0),
    ],
)
def test_live_weights_equal_weights_merged_into_the_model(tiny, double, kind, chosen, strength):
    path, data = Path(getattr(tiny, kind).path), inputs(2)
    merged = copy.deepcopy(double)
    tiny_loras.merge(Parts(merged), path, chosen, strength)
    wanted, plain = run(merged, **data), run(double, **data)
    attach(path, double, chosen, chosen, strength=strength)
    assert error(run(double, **data), wanted) < EXACT
    changed = any(chosen.weight(b) for b in open_lora(path).blocks) or (kind == "locon" and chosen.rest)
    assert (error(plain, wanted) > 1e-3) == bool(changed)


@pytest.mark.parametrize("seed", [1, 2])
def test_live_weights_equal_the_baked_file_with_all_ones(tiny, double, tmp_path, seed):
    baked, chosen, data = tmp_path / "baked.safetensors", weights(seed, rest=0.3), inputs(2)
    bake(Path(tiny.locon.path), chosen, baked, Recipe(strength=0.8))
    live = attach(tiny.locon.path, double, chosen, chosen, strength=0.8)
    wanted = run(double, **data)
    live.detach()
    attach(baked, double, weights(), weights())
    assert error(run(double, **data), wanted) < EXACT


def test_each_sample_of_a_batch_has_its_own_weights(tiny, double):
    several = [weights(1), None, weights(2, rest=-1.0), weights(fill=0.0, rest=0.0), weights(fill=-0.5)]
    data = inputs(len(several))
    live = attach(tiny.locon.path, double, *several)
    together = run(double, **data)
    for number, chosen in enumerate(several):
        live.set_samples([Variant("v", chosen)], 1.0)
        alone = run(double, **{name: value[number : number + 1] for name, value in data.items()})
        assert error(together[number : number + 1], alone) < 1e-12
    live.detach()
    plain = run(double, **data)
    assert torch.equal(plain[1], together[1])
    assert torch.equal(plain[3], together[3])
    assert error(plain[0], together[0]) > 1e-3


LAYERS = {
    "linear": ("unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q", (2, 6, 8), "IN04"),
    "1×1 convolution": ("unet", "down_blocks.1.attentions.0.proj_in", (2, 8, 4, 4), "IN04"),
    "3×3 convolution": ("unet", "mid_block.resnets.0.conv1", (2, 16, 4, 4), "M00"),
    "Tucker core": ("unet", "mid_block.resnets.1.conv1", (2, 16, 4, 4), "M00"),
    "stride 2": ("unet", "down_blocks.0.downsamplers.0.conv", (2, 8, 4, 4), "IN03"),
    "time embedding of a resnet": ("unet", "up_blocks.3.resnets.2.time_emb_proj", (2, 32), "OUT11"),
    "no block": ("unet", "time_embedding.linear_1", (2, 8), "REST"),
    "text encoder": ("text_encoder", "encoder.layers.1.mlp.fc1", (2, 77, 16), "BASE"),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layers_change_is_proportional_to_its_blocks_weight_sign_kept(tiny, double, layer):
    component, path, shape, block = LAYERS[layer]
    part = double[component].get_submodule(path)
    data = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    plain = part(data)
    live = attach(tiny.locon.path, double, weights(), weights())
    full = part(data) - plain
    assert full.norm() > 0.01 * plain.norm()
    for weight in (-1.5, -0.25, 0.0, 0.5, 3.0):
        chosen = weights(rest=weight) if block == "REST" else weights(**{block: weight})
        live.set_samples([Variant("v", chosen)] * 2, -0.5)
        assert torch.allclose(part(data) - plain, -0.5 * weight * full, rtol=1e-9, atol=1e-12)


def test_a_tucker_core_counts_on_a_linear_layer_too(double, tmp_path):
    # Linear layers may be stored as 1×1 convolutions, so one may have a core.
    name, path = "lora_unet_up_blocks_3_resnets_2_time_emb_proj", tmp_path / "core.safetensors"
    layer = double["unet"].get_submodule("up_blocks.3.resnets.2.time_emb_proj")
    rng = np.random.default_rng(3)
    out, inputs_, *_ = layer.weight.shape
    shapes = {"lora_up": (out, 2, 1, 1), "lora_down": (2, inputs_, 1, 1), "lora_mid": (2, 2, 1, 1)}
    write_lora(path, {f"{name}.{role}.weight": rng.standard_normal(s).astype("f4") for role, s in shapes.items()}, {})
    data = torch.randn((2, inputs_), dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    plain = layer(data)
    attach(path, double, weights(), weights())
    wanted = data @ tiny_loras.delta(load_file(path), name).reshape(out, inputs_).T
    assert torch.allclose(layer(data) - plain, wanted, rtol=1e-6)


def test_the_lora_of_the_tests_has_every_shape_of_layer(tiny):
    locon, standard = (open_lora(Path(use.path)) for use in (tiny.locon, tiny.standard))
    assert locon.blocks == FULL.blocks
    assert standard.blocks == SHORT.blocks
    assert not standard.rest
    assert {m.path for m in locon.rest} == {"time_embedding_linear_1", "time_embedding_linear_2", "conv_out"}
    assert {len(roles) for roles in locon.modules.values()} == {2, 3, 4}
    assert len({"lora_mid" in roles for roles in locon.modules.values()}) == 2


@pytest.mark.parametrize("kind", ["standard", "locon"])
def test_every_module_is_attached_exactly_once_and_detach_takes_all_off(tiny, double, kind):
    live = attach(getattr(tiny, kind).path, double, weights(), None)
    found = hooks(double)
    assert set(found.values()) == {1}
    flat = {name.replace("text_encoder.", "text_encoder.text_model.").replace(".", "_") for name in found}
    assert flat == {f"{m.component}_{m.path}" for m in live.lora.modules}
    live.detach()
    assert not hooks(double)


def test_no_weight_of_the_model_is_touched(tiny, double):
    before = {f"{n}.{k}": v.clone() for n, part in double.items() for k, v in part.state_dict().items()}
    live = attach(tiny.locon.path, double, weights(1))
    for seed in (2, 3):
        live.set_samples([Variant("v", weights(seed))], 1.0)
        run(double, **inputs(1))
    live.detach()
    after = {f"{n}.{k}": v for n, part in double.items() for k, v in part.state_dict().items()}
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_blocks_at_zero_cost_nothing(tiny, double, monkeypatch):
    attach(tiny.locon.path, double, weights(fill=0.0, rest=0.0), None)
    monkeypatch.setattr("blockweight.render.local.deltas.Delta.times", lambda *_: pytest.fail("calculated"))
    run(double, **inputs(2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("down_blocks_0_attentions_0_proj_in", "down_blocks_0_attentions_7_proj_in"), "does not have"),
        (("mid_block_attentions_0_proj_in", "mid_block_attentions_0_norm"), "this model's is 16;"),
    ],
)
def test_a_module_that_the_model_lacks_is_named_and_nothing_is_attached(tiny, double, tmp_path, change, message):
    tensors = {key.replace(*change): value for key, value in load_file(tiny.standard.path).items()}
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(BlockweightError, match=f"'odd.safetensors' changes unet '{change[1]}'.*{message}"):
        attach(tmp_path / "odd.safetensors", double, weights())
    assert not hooks(double)


def test_a_module_of_another_size_is_named_with_both_sizes_and_nothing_is_attached(tiny, double, tmp_path):
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = load_file(tiny.standard.path)
    down = tensors[f"{name}.lora_down.weight"]
    tensors[f"{name}.lora_down.weight"] = np.concatenate([down, down], axis=1)
    save_file(tensors, tmp_path / "wide.safetensors")
    with pytest.raises(BlockweightError, match=r"attn2_to_k' by a 16×32 matrix, but this model's is 16×16; it was"):
        attach(tmp_path / "wide.safetensors", double, weights())
    assert not hooks(double)


def test_a_linear_layer_may_be_stored_as_a_convolution_and_the_other_way_round(tiny, double, tmp_path):
    tensors = load_file(tiny.standard.path)
    swapped = {
        key: value if value.ndim == 0 else value[:, :, 0, 0] if value.ndim == 4 else value[:, :, None, None]
        for key, value in tensors.items()
    }
    save_file(swapped, tmp_path / "swapped.safetensors")
    data, parts = inputs(1), copy.deepcopy(double)
    attach(tiny.standard.path, double, weights(1))
    attach(tmp_path / "swapped.safetensors", parts, weights(1))
    assert torch.equal(run(double, **data), run(parts, **data))


def test_a_model_in_half_precision_is_changed_in_half_precision(tiny, fresh):
    parts = {name: copy.deepcopy(getattr(fresh, name)).bfloat16() for name in ("unet", "text_encoder")}
    layer = parts["unet"].get_submodule(LAYERS["linear"][1])
    data = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(4))
    attach(tiny.locon.path, parts, weights(IN04=-0.5), None)
    found = layer(data.bfloat16())
    assert found.dtype == torch.bfloat16
    wanted = nn.functional.linear(data, layer.weight.float())
    wanted[0] += -0.5 * data[0] @ tiny_loras.delta(load_file(tiny.locon.path), _kohya("linear")).float().T
    assert error(found.float(), wanted) < 0.02


def _kohya(layer: str) -> str:
    return f"lora_unet_{LAYERS[layer][1].replace('.', '_')}"
