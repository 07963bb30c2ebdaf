"""A project's transfers as a page shows them: the one that is begun, and the latest table, from the folder it left."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError
from blockweight.project import is_own_file
from blockweight.workflow.planned_transfer import begun_cost, current_transfer
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost

_FACTS = "transfer.json"
_FOLDER = re.compile(r"transfer-\d{2,5}", re.ASCII)

FILES = ("page.html", "transfer.csv", "transfer.json")
"""What a page gives of a transfer's folder."""


@dataclass(frozen=True)
class ShownShare:
    """A mean and its interval's ends, as shares; none where there is a single scene. `verdict`, of a difference from
    home, is one of `holds`, `less`, `more`, `not settled`."""

    mean: float
    low: float | None
    high: float | None
    verdict: str = ""


@dataclass(frozen=True)
class ShownGroup:
    """A row of the table; what is not told is None."""

    name: str
    scenes: int
    masked: bool
    kept: ShownShare | None
    gone: ShownShare | None
    kept_against: ShownShare | None
    gone_against: ShownShare | None


@dataclass(frozen=True)
class BegunTransfer:
    """The transfer that is begun and not complete: the weights as a text, the groups by name with the number of their
    scenes, and what is left to do."""

    weights: str
    groups: tuple[tuple[str, int], ...]
    cost: Cost


@dataclass(frozen=True)
class ShownTransfer:
    """The latest transfer: its folder's name, the weights as a text, the rows."""

    folder: str
    weights: str
    groups: tuple[ShownGroup, ...]


def begun_transfer(tuning: TuningProject) -> BegunTransfer | None:
    """The transfer that is begun and not complete, None without one."""
    begun = current_transfer(tuning.state())
    if begun is None or begun.folder:
        return None
    groups = tuple((group.name, len(group.scenes)) for group in begun.groups)
    return BegunTransfer(begun.weights.text(), groups, begun_cost(tuning, begun))


def transfer_file(tuning: TuningProject, folder: str, name: str) -> Path:
    """One of the FILES of a transfer's folder. BlockweightError if it is not there."""
    path = tuning.folder / folder / name
    if not _FOLDER.fullmatch(folder) or name not in FILES or not is_own_file(path):
        raise BlockweightError("This file of a transfer is not in the project's folder any more; render it again.")
    return path


def latest_transfer(tuning: TuningProject) -> ShownTransfer | None:
    """The transfer that was written last, None without one. BlockweightError if its file was changed by hand."""
    folders = [each for each in tuning.folder.glob("transfer-*") if _FOLDER.fullmatch(each.name)]
    files = [each / _FACTS for each in folders if is_own_file(each / _FACTS)]
    if not files:
        return None
    file = max(files, key=lambda each: each.stat().st_mtime_ns)
    try:
        return _shown(file, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise BlockweightError(
            f"The transfer in '{file.parent.name}' cannot be read; render it again, its pictures are kept."
        ) from None


def _shown(file: Path, facts: Mapping[str, Any]) -> ShownTransfer:
    return ShownTransfer(file.parent.name, str(facts["weights"]), tuple(map(_group, facts["table"])))


def _group(facts: Mapping[str, Any]) -> ShownGroup:
    return ShownGroup(
        name=str(facts["group"]),
        scenes=int(facts["scenes"]),
        masked=facts["measured"] == "by mask",
        kept=_share(facts["kept"]),
        gone=_share(facts["gone"]),
        kept_against=_share(facts["kept_against_home"]),
        gone_against=_share(facts["gone_against_home"]),
    )


def _share(facts: Mapping[str, Any] | None) -> ShownShare | None:
    if facts is None:
        return None
    low, high = (None if facts[name] is None else float(facts[name]) for name in ("low", "high"))
    return ShownShare(float(facts["mean"]), low, high, str(facts.get("verdict", "")))
