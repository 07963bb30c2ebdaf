"""From an analysis's suggestions to a training's rates, ranks and file."""

from __future__ import annotations

import pytest
from projects import scenes

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.workflow.suggest_rates import suggest_rates
from blockweight.workflow.tuning_project import create_project
from workshop import FULL, write_lora_file


@pytest.fixture
def tuning(tmp_path, locon, model):
    """A project whose analysis suggests to keep IN01 and drop IN02 and OUT11."""
    made = create_project(tmp_path / "project", locon, scenes(model))
    verdicts = {"IN01": "keep", "IN02": "drop", "IN03": "unknown", "OUT11": "drop"}
    made.project.record("suggested", {block: [verdict, "because"] for block, verdict in verdicts.items()})
    return made


def test_each_verdict_has_a_rate_and_what_is_not_settled_that_of_the_unknown(tuning):
    found = suggest_rates(tuning, "1/0.5/0", 8, 4.0)
    weights = dict(found.arguments.weights.items())
    assert [weights[block] for block in ("IN01", "IN02", "IN03", "OUT11", "M00", "BASE")] == [1, 0, 0.5, 0, 0.5, 0.5]
    assert found.left_out == ("IN02", "OUT11")
    assert [found.ranks[block] for block in ("IN01", "IN02", "IN03")] == [8, 0, 4]
    assert "down_lr_weight=0.5,1,0,0.5," in found.arguments.arguments.text
    assert "--network_dim 8 --network_alpha 4.0" in found.arguments.arguments.text


def test_a_block_that_is_trained_has_a_rank_of_at_least_1(tuning):
    assert set(suggest_rates(tuning, "1/0.1/0", 2, 1.0).ranks.values()) == {0, 1, 2}


def test_the_file_is_as_large_as_the_loras_own_blocks_at_these_ranks(tuning, locon):
    lora = open_lora(locon)
    sizes = {
        block: sum(
            info.size
            for module, roles in lora.modules.items()
            if lora.block_of(module) == block
            for role, info in roles.items()
            if role != "alpha"
        )
        for block in FULL.blocks
    }
    (rank,) = {roles["lora_down"].shape[0] for roles in lora.modules.values()}
    kept = sum(size for block, size in sizes.items() if block not in ("IN02", "OUT11"))
    found = suggest_rates(tuning, "1/1/0", 2 * rank, 1.0)
    assert (found.bytes_by_rate, found.bytes_by_rank) == (2 * kept, 2 * kept)
    halves = suggest_rates(tuning, "1/0.5/0", 2 * rank, 1.0)
    assert (halves.bytes_by_rate, halves.bytes_by_rank) == (2 * kept, kept + sizes["IN01"])


def test_blocks_that_the_lora_lacks_keep_the_plain_rate(tmp_path, model):
    standard = write_lora_file(tmp_path / "standard.safetensors", ("BASE", "IN01", "IN02"))
    made = create_project(tmp_path / "project", standard, scenes(model))
    made.project.record("suggested", {"IN01": ["keep", "because"]})
    weights = dict(suggest_rates(made, "8/7/6", 8, 8.0).arguments.weights.items())
    assert [weights[block] for block in ("IN01", "IN02", "IN03", "OUT11")] == [8, 7, 1, 1]


def test_nothing_is_suggested_without_an_analysis(tmp_path, locon, model):
    with pytest.raises(BlockweightError, match="no analysis yet"):
        suggest_rates(create_project(tmp_path / "project", locon, scenes(model)), "876", 8, 8.0)
