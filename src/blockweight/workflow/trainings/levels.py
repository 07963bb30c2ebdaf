"""Block learning rates against the same numbers as block weights of a LoRA that was trained without them."""

from __future__ import annotations

import re
from pathlib import Path

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.weights import level_weights, parse_groups
from blockweight.workflow.training_ask import TrainingAsk
from blockweight.workflow.trainings.asked import Pair, Side
from blockweight.workflow.trainings.series import PLAIN, Series, series_of, trained_family


def compare_levels(folder: Path, plain: TrainingAsk, groups: str, levels: str) -> tuple[Series, tuple[Pair, ...]]:
    """The plain training and one at each of the levels (`876,654`) of the groups of blocks; and each level's pair: the
    plain LoRA with the numbers as weights, the other one as it is. BlockweightError as `series_of`, and for groups and
    levels that cannot be read."""
    layout = family_by_name(trained_family(plain.model)).layout
    named = parse_groups(groups, layout)
    weights = {}
    for level in filter(None, re.split(r"[,、\s]+", levels)):
        found = level_weights(level, named, layout)
        weights[found.name] = found
    if not weights:
        raise BlockweightError("No level is given; add --levels 876,654, with a digit for each group.")
    changes = {name: {"block_lr": found.text()} for name, found in weights.items()}
    common = {"groups": {name: list(blocks) for name, blocks in named.items()}}
    series = series_of(folder, plain, changes, common)
    pairs = tuple(
        Pair(
            name,
            Side(f"{name}\nblock weights", series.file(PLAIN), found.text()),
            Side(f"{name}\nblock rates", series.file(name)),
        )
        for name, found in weights.items()
    )
    return series, pairs
