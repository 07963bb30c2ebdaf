"""Whole projects in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.project import Exported, TuningState
from blockweight.weights import display_width
from blockweight.workflow.overviews import Overview, overview
from blockweight.workflow.project_files import Imported
from blockweight.workflow.recent_projects import RecentProject, recent_projects
from blockweight.workflow.tuning_project import TuningProject


def list_facts() -> list[dict[str, object]]:
    """The recent projects as plain values; `error` for one that cannot be opened."""
    return [_listed(each) for each in recent_projects()]


def list_lines(listed: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The recent projects, as `list_facts` tells them, a line each."""
    rows = [_row(each) for each in listed]
    if not rows:
        yield "No project was opened yet; make one with 'blockweight project new'."
        return
    widths = [max(display_width(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (f"{cell}{' ' * (width - display_width(cell))}" for cell, width in zip(row, widths, strict=False))
        yield "  ".join((*cells, row[3]))


def _listed(each: RecentProject) -> dict[str, object]:
    facts: dict[str, object] = {"folder": str(each.folder), "name": each.name, "opened": each.opened}
    try:
        found: Overview = overview(each.folder)
    except BlockweightError as error:
        return {**facts, "error": str(error)}
    return {**facts, "pictures": found.pictures, "cover": found.cover, "weights": found.weights}


def _row(facts: Mapping[str, Any]) -> tuple[str, str, str, str]:
    opened = facts["opened"][:16].replace("T", " ")
    pictures = "cannot be opened" if "error" in facts else f"{facts['pictures']} pictures"
    return quoted(facts["name"], 40)[1:-1], opened, pictures, quoted(facts["folder"], 300)[1:-1]


def project_facts(tuning: TuningProject) -> dict[str, object]:
    """What a project holds as plain values."""
    state = tuning.state()
    pictures = [path.stat().st_size for path in tuning.project.pictures.folder.glob("*.png")]
    return {
        "folder": str(tuning.folder.absolute()),
        "name": state.name,
        "lora": state.lora.path,
        "models": sorted({scene.checkpoint.path for scene in state.scenes}),
        "missing": state.unplaced,
        "scenes": len(state.scenes),
        "steps": len(state.steps),
        "rounds": len(state.rounds),
        "pictures": len(pictures),
        "bytes": sum(pictures),
        "weights": state.weights.text(),
    }


def project_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """What a project holds, for a person."""
    yield f"Project:  {quoted(facts['name'], 300)[1:-1]}"
    yield f"Folder:   {quoted(facts['folder'], 300)[1:-1]}"
    yield f"LoRA:     {quoted(facts['lora'], 300)[1:-1]}"
    for model in facts["models"]:
        yield f"Model:    {quoted(model, 300)[1:-1]}"
    yield from _missing(facts["missing"])
    yield f"Scenes:   {facts['scenes']}"
    yield f"History:  {facts['steps']} steps, {facts['rounds']} rounds"
    yield f"Pictures: {facts['pictures']}, {facts['bytes'] / 1e6:.1f} MB"
    yield f"Weights:  {quoted(facts['weights'], 2000)[1:-1]}"


def exported_facts(file: Path, exported: Exported) -> dict[str, object]:
    """An export as plain values."""
    return {"file": str(file), "pictures": exported.pictures, "left_out": list(exported.left_out)}


def exported_lines(file: Path, exported: Exported) -> Iterator[str]:
    """An export, for a person."""
    yield f"Exported: {file}"
    yield f"Pictures: {exported.pictures}"
    if exported.left_out:
        yield f"Left out: {len(exported.left_out)} pictures or masks that are damaged or changed; make them anew"


def imported_facts(imported: Imported) -> dict[str, object]:
    """An import as plain values."""
    return {
        "folder": str(imported.folder),
        "name": imported.name,
        "pictures": imported.pictures,
        "missing": imported.missing,
    }


def imported_lines(imported: Imported) -> Iterator[str]:
    """An import, for a person."""
    yield f"Imported: {quoted(imported.name, 300)[1:-1]}"
    yield f"Folder:   {imported.folder}"
    yield f"Pictures: {imported.pictures}"
    yield from _missing(imported.missing)


def places_facts(state: TuningState) -> dict[str, object]:
    """Where the LoRA and the models are, as plain values."""
    models = sorted({scene.checkpoint.path for scene in state.scenes})
    return {"lora": state.lora.path, "models": models, "missing": state.unplaced}


def places_lines(state: TuningState) -> Iterator[str]:
    """Where the LoRA and the models are, for a person."""
    missing = state.unplaced
    if state.lora.digest not in missing:
        yield f"LoRA:     {state.lora.path}"
    models = {scene.checkpoint.path for scene in state.scenes if scene.checkpoint.digest not in missing}
    yield from (f"Model:    {model}" for model in sorted(models))
    yield from _missing(missing)


def _missing(missing: Mapping[str, str]) -> Iterator[str]:
    for name in missing.values():
        yield f"Missing:  {quoted(name, 300)[1:-1]}; say where it is with 'blockweight project locate'"
