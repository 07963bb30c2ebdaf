from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from killing import killed_at
from lora_files import MID, Q, leftovers, linear, load, metadata_of, raw, write

from blockweight.errors import BlockweightError
from blockweight.lora import atomic, read_header
from blockweight.lora.hashes import data_hashes
from blockweight.lora.metadata import HEADER_LIMIT, edit_to, new_head, rewrite, take_back, undo_last, undo_path
from blockweight.lora.metadata.rewrite import MOST_EDITS, read_edits
from metadata_strategies import METADATA

OLD = {"ss_v2": "False", "z": "1", "ssmd_author": "ゴブ"}


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(3)
    tensors = linear(Q, rng) | linear(MID, rng) | {"note": np.arange(5, dtype=np.uint8)}
    folder = tmp_path / "loras"
    folder.mkdir()
    return write(folder / "姫.safetensors", tensors, OLD)


def change(path, metadata, at="2024-04-01T12:00:00+00:00", **options):
    header = read_header(path)
    head = new_head(path, header, metadata, large=options.pop("large", False))
    digest = data_hashes(path, header).model_hash
    rewrite(path, header, head, edit_to(path, header, head, digest=digest, at=at, what="set"), **options)


def undo(path, **options):
    header = read_header(path)
    edit = undo_last(path, header, digest=data_hashes(path, header).model_hash, **options)
    take_back(path, header, edit)
    return edit


def data_of(path):
    return path.read_bytes()[read_header(path).data_start :]


def test_the_metadata_are_changed_and_the_tensors_stay_the_same_bytes(source):
    before, data = load(source), data_of(source)
    new = {**OLD, "ssmd_description": '一行\n二行\t"\\\x00'}
    change(source, new)
    assert metadata_of(source) == new
    assert list(read_header(source).metadata) == list(new)
    assert data_of(source) == data
    assert load(source).keys() == before.keys()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(METADATA)
def test_any_metadata_come_back_and_so_does_the_old_file(source, metadata):
    before = source.read_bytes()
    change(source, metadata)
    assert read_header(source).metadata == metadata
    assert metadata_of(source) == metadata
    undo(source)
    assert source.read_bytes() == before


def test_the_header_begins_as_webuis_expect_and_the_data_at_a_multiple_of_8(source):
    change(source, {"a": "b"})
    content = source.read_bytes()
    assert content[8:10] == b'{"'
    assert read_header(source).data_start % 8 == 0


def test_tensors_stay_listed_in_the_order_of_the_old_header_whatever_the_order_of_their_data(tmp_path):
    path = tmp_path / "a.safetensors"
    entries = [("b", [2, 4]), ("c", [4, 6]), ("a", [0, 2])]
    fields = {name: {"dtype": "F16", "shape": [1], "data_offsets": offsets} for name, offsets in entries}
    path.write_bytes(raw(json.dumps(fields).encode() + b" " * 5, b"AABBCC"))
    change(path, {"x": "y"})
    content = path.read_bytes()
    listed = json.loads(content[8 : read_header(path).data_start])
    assert list(listed) == ["__metadata__", "b", "c", "a"]
    assert {name: entry for name, entry in listed.items() if name in fields} == fields
    assert content.endswith(b"AABBCC")


def test_undo_brings_back_the_same_bytes_padding_and_all(tmp_path):
    path = tmp_path / "a.safetensors"
    header = b'{ "t": {"shape":[1], "dtype":"F16", "data_offsets":[0,2]}, "__metadata__": {"k": "\\u30b4"} }   \n '
    path.write_bytes(raw(header, b"AA"))
    before = path.read_bytes()
    change(path, {"k": "other"})
    edit = undo(path)
    assert path.read_bytes() == before
    assert (edit.what, edit.at) == ("set", "2024-04-01T12:00:00+00:00")


