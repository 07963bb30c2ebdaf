"""A comparison of trainings as files: tables, and one page with the pictures to look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from blockweight.measure import Picture, mask_digest
from blockweight.plan import Job
from blockweight.report import (
    Cell,
    Comparison,
    DataTable,
    Headline,
    Headlines,
    Prose,
    Report,
    Section,
    write_report,
    write_whole,
)
from blockweight.workflow.folders import result_folder
from blockweight.workflow.trainings.asked import Pair, Setting
from blockweight.workflow.trainings.measuring import Rows
from blockweight.workflow.trainings.text import (
    Compared,
    blocks_csv,
    blocks_table,
    compared_facts,
    notes,
    number_text,
    numbers_csv,
    numbers_table,
)

MOST_SHOWN = 4
"""Scenes on the page; all are measured, and the plot shows all of them."""


def write_comparison(
    folder: Path,
    title: str,
    compared: Compared,
    settings: Sequence[Setting],
    rows: Rows,
    picture: Callable[[Job], Picture],
) -> list[Path]:
    """Write a folder `comparison-01` in the folder: `numbers.csv`, `blocks.csv`, `comparison.json`, and `page.html`.
    Returns the files."""
    pairs = tuple(dict.fromkeys(each.pair for each in compared.measured))
    place = result_folder(folder, "comparison", _decided(pairs, compared, settings, rows))
    files = [place / name for name in ("numbers.csv", "blocks.csv", "comparison.json", "page.html")]
    write_whole(files[0], numbers_csv(compared))
    write_whole(files[1], blocks_csv(compared))
    facts = json.dumps(compared_facts(compared), ensure_ascii=False, indent=2)
    write_whole(files[2], f"{facts}\n".encode("utf-8", "backslashreplace"))
    write_report(_report(title, compared, settings, rows, picture), files[3])
    return files


def _digest(picture: Picture) -> str:
    return hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).hexdigest()[:16]


def _decided(
    pairs: Sequence[Pair], compared: Compared, settings: Sequence[Setting], rows: Rows
) -> Mapping[str, object]:
    """What tells a comparison from another."""
    return {
        "settings": [pair.name for pair in pairs],
        "scenes": [[job.key for job in row.values()] for row in rows],
        "masks": [None if each.mask is None else mask_digest(each.mask) for each in settings],
        "references": [None if each.reference is None else _digest(each.reference) for each in settings],
        "numbers": list(compared.measured[0].numbers),
    }


def _report(
    title: str,
    compared: Compared,
    settings: Sequence[Setting],
    rows: Rows,
    picture: Callable[[Job], Picture],
) -> Report:
    figures = tuple(
        Headline(" ".join(filter(None, (each.pair.name, each.group))), number_text(each.apart), "levels apart")
        for each in compared.measured
    )
    return Report(
        title=title,
        lead=f"{compared.sides.first} against {compared.sides.second}",
        opening=(Headlines(figures), Prose(tuple(notes(compared)))),
        sections=(
            Section("Pictures", (_pictures(settings, rows, picture),)),
            Section(
                "Numbers",
                (
                    _table("Pictures, in levels", numbers_table(compared)),
                    _table("‖ΔW‖ by block", blocks_table(compared)),
                ),
            ),
        ),
    )


def _pictures(settings: Sequence[Setting], rows: Rows, picture: Callable[[Job], Picture]) -> Comparison:
    sides = list(rows[0])
    shown = list(zip(settings, rows, strict=True))[:MOST_SHOWN]
    left = len(settings) - len(shown)
    return Comparison(
        tuple(", ".join(filter(None, (each.label or f"seed {each.shot.seed}", each.group))) for each, _ in shown),
        tuple("no LoRA" if side is None else side.label.replace("\n", ", ") for side in sides),
        tuple(tuple(Cell(picture(row[side])) for side in sides) for _, row in shown),
        f"{left} more scenes are measured and not shown." if left else "",
        "webp",
    )


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> DataTable:
    return DataTable(title, rows[0], tuple(rows[1:]))
