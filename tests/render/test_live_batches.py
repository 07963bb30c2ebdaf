"""What live block weights do in a batch: which weights are merged, what is calculated beside, and for which rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_kinds
import torch
from live_parts import EXACT, attach, error, hooks, inputs, run
from safetensors.numpy import load_file
from tiny_kinds import KINDS
from tiny_loras import delta, weights
from torch import nn

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora
from blockweight.plan import Variant
from blockweight.render.local import LiveLora, merging
from blockweight.render.local.deltas import Delta

LAYER = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"  # IN04


@pytest.fixture
def beside(monkeypatch):
    """The rows for which a change is calculated beside the layer, layer by layer."""
    rows: list[int] = []
    times = Delta.times

    def counted(delta, layer, values, scales):
        rows.append(len(values))
        return times(delta, layer, values, scales)

    monkeypatch.setattr(Delta, "times", counted)
    return rows


def test_a_batch_of_one_weight_is_calculated_by_merged_weights_alone(tiny, double, beside):
    attach(tiny.locon.path, double, weights(1), weights(1))
    run(double, **inputs(2))
    assert not beside
    assert not hooks(double)


def test_only_samples_that_differ_from_most_are_calculated_beside(tiny, double, beside):
    attach(tiny.locon.path, double, *[weights(M00=0.5 if number == 2 else 1.0) for number in range(5)])
    run(double, **inputs(5))
    in_block = sum(
        open_lora(Path(tiny.locon.path)).block_of(m) == "M00" for m in open_lora(Path(tiny.locon.path)).modules
    )
    assert beside == [1] * in_block


def test_samples_without_the_lora_are_drawn_as_by_the_model_alone_however_broken_the_others_are(tiny, double):
    data = inputs(4)
    plain = run(double, **data)
    attach(tiny.locon.path, double, weights(fill=1e200), None, weights(fill=1e200), weights(fill=1e200), strength=1e200)
    found = run(double, **data)
    assert not found[0].isfinite().all()
    assert error(found[1], plain[1]) < 1e-12


def test_weights_that_come_back_are_not_merged_again(tiny, double, monkeypatch):
    live = attach(tiny.locon.path, double, weights(1))
    run(double, **inputs(1))
    monkeypatch.setattr(merging._Layer, "_merge", lambda *_: pytest.fail("merged"))
    live.set_samples([Variant("plain", None)], 1.0)
    run(double, **inputs(1))
    live.set_samples([Variant("v", weights(1))], 1.0)
    run(double, **inputs(1))


def test_encoding_a_text_merges_nothing_into_the_unet(tiny, double):
    attach(tiny.locon.path, double, weights(1))
    before = double["unet"].get_submodule(LAYER).weight
    double["text_encoder"](inputs(1)["tokens"])
    assert double["unet"].get_submodule(LAYER).weight is before


def test_without_memory_for_a_copy_everything_is_calculated_beside(tiny, double, monkeypatch):
    several, data = [weights(1), weights(1), weights(2)], inputs(3)
    live = attach(tiny.locon.path, double, *several)
    wanted = run(double, **data)
    live.detach()

    def full(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(merging._Layer, "_add", full)
    live = attach(tiny.locon.path, double, *several)
    own = double["unet"].get_submodule(LAYER).weight
    assert error(run(double, **data), wanted) < 1e-12
    assert double["unet"].get_submodule(LAYER).weight is own


def test_a_batch_is_the_same_to_the_last_bit_whatever_was_merged_before(tiny, double):
    several, data = [weights(fill=0.3), weights(fill=0.7)], inputs(2)
    live = attach(tiny.locon.path, double, *several)
    wanted = run(double, **data)
    live.set_samples([Variant("v", weights(fill=0.7))], 1.0)
    run(double, **inputs(1))
    live.set_samples([Variant("v", chosen) for chosen in several], 1.0)
    assert torch.equal(run(double, **data), wanted)


def test_a_merging_that_is_broken_off_leaves_nothing_half_merged(tiny, double, monkeypatch):
    live, data = attach(tiny.locon.path, double, weights(1)), inputs(1)
    wanted = run(double, **data)
    add = merging._Layer._add

    def stop(*arguments):
        add(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(merging._Layer, "_add", stop)
        live.set_samples([Variant("v", weights(2))], 1.0)
        run(double, **data)
    live.set_samples([Variant("v", weights(1))], 1.0)
    assert torch.equal(run(double, **data), wanted)


def test_another_error_in_merging_is_not_hidden(tiny, double, monkeypatch):
    def broken(*_):
        raise RuntimeError("no kernel")

    monkeypatch.setattr(merging._Layer, "_add", broken)
    attach(tiny.locon.path, double, weights())
    with pytest.raises(RuntimeError, match="no kernel"):
        run(double, **inputs(1))


def test_rows_may_be_the_samples_several_times_over(tiny, double):
    several, data = [weights(1), weights(2)], inputs(2)
    live = attach(tiny.locon.path, double, *several)
    once = run(double, **data)
    twice = run(double, **{name: torch.cat([value, value]) for name, value in data.items()})
    assert error(twice, torch.cat([once, once])) < 1e-12
    with pytest.raises(RuntimeError, match="A batch of 3 rows came for 2 samples"):
        run(double, **inputs(3))
    live.set_samples([Variant("v", weights(2))] * 2, 1.0)
    run(double, **inputs(3))  # alike in any number


def test_two_loras_add_up_and_come_off_in_any_order(tiny, double):
    data = inputs(2)
    layer = double["unet"].get_submodule(LAYER)
    own, plain = layer.weight, run(double, **data)
    first = attach(tiny.locon.path, double, weights(1), weights(1))
    second = attach(tiny.standard.path, double, weights(2), weights(3))
    run(double, **data)
    kohya = f"lora_unet_{LAYER.replace('.', '_')}"
    change = [delta(load_file(lora.path), kohya) for lora in (tiny.locon, tiny.standard)]
    wanted = own + weights(1).weight("IN04") * change[0] + weights(2).weight("IN04") * change[1]
    assert torch.allclose(layer(torch.eye(8, dtype=torch.float64)[None].expand(2, -1, -1))[0].T, wanted, atol=1e-7)
    first.detach()
    alone = run(double, **data)
    second.detach()
    assert layer.weight is own
    assert torch.equal(run(double, **data), plain)
    attach(tiny.standard.path, double, weights(2), weights(3))
    assert error(run(double, **data), alone) < 1e-12


def test_dora_follows_from_the_models_own_weights_whatever_else_is_on_them(tiny, double, tmp_path):
    path, data = tmp_path / "dora.safetensors", inputs(1)
    tiny_kinds.write(path, double, KINDS["DoRA of a LoRA"])
    both = attach(path, double, weights()), attach(tiny.standard.path, double, weights())
    wanted = run(double, **data)
    for live in both:
        live.detach()
    attach(tiny.standard.path, double, weights())
    run(double, **data)
    attach(path, double, weights())
    assert error(run(double, **data), wanted) < 1e-12


def test_an_alpha_far_below_the_rank_survives_half_precision(tmp_path):
    # In a layer of zeros the change is all that comes out.
    layer, rng = nn.Linear(64, 64, bias=False).half().requires_grad_(requires_grad=False), np.random.default_rng(1)
    layer.weight.zero_()
    name = "lora_unet_mid_block_attentions_0_proj_in"
    up, down = (rng.standard_normal(shape).astype("f4") for shape in ((64, 4), (4, 64)))
    tensors = {
        f"{name}.lora_up.weight": up * 1e-3,
        f"{name}.lora_down.weight": down,
        f"{name}.alpha": np.float32(0.004),
    }
    write_lora(tmp_path / "low.safetensors", {key: np.asarray(value) for key, value in tensors.items()}, {})
    parts = {"unet": nested("mid_block.attentions.0.proj_in", layer)}
    live = attach_as_sd1(tmp_path / "low.safetensors", parts, weights(M00=500.0), None)
    data = torch.randn(2, 3, 64, generator=torch.Generator().manual_seed(1))
    found = layer(data.half())[0].float()
    live.detach()
    wanted = 500 * 0.001 * data[0] @ torch.from_numpy(up * 1e-3 @ down).T
    assert error(found, wanted) < 0.002


CONVOLUTIONS = {
    "1d": nn.Conv1d(4, 8, 3, padding=1),
    "1d, stride and dilation": nn.Conv1d(4, 8, 3, stride=2, dilation=2),
    "2d, reflected": nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect"),
    "2d, groups": nn.Conv2d(8, 8, 3, padding=1, groups=2),
    "3d": nn.Conv3d(4, 8, (1, 3, 3), padding=(0, 1, 1)),
}


@pytest.mark.parametrize(
    "kind", ["LoRA", "LoHa of rank 1", "LoKr with both in factors", "LoKr of whole matrices", "biases"]
)
@pytest.mark.parametrize("layer", CONVOLUTIONS)
def test_convolutions_of_every_kind_are_changed(tmp_path, kind, layer):
    conv = CONVOLUTIONS[layer].double().requires_grad_(requires_grad=False)
    weight = conv.weight.numpy()
    made = KINDS[kind].make(np.random.default_rng(2), weight)
    change, bias = KINDS[kind].change({role: array.astype(float) for role, array in made.items()}, weight)
    name = "lora_unet_mid_block_resnets_0_conv1"
    write_lora(tmp_path / "conv.safetensors", {f"{name}.{role}": array for role, array in made.items()}, {})
    size = (9,) if conv.weight.dim() == 3 else (9, 9) if conv.weight.dim() == 4 else (3, 9, 9)
    data = torch.randn(3, conv.in_channels, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    live = attach_as_sd1(
        tmp_path / "conv.safetensors",
        {"unet": nested("mid_block.resnets.0.conv1", conv)},
        weights(M00=0.5),
        weights(M00=0.5),
        weights(M00=-2.0),
    )
    found = conv(data)
    live.detach()
    for number, scale in enumerate((0.5, 0.5, -2.0)):
        merged = conv.weight if change is None else conv.weight + scale * torch.from_numpy(change)
        shifted = conv.bias if bias is None else conv.bias + scale * torch.from_numpy(bias)
        wanted = conv._conv_forward(data[number : number + 1], merged, shifted)
        assert error(found[number : number + 1], wanted) < EXACT


def test_a_layer_without_a_bias_gets_one_and_loses_it_again(double, tmp_path):
    layer = double["unet"].get_submodule(LAYER)
    assert layer.bias is None
    tiny_kinds.write(tmp_path / "bias.safetensors", double, KINDS["biases"])
    data = torch.randn(2, 6, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain = layer(data)
    live = attach(tmp_path / "bias.safetensors", double, weights(), weights(IN04=0.5))
    kohya = f"lora_unet_{LAYER.replace('.', '_')}.diff_b"
    bias = torch.from_numpy(load_file(tmp_path / "bias.safetensors")[kohya]).double()
    assert torch.allclose(layer(data)[0], plain[0] + bias)
    assert torch.allclose(layer(data)[1], plain[1] + 0.5 * bias)
    live.detach()
    assert layer.bias is None


def test_a_bias_for_a_norm_that_cannot_have_one_is_refused(tmp_path):
    name = "lora_unet_mid_block_attentions_0_norm"
    write_lora(tmp_path / "norm.safetensors", {f"{name}.b_norm": np.ones(8, "f4")}, {})
    parts = {"unet": nested("mid_block.attentions.0.norm", nn.RMSNorm(8))}
    with pytest.raises(
        BlockweightError, match="changes the bias of unet 'mid_block_attentions_0_norm', which has none"
    ):
        attach_as_sd1(tmp_path / "norm.safetensors", parts, weights())


def nested(path: str, layer: nn.Module) -> nn.Module:
    """A module in which `layer` stands at `path`."""
    *outer, last = path.split(".")
    for name in [last, *reversed(outer)]:
        holder = nn.Module()
        holder.add_module(name, layer)
        layer = holder
    return layer


def attach_as_sd1(path, parts, *variants) -> LiveLora:
    """One module is too few to tell a family by."""
    live = LiveLora(open_lora(path, family_by_name("sd1")), parts)
    live.set_samples([Variant("v", chosen) for chosen in variants], 1.0)
    return live