def test_edits_are_taken_back_one_after_the_other_and_then_there_is_nothing_left(source):
    states = [source.read_bytes()]
    for name in ("one", "two", "three"):
        change(source, {"name": name})
        states.append(source.read_bytes())
    while len(states) > 1:
        assert source.read_bytes() == states.pop()
        undo(source)
    assert source.read_bytes() == states[0]
    assert not undo_path(source).exists()
    with pytest.raises(BlockweightError, match="There is nothing to undo"):
        undo(source)


def test_the_oldest_edits_are_forgotten(source):
    for number in range(MOST_EDITS + 3):
        change(source, {"n": str(number)})
    assert len(read_edits(undo_path(source))) == MOST_EDITS


def test_an_edit_that_another_program_made_meanwhile_is_not_undone_over(source):
    change(source, {"a": "1"})
    change(source, {"a": "2"}, undo=False)
    with pytest.raises(BlockweightError, match="another program changed it since"):
        undo(source)


def test_an_undo_file_of_other_tensors_is_not_applied(source):
    change(source, {"a": "1"})
    content = bytearray(source.read_bytes())
    content[-1] ^= 1
    source.write_bytes(content)
    with pytest.raises(BlockweightError, match="another program changed it since"):
        undo(source)


def test_a_renamed_file_is_undone_from_its_old_undo_file(source, tmp_path):
    before = source.read_bytes()
    change(source, {"a": "1"})
    moved = source.rename(tmp_path / "moved.safetensors")
    with pytest.raises(BlockweightError, match="nothing to undo"):
        undo(moved)
    undo(moved, history=undo_path(source))
    assert moved.read_bytes() == before


def test_without_undo_no_file_appears_beside(source):
    change(source, {"a": "1"}, undo=False)
    assert [path.name for path in source.parent.iterdir()] == [source.name]


def test_the_undo_file_is_as_private_as_the_lora(source):
    source.chmod(0o600)
    change(source, {"a": "1"})
    assert undo_path(source).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"schema":1,"edits":[{}]}', b'{"schema":2,"edits":[]}', b"\xff"]
)
def test_a_file_that_is_no_undo_file_stops_the_edit_and_is_kept(source, content):
    undo_path(source).write_bytes(content)
    before = source.read_bytes()
    with pytest.raises(BlockweightError, match="cannot be read as an undo file; move it away"):
        change(source, {"a": "1"})
    assert (source.read_bytes(), undo_path(source).read_bytes()) == (before, content)


def test_a_symbolic_link_stays_one_and_its_target_is_edited(source, tmp_path):
    link = tmp_path / "link.safetensors"
    link.symlink_to(source)
    change(link, {"a": "1"})
    assert link.is_symlink()
    assert read_header(source).metadata == {"a": "1"}
    assert undo_path(link) == source.with_name("姫.safetensors.undo.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.safetensors", "loras"]


def test_permissions_stay_and_the_time_of_change_is_new_unless_kept(source):
    source.chmod(0o640)
    os.utime(source, ns=(10**18, 10**18))
    change(source, {"a": "1"}, keep_mtime=True)
    assert source.stat().st_mtime_ns == 10**18
    change(source, {"a": "2"})
    assert source.stat().st_mtime_ns > 10**18
    assert source.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="needs extended attributes")
def test_extended_attributes_stay(source):
    try:
        os.setxattr(source, "user.note", b"kept")
    except OSError:
        pytest.skip("this file system has none")
    change(source, {"a": "1"})
    assert os.getxattr(source, "user.note") == b"kept"


def test_a_file_that_changed_since_it_was_read_is_left_alone(source):
    header = read_header(source)
    head = new_head(source, header, {"a": "1"})
    edit = edit_to(source, header, head, digest=data_hashes(source, header).model_hash, at="", what="set")
    other = source.read_bytes()
    twin = source.with_name("twin")
    twin.write_bytes(other)
    os.utime(twin, ns=(header.mtime_ns, header.mtime_ns))
    twin.replace(source)  # the same size and time, but another file
    with pytest.raises(BlockweightError, match="was changed while it was being read"):
        rewrite(source, header, head, edit)
    assert source.read_bytes() == other


