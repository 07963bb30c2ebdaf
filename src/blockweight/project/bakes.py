"""What was baked in a project: facts beside the tuning history, with what the verification found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.project.plain import Body, number_of, text_in, texts_in, whole_in

BAKED = "baked"

_ACTIONS = ("copied", "scaled", "zeroed", "dropped", "mixed")
"""What a bake does to a block."""


@dataclass(frozen=True)
class Bake:
    """A bake: its event's number and time (ISO 8601, UTC), the new file's name, the key of its place on this machine,
    and its report as plain values."""

    number: int
    time: str
    file: str
    place: str
    report: Mapping[str, object]


def bake_body(file: str, place: str, report: Mapping[str, object]) -> dict[str, object]:
    """The body of BAKED, without where the file lies: that is told among its places, by the key `place`."""
    return {"file": file, "place": place, "report": dict(report)}


def bake_from(number: int, time: str, body: Body) -> Bake:
    """The bake. KeyError, TypeError or ValueError for a body that no version wrote."""
    _check_report(body["report"])
    return Bake(number, time, text_in(body, "file"), text_in(body, "place"), body["report"])


def _check_report(report: Body) -> None:
    """What pages show of a report is there, and of its kind."""
    for name in ("family", "layout", "weights", "data_sha256", "source", "via"):
        text_in(report, name)
    for name in ("max_relative_error", "max_limit", "strength"):
        number_of(report[name])
    for name in ("rest", "unknown"):
        whole_in(report, name)
    texts_in(report, "filled")
    for block in report["blocks"].values():
        if text_in(block, "action") not in _ACTIONS:
            raise ValueError("no action")
        if block["weight"] is not None:
            number_of(block["weight"])
        whole_in(block, "modules")
