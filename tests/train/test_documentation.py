"""docs/trainer-arguments.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from blockweight.train import TRAINERS
from blockweight.weights import block_rates
from blockweight.weights.notations.block_lr import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "trainer-arguments.md").read_text(encoding="utf-8")
ROWS = {row[1]: row[0] for row in re.finditer(r"^\| `([\w-]+)` \|.*$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda trainer: trainer.name)
def test_every_trainer_is_listed_with_its_families(trainer):
    listed = ROWS[trainer.name].rstrip("| ").rpartition("|")[2]
    if "the same" in listed:
        listed = ROWS["sd-scripts"].rstrip("| ").rpartition("|")[2]
    assert re.findall(r"`([\w-]+)`", listed) == list(trainer.families)


def test_every_preset_is_named():
    assert all(f"`{preset}`" in PAGE for preset in PRESETS)
    assert all(block_rates({"down_lr_weight": preset}, "sd1") for preset in PRESETS)
