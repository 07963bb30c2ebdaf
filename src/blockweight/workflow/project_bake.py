"""Bake a project's LoRA, and keep what was baked as a fact of the project."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora import ALPHA_READERS, BakeReport
from blockweight.project import BAKED, Bake, TuningState, bake_body
from blockweight.weights import format_weight
from blockweight.workflow.bake_preview import BakePreview, preview_bake
from blockweight.workflow.baking import Recipe, Typed, bake_text, baked_name
from blockweight.workflow.places import lora_place, place_of
from blockweight.workflow.search.evidence import search_evidence
from blockweight.workflow.tuning_project import TuningProject


def with_defaults(state: TuningState, typed: Typed, strength: float | None) -> tuple[Typed, float]:
    """What is baked where nothing else is said: the current weights, REST among them, with the project's strength, so
    that the new file at strength 1 does what the pictures show."""
    if not typed.weights.strip():
        rest = state.weights.rest if typed.rest is None else typed.rest
        typed = replace(typed, weights=state.weights.text(), rest=rest)
    return typed, state.subject.strength if strength is None else strength


def first_texts(state: TuningState) -> dict[str, str]:
    """The same as texts, for a form: `weights`, `rest` (empty for 1), `strength`."""
    typed, strength = with_defaults(state, Typed(""), None)
    rest = "" if typed.rest in {None, 1.0} else format_weight(state.weights.rest)
    return {"weights": typed.weights, "rest": rest, "strength": format_weight(strength)}


def preview_project(tuning: TuningProject, typed: Typed, recipe: Recipe) -> BakePreview:
    """What `bake_project` would do to every block. BlockweightError as there."""
    return preview_bake(lora_place(tuning.log), typed, recipe)


def bake_project(
    tuning: TuningProject,
    typed: Typed,
    recipe: Recipe,
    out: Path | None = None,
    *,
    overwrite: bool = False,
) -> tuple[BakeReport, tuple[str, ...], Bake]:
    """Bake the project's LoRA to `out`, or to `baked_name` in the project's folder, and keep the report. The
    evidence of weights that were taken from a search goes along in the file.

    BlockweightError, with nothing written, for a LoRA that is not where it was or was changed, weights that do not fit
    it, and what `bake` refuses.
    """
    source = lora_place(tuning.log)
    if out is None:
        weights, _, _ = typed.read(source, recipe)
        out = tuning.folder / baked_name(source, weights, recipe.strength).name
    known = partial(search_evidence, tuning.state())
    report, filled = bake_text(source, typed, out, recipe, overwrite=overwrite, known=known)
    place = f"bake {secrets.token_hex(8)}"
    body = {**bake_body(out.name, place, bake_facts(report, filled)), "places": {place: place_of(out)}}
    state = tuning.log.add(BAKED, lambda _: body)
    return report, filled, next(bake for bake in state.bakes if bake.place == place)


def bake_facts(report: BakeReport, filled: tuple[str, ...]) -> dict[str, object]:
    """A report as the plain values that last: without a path of this machine."""
    check = report.check
    facts = {name: value for name, value in report.facts().items() if name != "output"}
    return {
        **facts,
        "source": report.source.name,
        "filled": list(filled),
        "max_limit": check.max_limit,
        "rest": len(check.rest),
        "unknown": len(check.unknown_keys),
        "via": ALPHA_READERS if report.recipe.via == "alpha" else "",
    }


def find_bake(state: TuningState, number: int | None = None) -> Bake:
    """The bake of this number, None for the latest; BlockweightError if there is none."""
    found = next((bake for bake in reversed(state.bakes) if number in (None, bake.number)), None)
    if found is None:
        what = "nothing was baked in this project yet" if number is None else f"there is no bake {number}"
        raise BlockweightError(f"{what[0].upper()}{what[1:]}; bake it with 'blockweight tune bake'.")
    return found


def bake_path(state: TuningState, bake: Bake) -> Path | None:
    """Where the baked file was put on this machine; None if it was baked on another one."""
    place = state.places.get(bake.place)
    return None if place is None else Path(place["path"])


def bake_rows(state: TuningState) -> list[dict[str, object]]:
    """Every bake, the latest first, as plain values: `there` says whether the file still is."""
    rows = []
    for bake in reversed(state.bakes):
        path = bake_path(state, bake)
        there = path is not None and path.is_file()
        told = {"number": bake.number, "time": bake.time, "file": bake.file}
        rows.append({**told, "path": None if path is None else str(path), "there": there, "report": bake.report})
    return rows


def bake_lines(state: TuningState) -> Iterator[str]:
    """Every bake for a person, the latest first."""
    if not state.bakes:
        yield "Nothing was baked in this project yet."
    for row in bake_rows(state):
        report = row["report"]
        assert isinstance(report, Mapping)
        time = str(row["time"])[:19].replace("T", " ")
        gone = "" if row["there"] else "  (not there any more)"
        yield f"{row['number']:>4}  {time}  {row['path'] or row['file']}{gone}"
        yield f"      {report['weights']}, strength {format_weight(float(report['strength']))}"
