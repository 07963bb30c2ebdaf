"""A transfer's table in words for a terminal, as plain values, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path

from blockweight.measure import MARGIN, Difference, Gain, Holds, Mean, TransferRow, mask_digest
from blockweight.weights import display_width
from blockweight.workflow.suggested_weights_text import mean_facts, share_text
from blockweight.workflow.transfer import Group, Transfer

CSV_COLUMNS = (
    "group", "scenes", "measured", "kept", "kept_low", "kept_high", "kept_against_home", "kept_against_home_low",
    "kept_against_home_high", "kept_verdict", "gone", "gone_low", "gone_high", "gone_against_home",
    "gone_against_home_low", "gone_against_home_high", "gone_verdict",
)  # fmt: skip
"""Shares, 1 for all; empty where nothing is told."""


def transfer_lines(transfer: Transfer) -> Iterator[str]:
    """The table, and what its words mean."""
    yield f"Weights: {transfer.plan.weights.text()}"
    yield ""
    rows = [("group", "scenes", "measured", "kept", "gone", "against home")]
    rows += [
        (row.name, str(row.scenes), measured_text(row), _share(row.kept), _share(row.gone), verdict_text(row))
        for row in transfer.table
    ]
    widths = [max(display_width(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = (cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=False))
        yield "  ".join([*cells, row[-1]]).rstrip()
    yield ""
    yield from notes(transfer)


def notes(transfer: Transfer) -> Iterator[str]:
    """What the table's words mean, and what it cannot tell."""
    yield "kept: how much of the LoRA's change the weights leave (inside the mask, or in the whole picture)."
    if any(row.masked for row in transfer.table):
        yield "gone: how much of its change outside the mask they take away."
    points = f"{100 * MARGIN:.0f} points"
    yield (
        f"holds: at most {points} less than at home, by the whole 95 % interval (of whole pictures: nor more); less, "
        "more: than at home, by the whole interval."
    )
    bare = [group.name for group in transfer.plan.groups if not group.masks]
    if bare and len(bare) < len(transfer.plan.groups):
        yield (
            f"No mask for {', '.join(bare)}: home's fits home's pictures alone, so whole pictures are compared; give "
            "one with --mask GROUP=FILE."
        )
    elif bare:
        yield "No mask: what should be kept and what should go is not told apart; give one with --mask FILE."
    unmoved = sum(gain.kept is None for group in transfer.gains for gain in group.whole)
    if unmoved:
        yield f"Left out: {unmoved} scenes in which the LoRA changes nothing."


def measured_text(row: TransferRow) -> str:
    """By what a row is measured."""
    return "by mask" if row.masked else "whole picture"


def verdict_text(row: TransferRow) -> str:
    """How a group stands to home: `kept holds (-2, -6 to 3); gone not settled by 4 scenes (…)`; in points."""
    told = {"kept": row.kept_against, "gone": row.gone_against}
    return "; ".join(f"{name} {_against(found, row.scenes)}" for name, found in told.items() if found is not None)


def transfer_facts(transfer: Transfer) -> dict[str, object]:
    """The table and the gains of every scene as plain values."""
    pairs = list(zip(transfer.plan.groups, transfer.gains, strict=True))
    return {
        **transfer_settings(transfer),
        "margin": MARGIN,
        "table": [row_facts(row) for row in transfer.table],
        "scenes": [
            {
                "group": group.name,
                "label": scene.label,
                "seed": scene.seed,
                "model": Path(scene.checkpoint.path).name,
                "whole": _gain_facts(found.whole[number]),
                "masked": None if found.masked is None else _gain_facts(found.masked[number]),
            }
            for group, found in pairs
            for number, scene in enumerate(group.scenes)
        ],
    }


def transfer_settings(transfer: Transfer) -> dict[str, object]:
    """What decides a transfer."""
    plan = transfer.plan
    return {
        "weights": plan.weights.text(),
        "rest": plan.weights.rest,
        "lora": {"digest": plan.lora.digest, "strength": plan.lora.strength},
        "groups": [_group_facts(group) for group in plan.groups],
    }


def row_facts(row: TransferRow) -> dict[str, object]:
    """A row of the table as plain values; what is not told is null."""
    return {
        "group": row.name,
        "scenes": row.scenes,
        "measured": measured_text(row),
        "kept": mean_facts(row.kept),
        "gone": mean_facts(row.gone),
        "kept_against_home": _difference_facts(row.kept_against),
        "gone_against_home": _difference_facts(row.gone_against),
    }


def transfer_csv(transfer: Transfer) -> bytes:
    """The table with the CSV_COLUMNS, UTF-8 with a byte order mark, as `effects_csv`."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(CSV_COLUMNS)
    for row in transfer.table:
        cells: list[object] = [row.name, row.scenes, measured_text(row)]
        for mean, against in ((row.kept, row.kept_against), (row.gone, row.gone_against)):
            cells += [""] * 3 if mean is None else map(_cell, (mean.mean, *mean.interval))
            cells += [""] * 4 if against is None else [
                *map(_cell, (against.mean, against.low, against.high)), against.holds.value,
            ]  # fmt: skip
        table.writerow(cells)
    return text.getvalue().encode("utf-8-sig")


def _against(found: Difference, scenes: int) -> str:
    points = _points(found.mean)
    if math.isfinite(found.low):
        points += f", {_points(found.low)} to {_points(found.high)}"
    word = f"not settled by {scenes} scenes" if found.holds is Holds.UNSETTLED else found.holds.value
    return f"{word} ({points} points)"


def _points(share: float) -> str:
    whole = round(100 * share)
    return f"{whole:+d}" if whole else "0"


def _share(mean: Mean | None) -> str:
    return "-" if mean is None else share_text(mean)


def _cell(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else ""


def _group_facts(group: Group) -> dict[str, object]:
    masks = [mask_digest(mask) for mask in group.masks]
    return {"name": group.name, "masks": masks, "scenes": [scene.facts() for scene in group.scenes]}


def _gain_facts(gain: Gain) -> dict[str, float | None]:
    return {"kept": gain.kept, "gone": gain.gone}


def _difference_facts(found: Difference | None) -> dict[str, object] | None:
    if found is None:
        return None
    low, high = (end if math.isfinite(end) else None for end in (found.low, found.high))
    return {"mean": found.mean, "low": low, "high": high, "paired": found.paired, "verdict": found.holds.value}
