"""A comparison of trainings as a table for a terminal, as plain values, and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from blockweight.lora import BlockConflict
from blockweight.measure import Paired, Sampled
from blockweight.workflow.trainings.measuring import Measured
from blockweight.workflow.weight_table import aligned

TOTAL = "all"
"""What `conflicts` calls all blocks together."""

NUMBER_COLUMNS = (
    "setting", "scenes", "count", "number", "first", "first_low", "first_high", "second", "second_low", "second_high",
    "difference", "difference_low", "difference_high",
)  # fmt: skip
BLOCK_COLUMNS = ("setting", "block", "first", "second", "cosine")


@dataclass(frozen=True)
class Sides:
    """What the two sides of every pair are called: `block weights`, `block rates`."""

    first: str
    second: str


@dataclass(frozen=True)
class Compared:
    """All that was measured: how much the plain LoRA changes pictures, the pairs' pictures, and by setting the blocks'
    changes."""

    sides: Sides
    plain: Sampled
    measured: tuple[Measured, ...]
    blocks: Mapping[str, tuple[BlockConflict, ...]]


def compared_lines(compared: Compared) -> Iterator[str]:
    """The tables, and what their words mean."""
    for table in (numbers_table(compared), blocks_table(compared)):
        yield from (line.rstrip() for line in aligned(table))
        yield ""
    yield from notes(compared)


def numbers_table(compared: Compared) -> list[tuple[str, ...]]:
    """What was read off the pictures: a head, and a row a setting."""
    names = list(compared.measured[0].numbers)
    rows = [
        (
            " ".join(filter(None, (each.pair.name, each.group))),
            number_text(each.apart),
            *(paired_text(each.numbers[name]) for name in names),
        )
        for each in compared.measured
    ]
    return [("setting", "apart", *names), *rows]


def blocks_table(compared: Compared) -> list[tuple[str, ...]]:
    """‖ΔW‖ of both sides and the cosine between them: a head, and a row a block with a column for each setting."""
    tables = [{each.block: each for each in found} for found in compared.blocks.values()]
    blocks = dict.fromkeys(block for table in tables for block in table if block != TOTAL)
    rows = [(block, *(conflict_text(table.get(block)) for table in tables)) for block in (*blocks, TOTAL)]
    return [("‖ΔW‖", *compared.blocks), *rows]


def notes(compared: Compared) -> Iterator[str]:
    """What the tables' words mean, and what they cannot tell."""
    first, second = compared.sides.first, compared.sides.second
    yield f"Arrows go from {first} to {second}; in brackets is how the second differs. Pictures are in levels of 255."
    yield f"The plain LoRA as it is changes pictures by {number_text(compared.plain)}."
    yield "apart: the mean difference between the two pictures. change: from the picture without the LoRA."
    names = {name for each in compared.measured for name in each.numbers}
    for name in sorted(names):
        if not name.startswith(("change", "likeness")):
            yield f"{name}: how much of that colour came to the picture outside the mask; less is less bleed."
    if any(name.startswith("likeness") for name in names):
        yield "likeness: to the reference; 0 is equal, and nearer to 0 is more alike."
    yield "‖ΔW‖: how much a block changes the model's weights; in brackets the cosine, 1 where both change it alike."
    count = len(compared.measured[0].apart.samples)
    if count == 1:
        yield "One scene tells nothing about others; give more --seeds or prompts for intervals."
    else:
        yield f"{count} scenes; 'a to b' is a 95 % interval."


def number_text(found: Sampled, sign: str = "") -> str:
    """`6.1 (4.2 to 8.9)`."""
    low, high = found.interval
    told = f"{found.mean:{sign}.1f}"
    return told if math.isinf(low) or math.isinf(high) else f"{told} ({low:{sign}.1f} to {high:{sign}.1f})"


def paired_text(found: Paired) -> str:
    """`12.3 → 14.1 [+1.8 (-0.2 to +3.8)]`."""
    return f"{found.first.mean:.1f} → {found.second.mean:.1f} [{number_text(found.difference, '+')}]"


def conflict_text(found: BlockConflict | None) -> str:
    """`1.20 → 1.41 (0.93)`; `-` for a block that neither side changes."""
    if found is None:
        return "-"
    cosine = "-" if found.cosine is None else f"{found.cosine:.2f}"
    return f"{found.norms[0]:.3g} → {found.norms[1]:.3g} ({cosine})"


def compared_facts(compared: Compared) -> dict[str, object]:
    """All of it as plain values; an interval without an end is null."""
    return {
        "first": compared.sides.first,
        "second": compared.sides.second,
        "plain_change": _facts(compared.plain),
        "settings": [
            {
                "setting": each.pair.name,
                "beside": each.group,
                "apart": _facts(each.apart),
                "numbers": {
                    name: {
                        "first": _facts(found.first),
                        "second": _facts(found.second),
                        "difference": _facts(found.difference),
                    }
                    for name, found in each.numbers.items()
                },
            }
            for each in compared.measured
        ],
        "blocks": {
            name: [
                {"block": each.block, "first": each.norms[0], "second": each.norms[1], "cosine": each.cosine}
                for each in found
            ]
            for name, found in compared.blocks.items()
        },
    }


def numbers_csv(compared: Compared) -> bytes:
    """The pictures' numbers with the NUMBER_COLUMNS, UTF-8 with a byte order mark; `apart` is a difference alone."""
    rows: list[list[object]] = []
    for each in compared.measured:
        head = [each.pair.name, each.group, len(each.apart.samples)]
        rows.append([*head, "apart", *[""] * 6, *_cells(each.apart)])
        rows += [
            [*head, name, *_cells(found.first), *_cells(found.second), *_cells(found.difference)]
            for name, found in each.numbers.items()
        ]
    return _csv(NUMBER_COLUMNS, rows)


def blocks_csv(compared: Compared) -> bytes:
    """‖ΔW‖ of every block with the BLOCK_COLUMNS."""
    rows: list[list[object]] = [
        [name, each.block, *(f"{norm:.6g}" for norm in each.norms), "" if each.cosine is None else f"{each.cosine:.4f}"]
        for name, found in compared.blocks.items()
        for each in found
    ]
    return _csv(BLOCK_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _cells(found: Sampled) -> list[str]:
    return [f"{value:.4f}" if math.isfinite(value) else "" for value in (found.mean, *found.interval)]


def _facts(found: Sampled) -> dict[str, object]:
    low, high = (end if math.isfinite(end) else None for end in found.interval)
    return {"mean": found.mean, "low": low, "high": high, "samples": list(found.samples)}
