"""Work that stands in the log from when it is begun until it is complete or given up: plots, transfers, searches."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol, TypeVar

from blockweight.errors import BlockweightError


class Begun(Protocol):
    """Such work, a dataclass: `folder` is the name of the project's folder with what came of it, empty until it is
    complete."""

    @property
    def folder(self) -> str:
        """The folder's name."""

    @property
    def cancelled(self) -> bool:
        """Whether it was given up."""


Work = TypeVar("Work", bound=Begun)


def given_up(found: Work, complete: BlockweightError) -> Work:
    """The work, given up. Where it is complete, there is nothing to give up: `complete` is raised."""
    if found.folder:
        raise complete
    return replace(found, cancelled=True)  # type: ignore[type-var]  # each of them is a dataclass


def completed(found: Work, kind: str, folder: str, given_up_meanwhile: BlockweightError, **results: object) -> Work:
    """The work with its folder, called `<kind>-<number>`, and what came of it; as it is where it is complete already.
    Where it was given up, `given_up_meanwhile` is raised; ValueError for another folder's name."""
    if found.cancelled:
        raise given_up_meanwhile
    if not re.fullmatch(rf"{kind}-[0-9]{{2,5}}", folder):
        raise ValueError(f"no folder of a {kind}")
    return found if found.folder else replace(found, folder=folder, **results)  # type: ignore[type-var]
