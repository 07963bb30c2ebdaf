"""What was baked in a project: facts beside the tuning history, with what the verification found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.project.plain import Body, text_in

BAKED = "baked"


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
    """The bake. KeyError or TypeError for a body that no version wrote."""
    if not isinstance(body["report"], dict):
        raise TypeError("a report is an object")
    return Bake(number, time, text_in(body, "file"), text_in(body, "place"), body["report"])
