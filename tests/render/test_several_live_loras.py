"""Several LoRAs on one model, in float64: their changes add up for every sample, whatever of them is merged, is
calculated beside, or is off."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import tiny_kinds
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_parts import EXACT, attach, error, hooks, inputs, run
from test_live_kinds import added, only
from tiny_kinds import KINDS
from tiny_loras import weights

from blockweight.plan import Variant
from blockweight.render.local import merging

PAIRS = [
    ("LoRA", "LoRA"),
    ("LoRA", "LoHa of a high rank"),
    ("LoKr of whole matrices", "LoRA with biases"),
    ("LoKr with both in factors", "LoHa with cores"),
    ("whole weights and biases", "LoKr with w2 in factors"),
    ("DoRA of a LoRA", "GLoRA"),
    ("norms", "norms"),
]
"""Kinds that lie on the same layers; with the three last, changes that follow from the model's own weights."""

STRENGTHS = (0.7, -0.4)
NOTHING = weights(fill=0.0, rest=0.0)


@pytest.fixture
def pair(double, tmp_path):
    """pair(kinds) → both files on one model, and what each changes."""

    def make(kinds, ranks=(0, 1)):
        made = []
        for number, kind in enumerate(kinds):
            path = tmp_path / f"{number}.safetensors"
            path.unlink(missing_ok=True)
            changes = tiny_kinds.write(path, double, KINDS[kind], seed=3 + number)
            made.append((path, changes))
        lives = [attach(path, double) for path, _ in made]
        for live, rank in zip(lives, ranks, strict=True):
            live.rank = rank
        return lives, [changes for _, changes in made]

    return make


def tell(lives, several) -> None:
    """`several` has the weights of both LoRAs for every sample."""
    for number, live in enumerate(lives):
        live.set_samples([Variant("v", each[number]) for each in several], STRENGTHS[number])


@pytest.mark.parametrize("kinds", PAIRS)
def test_every_sample_has_the_sum_of_both_changes_with_its_own_weights(double, pair, kinds):
    several = [
        (weights(1, rest=-0.4), weights(2)),
        (None, weights(2)),  # without the one that most samples have
        (weights(1, rest=-0.4), None),
        (weights(1, rest=-0.4), weights(2)),
        (weights(5), weights(6, rest=0.3)),
        (None, NOTHING),
    ]
    data = inputs(len(several))
    plain = run(double, **data)
    lives, changes = pair(kinds)
    tell(lives, several)
    together = run(double, **data)
    for live in lives:
        live.detach()
    assert torch.equal(run(double, **data), plain)
    assert not hooks(double)
    assert error(together[5], plain[5]) < 1e-12
    for number, (first, second) in enumerate(several):
        merged = added(double, changes[0], first, STRENGTHS[0])
        wanted = run(added(merged, changes[1], second, STRENGTHS[1]), **only(number, data))
        assert error(together[number : number + 1], wanted) < EXACT


