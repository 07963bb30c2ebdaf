"""A project as one zip, and zips that no project made."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from acts import ACTS, START, body_of, what_counts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.project import (
    CREATED,
    FIXED,
    LOCATED,
    LOG,
    EventLog,
    Project,
    TargetStore,
    TuningLog,
    read_archive,
    write_archive,
)
from blockweight.project.rendering_lock import HOLDER, LOCK
from blockweight.render import FakeRenderer
from workshop import LORA, job, tree

JOBS = [job(weight) for weight in (None, 0.0, 0.5, 1.0)]
PLACES = {LORA.digest: {"path": "/home/geheim/loras/a.safetensors", "stamp": "1-2"}}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    with Project(folder) as project:
        log = TuningLog(project.log)
        log.create({**START, "places": PLACES})
        log.add(FIXED, lambda _: {"fix": ["IN01"]})
        list(project.render(FakeRenderer(), JOBS))
        log.add(LOCATED, lambda _: {"places": PLACES})
    (folder / "round-01-sub").mkdir()
    (folder / "round-01-sub" / "presets.txt").write_text("Sub:1,0\n")
    (folder / "search-01").mkdir()
    (folder / "search-01" / "search.json").write_text("{}")
    TargetStore(folder).save(np.zeros((2, 3, 3), np.uint8))
    (folder / "pictures" / "half.partial").write_text("half")
    (folder / "thumbnails").mkdir()
    return folder


def export(folder, target, **options):
    with Project(folder) as project:
        return write_archive(project, target, **options)


def state(folder):
    with Project(folder) as project:
        return TuningLog(project.log).state()


def files(folder):
    """What a person has in a project, but for the log and the lock."""
    kept = {name: data for name, data in tree(folder).items() if data is not None and LOG not in name}
    return {name: data for name, data in kept.items() if not name.endswith(".partial") and name not in (LOCK, HOLDER)}


def events(folder):
    log = EventLog(folder / LOG)
    found = [replace(event, body={key: value for key, value in event.body.items() if key != "places"})
             for event in log.read()]  # fmt: skip
    log.close()
    return found


def test_what_is_imported_is_what_was_exported_but_for_the_places(folder, tmp_path):
    assert export(folder, tmp_path / "a.zip").pictures == len(JOBS)
    assert read_archive(tmp_path / "a.zip", tmp_path / "copy") == len(JOBS)
    assert files(tmp_path / "copy") == files(folder)
    assert events(tmp_path / "copy") == events(folder)
    assert what_counts(state(tmp_path / "copy")) == what_counts(state(folder))
    assert set(state(tmp_path / "copy").unplaced) >= {LORA.digest}


def test_exporting_the_import_gives_the_same_zip(folder, tmp_path):
    export(folder, tmp_path / "a.zip")
    read_archive(tmp_path / "a.zip", tmp_path / "copy")
    export(tmp_path / "copy", tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=12))
def test_any_history_comes_back_as_it_was(acts, tmp_path_factory):
    place = tmp_path_factory.mktemp("any")
    with Project(place / "project") as project:
        log = TuningLog(project.log)
        log.create(START)
        for act in acts:
            try:
                kind, body = body_of(act, log.state())
                log.add(kind, lambda _, body=body: body)
            except BlockweightError:
                continue
        before = log.state()
        write_archive(project, place / "a.zip")
    read_archive(place / "a.zip", place / "copy")
    assert state(place / "copy") == before


def test_no_path_of_this_machine_is_in_the_zip(folder, tmp_path):
    export(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert not any(b"geheim" in archive.read(name) for name in archive.namelist())


def test_a_damaged_or_changed_picture_is_left_out_and_named(folder, tmp_path):
    first, second = (folder / "pictures" / f"{each.key}.png" for each in JOBS[:2])
    os.truncate(first, first.stat().st_size // 2)
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(second)
    exported = export(folder, tmp_path / "a.zip")
    assert (exported.pictures, set(exported.left_out)) == (2, {JOBS[0].key, JOBS[1].key})


def test_a_changed_target_is_left_out_and_named(folder, tmp_path):
    (target,) = (folder / "targets").iterdir()
    Image.fromarray(np.ones((2, 3, 3), np.uint8)).save(target)
    exported = export(folder, tmp_path / "a.zip")
    assert (exported.pictures, exported.left_out) == (len(JOBS), (target.stem,))


def test_a_link_is_not_followed_out_of_the_project(folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "round-01-sub" / "link.txt").symlink_to(tmp_path / "secret")
    (folder / "round-02-add").symlink_to(tmp_path, target_is_directory=True)
    export(folder, tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert not any("link" in name or "secret" in name for name in archive.namelist())


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.tar", "does not end in .zip"), ("there.zip", "exists already"), ("no/a.zip", "no folder"),
     ("dir.zip", "is a folder")],
)  # fmt: skip
def test_a_target_that_cannot_be_written_is_refused(folder, tmp_path, name, words):
    (tmp_path / "there.zip").write_text("precious")
    (tmp_path / "dir.zip").mkdir()
    with pytest.raises(BlockweightError, match=words):
        export(folder, tmp_path / name)
    assert (tmp_path / "there.zip").read_text() == "precious"


def test_a_zip_is_replaced_only_when_that_is_wanted(folder, tmp_path):
    (tmp_path / "a.zip").write_text("old")
    export(folder, tmp_path / "a.zip", overwrite=True)
    assert zipfile.is_zipfile(tmp_path / "a.zip")


def refused(source, tmp_path, words):
    before = tree(tmp_path)
    with pytest.raises(BlockweightError, match=words) as raised:
        read_archive(source, tmp_path / "new")
    assert len(str(raised.value).splitlines()) == 1
    assert tree(tmp_path) == before


def changed(folder, tmp_path, change):
    """An exported zip with its entries changed: name → content."""
    export(folder, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return tmp_path / "bad.zip"


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "/etc/evil",
        "pictures/../../evil.png",
        "round-01-sub/../../evil",
        "round-01-sub/a/b.txt",
        "round-01-sub/..",
        "round-01-sub/a\\b.txt",
        "round-01-sub/C:evil",
        "round-01-sub/con.txt",
        "round-01-sub/.hidden",
        "round-01-sub/end.",
        "project.sqlite",
        "pictures/short.png",
        "thumbnails/a.jpg",
        "readme.txt",
    ],
)
def test_a_name_that_no_project_has_is_refused(folder, tmp_path, name):
    source = changed(folder, tmp_path, lambda entries: entries.update({name: b"evil"}))
    refused(source, tmp_path, "which no exported project has")


def test_a_link_in_the_zip_is_refused(folder, tmp_path):
    source = changed(folder, tmp_path, lambda _: None)
    with zipfile.ZipFile(source, "a") as archive:
        info = zipfile.ZipInfo("round-01-sub/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    refused(source, tmp_path, "which no exported project has")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["round-01-sub/presets.txt", "round-01-sub/PRESETS.txt"])
def test_a_file_that_is_there_twice_is_refused(folder, tmp_path, name):
    source = changed(folder, tmp_path, lambda _: None)
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(name, "other")
    refused(source, tmp_path, "holds a file twice")


def picture_of_another_name(entries):
    name = f"pictures/{JOBS[1].key}.png"
    entries[name] = entries[f"pictures/{JOBS[2].key}.png"]


def cut_picture(entries):
    name = f"pictures/{JOBS[1].key}.png"
    entries[name] = entries[name][:200]


def target_of_another_name(entries):
    (name,) = (name for name in entries if name.startswith("targets/"))
    entries[f"targets/{'0' * 16}.png"] = entries.pop(name)


def cut_target(entries):
    (name,) = (name for name in entries if name.startswith("targets/"))
    entries[name] = entries[name][:40]


def no_events(entries):
    del entries["events.jsonl"]


def other_events(*lines):
    def change(entries):
        entries["events.jsonl"] = b"\n".join(
            line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
        )

    return change


def event(number, kind, body):
    return {"number": number, "time": "2026", "kind": kind, "body": body}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (picture_of_another_name, "is another one than its name says"),
        (cut_picture, "cannot be read"),
        (target_of_another_name, "is another one than its name says"),
        (cut_target, "cannot be read"),
        (no_events, "holds no events.jsonl"),
        (other_events(b"{"), "What follows event 0"),
        (other_events(b"[" * 100_000), "What follows event 0"),
        (other_events(b"\xff"), "What follows event 0"),
        (other_events([]), "What follows event 0"),
        (other_events(event(0, CREATED, START)), "What follows event 0"),
        (other_events(event(1, CREATED, START), event(1, FIXED, {})), "What follows event 1"),
        (other_events(event(True, CREATED, START)), "What follows event 0"),
        (other_events(event(1, CREATED, [])), "What follows event 0"),
        (other_events(event(1, "rendered", {"job": 5})), "What follows event 0"),
        (other_events(event(1, "renderer", {})), "What follows event 0"),
        (other_events(event(1, "\ud800", {})), "What follows event 0"),
        (other_events(event(1, CREATED, {})), "Event 1 of the project's log"),
        (other_events(event(1, CREATED, {**START, "places": PLACES})), "names a place"),
        (other_events(event(1, "baked", {})), "tells of no tuning project"),
        (other_events(), "tells of no tuning project"),
    ],
)
def test_a_changed_zip_is_refused_and_leaves_nothing(folder, tmp_path, change, words):
    refused(changed(folder, tmp_path, change), tmp_path, words)


@pytest.mark.parametrize("damage", ["cut", "flip", "text", "missing", "empty", "folder"])
def test_what_is_no_whole_zip_is_refused_and_leaves_nothing(folder, tmp_path, damage):
    source = tmp_path / "a.zip"
    export(folder, source)
    data = bytearray(source.read_bytes())
    place = data.index(b"IDAT") + 20
    data[place] ^= 255
    written = {"cut": data[: len(data) // 2], "flip": data, "text": b"no zip", "empty": b""}
    source.unlink()
    if damage in written:
        source.write_bytes(written[damage])
    elif damage == "folder":
        source.mkdir()
    refused(source, tmp_path, r"is no whole zip file|could not be imported")


def test_a_zip_that_claims_more_than_the_disk_holds_is_refused(folder, tmp_path, monkeypatch):
    source = changed(folder, tmp_path, lambda _: None)
    usage = __import__("shutil").disk_usage(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1000))
    refused(source, tmp_path, r"needs .* MB, but the disk of .* has 0.0 MB free")


def test_a_folder_that_is_there_is_kept(folder, tmp_path):
    export(folder, tmp_path / "a.zip")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    before = tree(tmp_path / "mine")
    for name, words in (("mine", "is there already"), ("mine/file", "is there already"), ("dangling", "is there"),
                        ("no/new", "There is no folder"), ("a\0b", "could not be imported")):  # fmt: skip
        with pytest.raises(BlockweightError, match=words):
            read_archive(tmp_path / "a.zip", tmp_path / name)
    assert tree(tmp_path / "mine") == before
    assert not (tmp_path / "no").exists()


def test_an_export_that_fails_leaves_the_old_zip(folder, tmp_path, monkeypatch):
    export(folder, tmp_path / "a.zip")
    before = tree(tmp_path)
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda _: "pictures/x.png")
    with pytest.raises(BlockweightError, match="was not stored as it was written"):
        export(folder, tmp_path / "a.zip", overwrite=True)
    assert tree(tmp_path).keys() == before.keys()
    assert (tmp_path / "a.zip").read_bytes() == before["a.zip"]


def test_added_pictures_go_along(folder, tmp_path):
    (folder / "inputs").mkdir()
    Image.new("RGB", (8, 8), "red").save(folder / "inputs" / "線画-0a1b2c3d.png")
    (folder / "inputs" / "notes.txt").write_text("no picture")
    export(folder, tmp_path / "a.zip")
    read_archive(tmp_path / "a.zip", tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy" / "inputs").iterdir()] == ["線画-0a1b2c3d.png"]
