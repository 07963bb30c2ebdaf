"""What the renderer without a model shows of a scene's LoRAs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockweight.plan import Job, LoraUse, OtherLora
from blockweight.render import fake_picture
from workshop import FULL, job, weights_of

HALF = weights_of(",".join(["0.5"] * len(FULL)))
OTHER = OtherLora(LoraUse("style.safetensors", "style", 0.8), HALF)


def shown(plain: Job, *others: OtherLora, **use: object) -> np.ndarray:
    return fake_picture(replace(plain, scene=replace(plain.scene, loras=others), lora=replace(plain.lora, **use)))


@pytest.mark.parametrize("plain", [job(), job(None)], ids=["with the LoRA", "without"])
def test_another_lora_is_seen_the_same_every_time(plain):
    found = shown(plain, OTHER)
    assert not np.array_equal(found, shown(plain))
    assert np.array_equal(found, shown(plain, OTHER))


@pytest.mark.parametrize(
    "changes",
    [{"digest": "another"}, {"strength": 0.4}, {"text_strength": 0.1}, {"start": 3}, {"stop": 2}],
    ids=lambda changes: next(iter(changes)),
)
def test_each_fact_of_another_lora_is_seen(changes):
    changed = replace(OTHER, use=replace(OTHER.use, **changes))
    assert not np.array_equal(shown(job(None), OTHER), shown(job(None), changed))


def test_another_loras_weights_are_seen():
    changed = replace(OTHER, weights=HALF.with_weights({"OUT11": 0.0}))
    assert not np.array_equal(shown(job(None), OTHER), shown(job(None), changed))


def test_another_lora_of_strength_0_is_not_seen():
    off = replace(OTHER, use=replace(OTHER.use, strength=0.0))
    assert np.array_equal(shown(job(), off), shown(job()))


@pytest.mark.parametrize("changes", [{"text_strength": 0.1}, {"start": 3}, {"stop": 2}], ids=lambda c: next(iter(c)))
def test_the_tuned_loras_range_and_text_strength_are_seen(changes):
    assert not np.array_equal(shown(job(), **changes), shown(job()))
