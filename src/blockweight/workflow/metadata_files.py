"""A LoRA's metadata hashed, verified and undone, its cover taken out, its sidecars written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.lora.hashes import data_hashes, file_hashes
from blockweight.lora.header import Header, read_header
from blockweight.lora.metadata import (
    Change,
    Edit,
    Problem,
    check_metadata,
    difference,
    read_covers,
    take_back,
    undo_last,
)
from blockweight.lora.metadata.fields import COVERS
from blockweight.lora.metadata.sidecars import (
    preview_path,
    read_sidecar,
    sidecar_bytes,
    text_path,
    with_texts,
    write_beside,
)
from blockweight.workflow.metadata_show import cover_facts
from blockweight.workflow.metadata_texts import change_facts, change_lines, covers_text, printable, shortened


def hashes(path: Path) -> dict[str, str | None]:
    """The six hashes of a file as its bytes are; `sshs_legacy_hash` is None where it is not defined."""
    return file_hashes(path, read_header(path)).facts()


@dataclass(frozen=True)
class Verified:
    """What is wrong with a file's metadata."""

    path: Path
    problems: tuple[Problem, ...]

    def lines(self) -> list[str]:
        """For a person; one line where all is well."""
        if not self.problems:
            return [f"{self.path.name}: every stamp is what the bytes say, and every value can be read."]
        return [f"{printable(each.key) or 'header'}: {shortened(each.what, 300)}" for each in self.problems]

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: `file`, `ok`, `problems` (each with `key`, `what`, and `right` for a hash)."""
        problems = [{"key": each.key, "what": each.what, "right": each.right} for each in self.problems]
        return {"file": str(self.path), "ok": not problems, "problems": problems}


def verify(path: Path) -> Verified:
    """Compare the stamps with the bytes, and try every value as its readers would."""
    header = read_header(path)
    return Verified(path, check_metadata(header.metadata, data_hashes(path, header), header.data_start - 8))


def extract_cover(path: Path, out: Path, *, overwrite: bool) -> str:
    """Write the first cover to a picture file, its bytes as they are; returns what it is. BlockweightError where there
    is none, or `out` exists (unless `overwrite`)."""
    covers = read_covers(read_header(path).metadata)
    if out.exists() and out.samefile(path):
        raise BlockweightError(f"'{out}' is the LoRA itself; choose another name for the picture.")
    if not covers:
        raise BlockweightError(f"'{path}' has no cover; set one with 'lora metadata cover FILE PICTURE'.")
    write_beside(out, covers[0].data, overwrite=overwrite)
    return covers[0].text()


def describe_cover(path: Path) -> dict[str, object]:
    """The covers of a file, for JSON, and `text`, the same for a person."""
    metadata = read_header(path).metadata
    return {"file": str(path), "covers": cover_facts(metadata), "text": covers_text(metadata.get(COVERS, "[]"))}


@dataclass(frozen=True)
class Sidecars:
    """The files to be written beside a LoRA, and what differs in the text one."""

    contents: Mapping[Path, bytes]
    changes: tuple[Change, ...]

    def lines(self) -> list[str]:
        """The difference of the text sidecar, for a person."""
        return change_lines(self.changes)

    def facts(self, *, written: bool) -> dict[str, object]:
        """As plain values, for JSON: `written` (whether there was anything to write, too), `files`, `changes`."""
        files = [str(place) for place in self.contents]
        return {"written": written and bool(files), "files": files, "changes": change_facts(self.changes)}

    def write(self) -> None:
        """Write the files, each whole or not at all."""
        for place, data in self.contents.items():
            write_beside(place, data, overwrite=True)


def plan_sidecars(path: Path, *, preview: bool, overwrite: bool) -> Sidecars:
    """Plan the sidecar with activation text, and with `preview` the picture. BlockweightError where there is nothing to
    write, and for a preview that exists (unless `overwrite`)."""
    metadata = read_header(path).metadata
    old = read_sidecar(text_path(path))
    new = with_texts(old, metadata)
    contents = {text_path(path): sidecar_bytes(new)} if new != old else {}
    if preview:
        covers = read_covers(metadata)
        if not covers:
            raise BlockweightError(f"'{path}' has no cover to make a preview of; set one with 'lora metadata cover'.")
        if preview_path(path).exists() and not overwrite:
            raise BlockweightError(f"'{preview_path(path)}' exists already; replace it with --overwrite.")
        contents[preview_path(path)] = covers[0].as_png()
    before, after = ({key: _json_text(value) for key, value in each.items()} for each in (old, new))
    return Sidecars(contents, difference(before, after))


def _json_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class PlannedUndo:
    """An edit that will be taken back, and what that changes."""

    path: Path
    header: Header
    edit: Edit
    changes: tuple[Change, ...]

    def lines(self) -> list[str]:
        """The difference, for a person."""
        return change_lines(self.changes)

    def facts(self, *, written: bool) -> dict[str, object]:
        """As plain values, for JSON: `file`, `written`, the undone edit's `at` and `what`, `changes`."""
        edit = {"at": self.edit.at, "what": self.edit.what}
        return {"file": str(self.path), "written": written, **edit, "changes": change_facts(self.changes)}

    def write(self, *, keep_mtime: bool = False) -> None:
        """Put the old header back, byte for byte."""
        take_back(self.path, self.header, self.edit, keep_mtime=keep_mtime)


def plan_undo(path: Path, history: Path | None = None) -> PlannedUndo:
    """Plan to take back the latest edit of a file's metadata, from the undo file beside it or another one."""
    header = read_header(path)
    edit = undo_last(path, header, digest=data_hashes(path, header).model_hash, history=history)
    try:
        old = json.loads(edit.before).get("__metadata__") or {}
    except (ValueError, RecursionError, AttributeError):
        raise BlockweightError(f"The undo file of '{path}' is damaged; set the values anew.") from None
    return PlannedUndo(path, header, edit, difference(header.metadata, {str(key): str(old[key]) for key in old}))
