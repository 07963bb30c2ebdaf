"""A project as one zip: its events, its pictures and its results, without a path of this machine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.lora.atomic import write_atomically
from blockweight.measure import mask_digest
from blockweight.plan import Hires, picture_size
from blockweight.project.events import Event, EventLog
from blockweight.project.history import History
from blockweight.project.masks import read_mask
from blockweight.project.project import LOG, Project
from blockweight.project.targets import read_target, target_digest

EVENTS = "events.jsonl"
"""The events in the zip, one JSON object a line."""

_PICTURE = re.compile(r"pictures/([0-9a-f]{32})\.png", re.ASCII)
_MASK = re.compile(r"masks/([0-9a-f]{16})\.png", re.ASCII)
_TARGET = re.compile(r"targets/([0-9a-f]{16})\.png", re.ASCII)
_RESULT = re.compile(r"(?:round|analysis|search)-\d+[a-z-]*/[^/\\:]+", re.ASCII)
_NAMED = (_PICTURE, _MASK, _TARGET)
_INPUT = re.compile(r"inputs/[^/\\:]+\.png", re.ASCII)
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.ASCII | re.IGNORECASE)
_FACTS = {"renderer": "arithmetic", "rendered": "job"}
"""What events of `Project` must say."""

_MOST_EVENTS = 256 << 20
_MARGIN = 1 << 20
_UNREADABLE = (zipfile.BadZipFile, EOFError, zlib.error, struct.error, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Exported:
    """How many pictures a zip holds, and the keys of pictures and digests of masks and targets that were left out
    because they are damaged or were changed by another program."""

    pictures: int
    left_out: tuple[str, ...]


def write_archive(project: Project, target: Path, *, overwrite: bool = False) -> Exported:
    """Write the project to a zip, whole or not at all. Pictures and results are streamed as they are on the disk.

    BlockweightError for a target that exists (unless `overwrite`) or cannot be written.
    """
    _check_target(target, overwrite=overwrite)
    files, left_out = dict(_files(project.folder)), []
    for name in [name for name in files if _is_named(name)]:
        try:
            _check_named(name, files[name])
        except BlockweightError:
            left_out.append(files.pop(name).stem)

    def write(handle: BinaryIO) -> None:
        with zipfile.ZipFile(handle, "w") as archive:
            with archive.open(_entry(EVENTS), "w") as lines:
                for event in project.log.read():
                    lines.write(f"{json.dumps(_told(event))}\n".encode())
            for name, path in files.items():
                with path.open("rb") as source, archive.open(_entry(name, path.stat().st_size), "w") as entry:
                    shutil.copyfileobj(source, entry, 1 << 20)

    def check(temporary: Path) -> None:
        with zipfile.ZipFile(temporary) as archive:
            damaged = archive.testzip()
        if damaged is not None:
            raise BlockweightError(f"'{target}' was not stored as it was written, so it was not kept; check the disk.")

    write_atomically(target, write, check, overwrite=overwrite)
    return Exported(sum(_PICTURE.fullmatch(name) is not None for name in files), tuple(left_out))


def read_archive(source: Path, folder: Path) -> int:
    """Unpack a zip of `write_archive` to a folder that is not there yet; how many pictures it holds.

    Names (none leads out of the folder), sizes, checksums, every event are checked, and that every picture and mask is
    readable and the one that its name says. BlockweightError, with nothing left behind, otherwise.
    """
    made = folder.parent / f".blockweight-{secrets.token_hex(8)}.tmp"
    try:
        if os.path.lexists(folder):
            raise BlockweightError(f"'{folder}' is there already; choose a folder that is not.")
        if not folder.parent.is_dir():
            raise BlockweightError(f"There is no folder '{folder.parent}'; make it first.")
        with zipfile.ZipFile(source) as archive:
            pictures = _unpacked(archive, made)
        made.rename(folder)
    except _UNREADABLE as error:
        raise BlockweightError(
            f"'{source}' is no whole zip file ({type(error).__name__}: {error}); export the project again."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{source}' could not be imported ({reason}); check the paths and the disk.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return pictures


def _unpacked(archive: zipfile.ZipFile, folder: Path) -> int:
    entries = _checked(archive, folder)
    events = list(_events(archive))
    folder.mkdir()
    pictures = 0
    for name, info in entries.items():
        if name != EVENTS:
            _unpack(archive, info, folder / name)
            _check_named(name, folder / name)
            pictures += _PICTURE.fullmatch(name) is not None
    log = EventLog(folder / LOG)
    try:
        log.restore(events)
    finally:
        log.close()
    return pictures


def _entry(name: str, size: int = 0) -> zipfile.ZipInfo:
    """An entry without a time: equal projects, equal zips. A picture is compressed already."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_STORED if _PICTURE.fullmatch(name) else zipfile.ZIP_DEFLATED
    info.file_size = size
    return info


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """What goes into the zip, by its name there: pictures and results, no links, nothing half-written."""
    for path in sorted(folder.glob("*/*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not path.parent.is_symlink() and _is_ours(name):
            yield name, path


def _is_ours(name: str) -> bool:
    last = name.rpartition("/")[2]
    if _is_named(name):
        return True
    plain = last.isprintable() and not last.startswith(".") and last == last.rstrip(". ")
    return plain and not _DEVICE.fullmatch(last) and any(each.fullmatch(name) for each in (_RESULT, _INPUT))


def _is_named(name: str) -> bool:
    """Whether its name says what is in it."""
    return any(each.fullmatch(name) for each in _NAMED)


def _told(event: Event) -> dict[str, Any]:
    """An event for the zip: without the places of this machine."""
    body = {key: value for key, value in event.body.items() if key != "places"}
    return {"number": event.number, "time": event.time, "kind": event.kind, "body": body}


def _check_target(target: Path, *, overwrite: bool) -> None:
    try:
        if target.suffix.lower() != ".zip":
            raise BlockweightError(f"'{target}' does not end in .zip; add the ending.")
        if not target.resolve().parent.is_dir():
            raise BlockweightError(f"There is no folder '{target.resolve().parent}'; make it first.")
        if target.is_dir():
            raise BlockweightError(f"'{target}' is a folder; name a file in it.")
        if target.exists() and not overwrite:
            raise BlockweightError(
                f"'{target}' exists already; choose another name, or allow overwriting (--overwrite)."
            )
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"'{target}' cannot be written ({reason}); choose another place.") from None


def _checked(archive: zipfile.ZipFile, folder: Path) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, each a plain file that a project has, all together with room on the disk."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.orig_filename
        kind = stat.S_IFMT(info.external_attr >> 16)
        if name != info.filename or (name != EVENTS and not _is_ours(name)) or kind not in {0, stat.S_IFREG}:
            raise BlockweightError(
                f"The zip holds {quoted(name)}, which no exported project has; nothing was imported."
            )
        entries[name] = info
    if len({name.casefold() for name in entries}) != len(archive.infolist()):
        raise BlockweightError("The zip holds a file twice; nothing was imported, export the project again.")
    if EVENTS not in entries:
        raise BlockweightError(f"The zip holds no {EVENTS}, so it is no exported project; choose another file.")
    if entries[EVENTS].file_size > _MOST_EVENTS:
        raise BlockweightError(
            f"The zip's {EVENTS} is larger than 256 MiB, which no project's is; nothing was imported."
        )
    needed = sum(info.file_size for info in entries.values()) + _MARGIN
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise BlockweightError(
            f"The project needs {needed / 1e6:,.1f} MB, but the disk of '{folder.parent}' has {free / 1e6:,.1f} MB "
            "free; free some space or choose another folder."
        )
    return entries


def _events(archive: zipfile.ZipFile) -> Iterator[Event]:
    """The zip's events, each of a known form, and together a project's."""
    history, last = History(), 0
    with archive.open(EVENTS) as lines:
        for line in lines:
            try:
                told = json.loads(line)
                event = Event(told["number"], told["time"], told["kind"], told["body"])
                typed = isinstance(event.time, str) and isinstance(event.kind, str) and isinstance(event.body, dict)
                if type(event.number) is not int or not last < event.number < 2**53 or not typed:
                    raise ValueError("no event")
                (event.time + event.kind).encode()
                if event.kind in _FACTS and not isinstance(event.body.get(_FACTS[event.kind]), str):
                    raise ValueError("no fact")
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise BlockweightError(
                    f"What follows event {last} in the zip's {EVENTS} is no event; export the project again."
                ) from error
            if "places" in event.body:
                raise BlockweightError(f"Event {event.number} in the zip names a place, which no export does.")
            history.add(event)
            last = event.number
            yield event
    if not history.created:
        raise BlockweightError(f"The zip's {EVENTS} tells of no tuning project; choose another file.")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with archive.open(info) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def _check_named(name: str, path: Path) -> None:
    """BlockweightError unless a picture, a mask or a target is what its name says; results may be anything."""
    if found := _PICTURE.fullmatch(name):
        _check_picture(path, found[1])
    elif (found := _MASK.fullmatch(name)) and mask_digest(read_mask(path.read_bytes())) != found[1]:
        raise BlockweightError(f"The zip's mask {found[1]} is another one than its name says; nothing was imported.")
    elif (found := _TARGET.fullmatch(name)) and target_digest(read_target(path)) != found[1]:
        raise BlockweightError(f"The zip's target {found[1]} is another one than its name says; nothing was imported.")


def _check_picture(path: Path, key: str) -> None:
    """BlockweightError unless the picture can be read whole and its facts have this key."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            image.load()
            facts = json.loads(getattr(image, "text", {})["blockweight"])
            scene = facts["scene"]
            size = picture_size(scene["width"], scene["height"], Hires(**scene["hires"]) if "hires" in scene else None)
            text = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            right = hashlib.sha256(text.encode()).hexdigest()[:32] == key and image.size == size
    except Exception as error:  # Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        raise BlockweightError(
            f"The zip's picture {key} cannot be read ({type(error).__name__}); export the project again."
        ) from error
    if not right:
        raise BlockweightError(f"The zip's picture {key} is another one than its name says; nothing was imported.")