def test_an_edit_that_failed_leaves_the_undo_file_as_it_was(source):
    change(source, {"a": "1"})
    kept = undo_path(source).read_bytes()
    header = read_header(source)
    head = new_head(source, header, {"a": "2"})
    with pytest.raises(BlockweightError):
        rewrite(source, header, head, edit_to(source, header, head, digest="0" * 64, at="", what="set"))
    assert undo_path(source).read_bytes() == kept


def test_data_that_are_not_those_that_were_hashed_are_noticed(source):
    header = read_header(source)
    head = new_head(source, header, {"a": "1"})
    edit = edit_to(source, header, head, digest="0" * 64, at="", what="set")
    before = source.read_bytes()
    with pytest.raises(BlockweightError, match="was not stored as it was written"):
        rewrite(source, header, head, edit)
    assert source.read_bytes() == before
    assert leftovers(source.parent) == []


def test_a_header_beyond_1_mib_is_refused_unless_it_is_asked_for_or_shrinks(source):
    long = {"ssmd_description": "x" * HEADER_LIMIT}
    with pytest.raises(BlockweightError, match=r"and ComfyUI shows the metadata of at most 1,048,576; shorten"):
        change(source, long)
    assert not undo_path(source).exists()
    change(source, long, large=True)
    change(source, {"ssmd_description": "x" * (HEADER_LIMIT - 9)})
    assert len(read_header(source).metadata["ssmd_description"]) == HEADER_LIMIT - 9


def test_windows_is_asked_again_while_another_program_holds_the_file(source, monkeypatch):
    waits, real = [], os.replace
    monkeypatch.setattr(atomic, "_WAITS", (0.1, 0.2, 0.3))
    monkeypatch.setattr(atomic.time, "sleep", waits.append)

    def busy(*names):
        if names[1] == source and len(waits) < 2:
            raise PermissionError(13, "in use")
        real(*names)

    monkeypatch.setattr(os, "replace", busy)
    change(source, {"a": "1"})
    assert waits == [0.1, 0.2]
    assert read_header(source).metadata == {"a": "1"}


def test_a_file_that_stays_held_is_left_whole_with_one_sentence(source, monkeypatch):
    def busy(*_):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(atomic, "_WAITS", (0.0,))
    monkeypatch.setattr(os, "replace", busy)
    before = source.read_bytes()
    with pytest.raises(BlockweightError, match="close programs that hold the file open"):
        change(source, {"a": "1"})
    assert source.read_bytes() == before
    assert leftovers(source.parent) == []


def test_killed_at_any_step_the_file_is_the_old_or_the_new_one_and_can_be_undone(source):
    old, new = source.read_bytes(), {"a": "ゴブ姫"}
    change(source, new)
    changed = source.read_bytes()
    step, reached, seen = 0, True, set()
    while reached:
        step += 1
        source.write_bytes(old)
        undo_path(source).unlink(missing_ok=True)

        def watch():
            assert source.read_bytes() in (old, changed)

        reached = killed_at(step, lambda: change(source, new), watch)
        assert source.read_bytes() in (old, changed)
        assert leftovers(source.parent) == []
        seen.add(source.read_bytes() == changed)
        if source.read_bytes() == changed:
            undo(source)
            assert source.read_bytes() == old
        else:
            change(source, new)
            undo(source)
            assert source.read_bytes() == old
    assert step > 60
    assert seen == {False, True}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_killed_while_it_writes_leaves_the_old_file(source):
    code = """
import os, signal, sys
from pathlib import Path
from blockweight.lora import write
from blockweight.workflow.lora_metadata import Wanted, plan_set
chunks = write.read_chunks
def dying(path, header, start, end):
    if start == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return chunks(path, header, start, end)
planned = plan_set(Path(sys.argv[1]), Wanted({"ssmd_author": "x"}))
write.read_chunks = dying
planned.write()
"""
    before = source.read_bytes()
    ended = subprocess.run([sys.executable, "-c", code, str(source)], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert source.read_bytes() == before
    change(source, {"a": "1"})
    assert read_header(source).metadata == {"a": "1"}
