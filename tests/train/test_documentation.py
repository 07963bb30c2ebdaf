"""docs/trainer-arguments.md says what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from blockweight.cli.compare_trainings import compare_captions, compare_lr
from blockweight.cli.plot import plot
from blockweight.cli.train import train
from blockweight.cli.training_options import LEARNING
from blockweight.train import TRAINERS
from blockweight.weights import block_rates
from blockweight.weights.notations.block_lr import PRESETS

PAGE = (Path(__file__).parents[2] / "docs" / "trainer-arguments.md").read_text(encoding="utf-8")
TRAINING = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
ROWS = {row[1]: row[0] for row in re.finditer(r"^\| `([\w-]+)` \|.*$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("trainer", TRAINERS, ids=lambda trainer: trainer.name)
def test_every_trainer_is_listed_with_its_families(trainer):
    listed = ROWS[trainer.name].rstrip("| ").rpartition("|")[2]
    if "the same" in listed:
        listed = ROWS["sd-scripts"].rstrip("| ").rpartition("|")[2]
    assert re.findall(r"`([\w-]+)`", listed) == list(trainer.families)


def test_every_option_of_a_training_is_documented():
    options = {f"--{name.replace('_', '-')}" for name in inspect.signature(train).parameters} - {"--dataset"}
    assert {option for option in options if f"{option.replace('--as-', '--')}`" not in TRAINING} == set()


@pytest.mark.parametrize("compare", [compare_lr, compare_captions])
def test_every_option_of_a_comparison_is_documented(compare):
    names = {f"--{name.removeprefix('as_').replace('_', '-')}" for name in inspect.signature(compare).parameters}
    scenes = {f"--{name.replace('_', '-')}" for name in inspect.signature(plot).parameters}
    documented = TRAINING[TRAINING.index("## Block learning rates against") :]
    learning = {f"--{name.replace('_', '-')}" for name in LEARNING}
    own = names - learning - scenes - {"--dataset", "--model"}
    assert {option for option in own if f"{option}`" not in documented and f"{option} " not in documented} == set()


def test_every_preset_is_named():
    assert all(f"`{preset}`" in PAGE for preset in PRESETS)
    assert all(block_rates({"down_lr_weight": preset}, "sd1") for preset in PRESETS)
