"""What a transfer leaves in the project: its table as CSV and JSON, and one page with the pictures to look at."""

from __future__ import annotations

import json
from pathlib import Path

from blockweight.measure import Gain, TransferRow
from blockweight.report import Cell, Comparison, Headline, Headlines, Prose, Report, Section, write_report, write_whole
from blockweight.workflow.folders import result_folder
from blockweight.workflow.suggested_weights_text import share_text
from blockweight.workflow.transfer import Transfer, pictures_of
from blockweight.workflow.transfer_text import (
    measured_text,
    notes,
    transfer_csv,
    transfer_facts,
    transfer_settings,
    verdict_text,
)
from blockweight.workflow.tuning_project import TuningProject

MOST_SHOWN = 4
"""Scenes of each group on the page; all are measured."""


def write_transfer(tuning: TuningProject, transfer: Transfer) -> list[Path]:
    """Write a folder `transfer-01` in the project's: `transfer.csv`, `transfer.json`, and `page.html` with pictures.
    Returns the files."""
    folder = result_folder(tuning.folder, "transfer", transfer_settings(transfer))
    files = [folder / name for name in ("transfer.csv", "transfer.json", "page.html")]
    write_whole(files[0], transfer_csv(transfer))
    facts = json.dumps(transfer_facts(transfer), ensure_ascii=False, indent=2)
    write_whole(files[1], f"{facts}\n".encode("utf-8", "backslashreplace"))
    write_report(_report(tuning, transfer), files[2])
    return files


def _report(tuning: TuningProject, transfer: Transfer) -> Report:
    figures = tuple(
        Headline(f"{row.name}: kept", "-" if row.kept is None else f"{100 * row.kept.mean:.0f} %", _headline_note(row))
        for row in transfer.table
    )
    sections = tuple(
        Section(group.name, (_pictures(tuning, transfer, number),)) for number, group in enumerate(transfer.plan.groups)
    )
    return Report(
        title="The same weights elsewhere",
        lead=transfer.plan.weights.text(),
        opening=(Headlines(figures), Prose(tuple(notes(transfer)))),
        sections=sections,
    )


def _headline_note(row: TransferRow) -> str:
    shares = {"kept": row.kept, "gone": row.gone}
    told = [f"{name} {share_text(share)}" for name, share in shares.items() if share is not None]
    return "; ".join(filter(None, [*told, f"{row.scenes} scenes, {measured_text(row)}", verdict_text(row)]))


def _pictures(tuning: TuningProject, transfer: Transfer, number: int) -> Comparison:
    group, gains = transfer.plan.groups[number], transfer.gains[number]
    rows, cells = [], []
    for place, scene in enumerate(group.scenes[:MOST_SHOWN]):
        without, everything, tuned = pictures_of(tuning, transfer.plan, scene)
        rows.append(f"{scene.label}, seed {scene.seed}")
        gain = (gains.whole if gains.masked is None else gains.masked)[place]
        cells.append((Cell(without), Cell(everything), Cell(tuned, _note(gain))))
    left = len(group.scenes) - len(rows)
    caption = f"{left} more scenes are measured and not shown." if left else ""
    columns = ("no LoRA", "all at 1", transfer.plan.weights.name)
    return Comparison(tuple(rows), columns, tuple(cells), caption)


def _note(gain: Gain) -> str:
    told = {"kept": gain.kept, "gone": gain.gone}
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in told.items() if share is not None)
