"""Weights on tags of the captions: on all of them, on the word that calls the LoRA, on one that makes trouble."""

from __future__ import annotations

import re
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.train.captions import Norm, TagWeight
from blockweight.weights import format_weight, parse_weight
from blockweight.workflow.training_ask import TrainingAsk
from blockweight.workflow.trainings.asked import Pair, Side
from blockweight.workflow.trainings.series import PLAIN, Series, series_of

ALL, TRIGGER, TROUBLE = "a", "k", "s"
"""What a setting's name begins with, as the tutorial has it."""


def compare_captions(
    folder: Path, plain: TrainingAsk, weights: str, trigger: str, trouble: str, norm: Norm
) -> tuple[Series, tuple[Pair, ...]]:
    """The plain training, and one with each of the weights (`0.5,1.5,3`) on all tags, on the trigger and, if one is
    given, on the tag that makes trouble; each setting's pair is the plain LoRA and its own. BlockweightError as
    `series_of`, and for weights that cannot be read."""
    numbers = [parse_weight(text) for text in filter(None, re.split(r"[,、\s]+", weights))]
    if not numbers:
        raise BlockweightError("No weight is given; add --weights 0.5,1.5,3.")
    tags = {ALL: "", TRIGGER: trigger.strip(), TROUBLE: trouble.strip()}
    if not tags[TRIGGER]:
        raise BlockweightError("The trigger is empty; give the tag that calls the LoRA with --trigger.")
    changes = {
        f"{letter}{_digits(number)}": {"tag_weight": TagWeight(number, tag), "weighted_captions": norm}
        for letter, tag in tags.items()
        for number in numbers
        if tag or letter == ALL
    }
    series = series_of(folder, plain, changes, {"norm": norm, "tags": tags})
    pairs = tuple(Pair(name, Side(PLAIN, series.file(PLAIN)), Side(name, series.file(name))) for name in changes)
    return series, pairs


def _digits(weight: float) -> str:
    """`05` for 0.5 and `30` for 3, as the tutorial has it; others in full."""
    tenths = round(weight * 10, 9)
    return f"{tenths:02.0f}" if 0 <= tenths < 100 and tenths == int(tenths) else format_weight(weight)
