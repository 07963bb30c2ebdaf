"""Transfers as facts: what fits, that they stand beside the tuning history, and how one ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acts import ONES, Told

from blockweight.errors import BlockweightError
from blockweight.project import (
    TRANSFER_CANCELLED,
    TRANSFER_PLANNED,
    TRANSFERRED,
    UNDONE,
    WEIGHTS,
    TransferGroup,
    transfer_body,
)
from workshop import SCENE

HOME = TransferGroup("home", "home", (SCENE,), ("0" * 16,))
SEEDS = TransferGroup("seeds 11", "seeds", (replace(SCENE, seed=11),))


@pytest.fixture
def told():
    return Told()


def begin(told, *groups):
    (*_, begun) = told(TRANSFER_PLANNED, transfer_body(ONES, groups or (HOME, SEEDS))).transfers
    return begun


def test_a_transfer_keeps_its_weights_and_scenes_whatever_is_tuned_later(told):
    begin(told)
    told(WEIGHTS, {"changes": {"IN01": 0.0}})
    (begun,) = told(UNDONE).transfers
    assert begun.weights == ONES
    assert [(group.name, group.kind, group.masks) for group in begun.groups] == [
        ("home", "home", HOME.masks),
        ("seeds 11", "seeds", ()),
    ]
    assert [scene.seed for scene in begun.scenes] == [SCENE.seed, 11]


def test_the_same_again_is_the_same_until_it_is_complete(told):
    first, again = begin(told), begin(told)
    assert first == again
    told(TRANSFERRED, {"plan": first.number, "folder": "transfer-01"})
    assert begin(told).number > first.number


def test_one_that_was_given_up_is_not_recorded_and_may_be_begun_again(told):
    first = begin(told)
    assert told(TRANSFER_CANCELLED, {"plan": first.number}).transfers[0].cancelled
    with pytest.raises(BlockweightError, match="given up meanwhile"):
        told.history.check(TRANSFERRED, {"plan": first.number, "folder": "transfer-01"})
    assert begin(told).number > first.number


def test_a_complete_one_cannot_be_given_up(told):
    first = begin(told)
    state = told(TRANSFERRED, {"plan": first.number, "folder": "transfer-01"})
    assert state.transfers[0].folder == "transfer-01"
    with pytest.raises(BlockweightError, match="nothing to give up"):
        told.history.check(TRANSFER_CANCELLED, {"plan": first.number})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (TRANSFER_PLANNED, transfer_body(ONES, [HOME])),
        (TRANSFER_PLANNED, transfer_body(ONES, [HOME, replace(SEEDS, scenes=())])),
        (TRANSFER_PLANNED, transfer_body(ONES, [HOME, replace(SEEDS, masks=("x",))])),
        (TRANSFERRED, {"plan": 2, "folder": "../elsewhere"}),
        (TRANSFER_CANCELLED, {"plan": 99}),
        (TRANSFER_CANCELLED, {}),
    ],
)
def test_what_no_version_wrote_or_does_not_fit_is_refused(told, kind, body):
    begin(told)
    with pytest.raises(BlockweightError):
        told.history.check(kind, body)