_WEIGHTS = st.one_of(st.none(), st.just(NOTHING), st.builds(weights, st.integers(0, 5)), st.just(weights(fill=0.5)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(several=st.lists(st.tuples(_WEIGHTS, _WEIGHTS), min_size=1, max_size=6), kinds=st.sampled_from(PAIRS))
def test_a_sample_in_any_batch_of_two_loras_equals_the_same_alone(double, pair, several, kinds):
    data = inputs(len(several))
    lives, _ = pair(kinds)
    try:
        tell(lives, several)
        together = run(double, **data)
        for number, one in enumerate(several):
            tell(lives, [one])
            assert error(together[number : number + 1], run(double, **only(number, data))) < 1e-11
    finally:
        for live in lives:
            live.detach()


@pytest.mark.parametrize("idle", [NOTHING, None])
def test_a_second_lora_of_no_weight_leaves_every_bit_as_it_was(tiny, double, idle):
    several, data = [weights(1), None, weights(2), weights(2)], inputs(4)
    alone = attach(tiny.locon.path, double, *several)
    wanted = run(double, **data)
    second = attach(tiny.standard.path, double, *[idle] * 4)
    assert torch.equal(run(double, **data), wanted)
    alone.set_samples([Variant("v", each) for each in several], 1.0)
    second.set_samples([Variant("v", weights(3))] * 4, 0.0)
    assert torch.equal(run(double, **data), wanted)


def test_however_broken_a_lora_is_it_reaches_no_sample_that_has_the_other_alone(tiny, double):
    data = inputs(4)
    attach(tiny.standard.path, double, *[weights(1)] * 4)
    wanted = run(double, **data)
    attach(tiny.locon.path, double, weights(fill=1e200), None, weights(fill=1e200), weights(fill=1e200), strength=1e200)
    found = run(double, **data)
    assert not found[0].isfinite().all()
    assert error(found[1], wanted[1]) < 1e-11


def test_the_order_in_which_loras_came_onto_the_model_decides_no_bit(tiny, fresh):
    data = {name: value.float() if value.is_floating_point() else value for name, value in inputs(3).items()}
    found = []
    for order in ((0, 1), (1, 0)):
        parts = {name: copy.deepcopy(getattr(fresh, name)) for name in ("unet", "text_encoder")}
        for number in order:
            live = attach((tiny.locon, tiny.standard)[number].path, parts)
            live.rank = number
            live.set_samples([Variant("v", each) for each in (weights(1), weights(1), weights(number))], 0.9)
        with torch.inference_mode():
            found.append(run(parts, **data))
    assert torch.equal(*found)


def test_the_same_lora_again_has_weights_of_its_own(tiny, double):
    data = inputs(2)
    live = attach(tiny.locon.path, double, weights(), weights())
    again = live.again()
    again.set_samples([Variant("v", weights(fill=fill)) for fill in (0.25, -0.75)], 1.0)
    found = run(double, **data)
    live.detach()
    again.detach()
    assert not hooks(double)
    attach(tiny.locon.path, double, weights(fill=1.25, rest=2.0), weights(fill=0.25, rest=2.0))
    assert error(found, run(double, **data)) < EXACT


def test_text_encoders_have_a_strength_of_their_own(tiny, double):
    chosen, data = weights(1), inputs(1)
    live = attach(tiny.locon.path, double)
    live.set_samples([Variant("v", chosen)], 0.8, in_texts=False)
    live.set_samples([Variant("v", chosen)], -0.3, in_texts=True)
    found = run(double, **data)
    live.set_samples([Variant("v", chosen)], 0.8)
    with_text = double["text_encoder"](data["tokens"]).last_hidden_state
    live.set_samples([Variant("v", chosen)], -0.3)
    context = double["text_encoder"](data["tokens"]).last_hidden_state
    assert error(context, with_text) > 1e-3
    live.set_samples([Variant("v", chosen)], 0.8)
    wanted = double["unet"](data["sample"], torch.tensor(300), encoder_hidden_states=context).sample
    assert torch.equal(found, wanted)


def test_a_lora_that_goes_leaves_the_other_merged_at_the_next_run_only(tiny, double, monkeypatch):
    data = inputs(1)
    first, second = (attach(Path(use.path), double, weights(1)) for use in (tiny.locon, tiny.standard))
    run(double, **data)
    with monkeypatch.context() as still:
        still.setattr(merging._Layer, "_merge", lambda *_: pytest.fail("merged"))
        first.detach()
    found = run(double, **data)
    second.detach()
    attach(tiny.standard.path, double, weights(1))
    assert torch.equal(run(double, **data), found)


def test_without_memory_for_copies_two_loras_are_calculated_beside(tiny, double, monkeypatch):
    several, data = [weights(1), weights(1), None], inputs(3)
    lives = [attach(use.path, double, *several) for use in (tiny.locon, tiny.standard)]
    wanted = run(double, **data)
    for live in lives:
        live.detach()

    def full(*_):
        raise torch.cuda.OutOfMemoryError

    monkeypatch.setattr(merging._Layer, "_add", full)
    for use in (tiny.locon, tiny.standard):
        attach(use.path, double, *several)
    assert error(run(double, **data), wanted) < 1e-11
