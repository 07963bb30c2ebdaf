"""Every kind of change that a LoRA file can hold, with live block weights: equal to the textbook's ΔW added to the
model, and to the file with the weights baked in."""

from __future__ import annotations

import copy

import pytest
import tiny_kinds
import torch
from live_parts import EXACT, attach, error, hooks, inputs, run
from tiny_kinds import KINDS
from tiny_loras import weights
from torch import nn

from blockweight.errors import BlockweightError
from blockweight.lora import Recipe, bake
from blockweight.plan import Variant

STRENGTH = 0.7


def added(parts, changes, chosen, strength=STRENGTH):
    """A copy of the model with strength · block weight · ΔW in its own weights."""
    merged = copy.deepcopy(parts)
    found = tiny_kinds.layers(merged, tiny_kinds.PLACES) | tiny_kinds.layers(merged, tiny_kinds.NORMS)
    for name, (change, bias) in changes.items():
        scale, layer = tiny_kinds.scale_of(name, chosen, strength), found[name]
        if change is not None:
            layer.weight.data += scale * torch.from_numpy(change)
        if bias is not None:
            own = 0 if layer.bias is None else layer.bias.data
            layer.bias = nn.Parameter(own + scale * torch.from_numpy(bias), requires_grad=False)
    return merged


def only(number, data):
    return {name: value[number : number + 1] for name, value in data.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_each_sample_of_a_batch_has_the_textbooks_change_with_its_own_weights_until_the_lora_is_off(
    double, tmp_path, kind
):
    path, data = tmp_path / "kind.safetensors", inputs(4)
    own = {id(value) for part in double.values() for value in part.parameters()}
    changes = tiny_kinds.write(path, double, KINDS[kind])
    several = [weights(1, rest=-0.4), None, weights(2, rest=0.5), weights(2, rest=0.5)]
    live = attach(path, double, *several, strength=STRENGTH)
    together = run(double, **data)
    live.detach()
    plain = run(double, **data)
    assert {id(value) for part in double.values() for value in part.parameters()} == own
    assert not hooks(double)
    assert error(together[1], plain[1]) < 1e-12
    for number in (0, 3):
        wanted = run(added(double, changes, several[number]), **only(number, data))
        assert error(together[number : number + 1], wanted) < EXACT
        assert error(plain[number : number + 1], wanted) > 1e-2


@pytest.mark.parametrize(
    "kind", ["LoRA", "LoHa of a high rank", "LoKr with both in factors", "LoRA with biases", "norms"]
)
def test_a_sample_alone_equals_the_same_in_a_batch(double, tmp_path, kind):
    path, data = tmp_path / "kind.safetensors", inputs(3)
    tiny_kinds.write(path, double, KINDS[kind])
    several = [weights(3), weights(1), weights(2, rest=-1.0)]
    live = attach(path, double, *several)
    together = run(double, **data)
    for number, chosen in enumerate(several):
        live.set_samples([Variant("v", chosen)], 1.0)
        assert error(together[number : number + 1], run(double, **only(number, data))) < 1e-11


@pytest.mark.parametrize("kind", KINDS)
def test_live_weights_equal_the_baked_file_with_all_ones(double, tmp_path, kind):
    path, baked, data = tmp_path / "kind.safetensors", tmp_path / "baked.safetensors", inputs(2)
    tiny_kinds.write(path, double, KINDS[kind])
    chosen, strength = weights(4, rest=0.3), 0.8
    if not KINDS[kind].bakes:  # then 0 and 1 are all that can be baked
        chosen, strength = weights(fill=1.0, rest=0.0, IN04=0.0, OUT11=0.0, BASE=0.0), 1.0
    bake(path, chosen, baked, Recipe(strength=strength, precision="fp32"))
    live = attach(path, double, chosen, chosen, strength=strength)
    wanted = run(double, **data)
    live.detach()
    attach(baked, double, weights(), weights())
    assert error(run(double, **data), wanted) < EXACT


def test_a_kind_that_no_number_weakens_in_proportion_is_refused(double, tmp_path):
    path = tmp_path / "oft.safetensors"
    oft = tiny_kinds.Kind(
        lambda rng, w: {"oft_blocks": tiny_kinds.sample(rng, 2, len(w) // 2, len(w) // 2)}, lambda w, _: (None, None)
    )
    tiny_kinds.write(path, double, oft)
    with pytest.raises(
        BlockweightError, match="is of the kind 'oft', which block weights cannot change here: it rotat"
    ):
        attach(path, double, weights())
    assert not hooks(double)


def test_dora_of_the_change_alone_is_refused_by_its_mark(double, tmp_path):
    path = tmp_path / "marked.safetensors"
    dora = KINDS["DoRA of a LoHa"]
    marked = tiny_kinds.Kind(
        lambda rng, w: dora.make(rng, w) | {"wd_for_diff": tiny_kinds.sample(rng, 1)}, lambda w, _: (None, None)
    )
    tiny_kinds.write(path, double, marked)
    with pytest.raises(BlockweightError, match="decomposes its own change"):
        attach(path, double, weights())


@pytest.mark.parametrize(
    ("kind", "role", "message"),
    [
        ("DoRA of a LoRA", "dora_scale", "DoRA's magnitude .* cannot be of a"),
        ("GLoRA", "b2.weight", "GLoRA's factors .* cannot be of a"),
        ("IA³ over outputs", "weight", "IA³'s 1 numbers cannot be of a"),
        ("whole weights", "diff", "matrix, but this model's is"),
        ("whole weights and biases", "diff_b", "matrix, but this model's is"),
        ("norms", "w_norm", "matrix, but this model's is"),
    ],
)
def test_tensors_that_do_not_fit_the_layer_are_refused_by_name(double, tmp_path, kind, role, message):
    path = tmp_path / "odd.safetensors"
    odd = tiny_kinds.Kind(
        lambda rng, w: (
            (made := KINDS[kind].make(rng, w)) | {role: made[role].reshape(-1)[:1].reshape([1] * made[role].ndim)}
        ),
        lambda w, _: (None, None),
        norms=KINDS[kind].norms,
    )
    tiny_kinds.write(path, double, odd)
    with pytest.raises(BlockweightError, match=message):
        attach(path, double, weights())
    assert not hooks(double)
