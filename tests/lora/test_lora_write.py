from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from killing import killed_at
from lora_files import MID, Q, leftovers, linear, load, metadata_of, write

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.lora import write as write_module
from blockweight.lora.atomic import check_target, write_atomically
from blockweight.lora.write import Copy, Drop, Replace, splice

Usage = namedtuple("Usage", "total used free")
UP = f"{Q}.lora_up.weight"


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(3)
    tensors = linear(Q, rng) | linear(MID, rng) | {"note": np.arange(5, dtype=np.uint8)}
    return write(tmp_path / "source.safetensors", tensors, {"ss_v2": "False", "title": "ゴブ姫"})


def splice_to(source, target, instructions=None, metadata=None, *, overwrite=False, check=lambda _: None):
    header = read_header(source)
    metadata = header.metadata if metadata is None else metadata
    return splice(source, header, target, instructions or {}, metadata, overwrite=overwrite, check=check)


def test_tensors_are_copied_replaced_and_dropped_as_instructed_in_the_order_of_the_source(source, tmp_path):
    target = tmp_path / "out.safetensors"
    ones = np.ones((6, 3), np.float16)
    instructions = {UP: Replace(ones.tobytes), f"{Q}.alpha": Drop(), "note": Copy()}
    digest = splice_to(source, target, instructions)
    before, after = load(source), load(target)
    order = [info.name for info in read_header(source).tensors if info.name != f"{Q}.alpha"]
    assert [info.name for info in read_header(target).tensors] == order
    assert np.array_equal(after[UP], ones)
    assert all(after[name].tobytes() == before[name].tobytes() for name in order if name != UP)
    header = read_header(target)
    assert header.data_start % 8 == 0
    assert digest == hashlib.sha256(target.read_bytes()[header.data_start :]).hexdigest()


def test_without_instructions_the_data_are_the_same_bytes(source, tmp_path):
    target = tmp_path / "out.safetensors"
    splice_to(source, target)
    old, new = read_header(source), read_header(target)
    assert source.read_bytes()[old.data_start :] == target.read_bytes()[new.data_start :]
    assert old.tensors == new.tensors


def test_metadata_are_written_in_their_order_with_the_hashes_of_the_new_data(source, tmp_path):
    target = tmp_path / "out.safetensors"
    metadata = {"z": "1", "sshs_model_hash": "stale", "a": "ü", "modelspec.hash_sha256": "0xstale"}
    digest = splice_to(source, target, {UP: Drop()}, metadata)
    assert metadata_of(target) == metadata | {"sshs_model_hash": digest, "modelspec.hash_sha256": f"0x{digest}"}
    assert list(read_header(target).metadata) == list(metadata)


def test_a_replacement_of_another_length_is_a_fault_of_the_caller_and_leaves_nothing(source, tmp_path):
    with pytest.raises(ValueError, match="4 bytes for"):
        splice_to(source, tmp_path / "out.safetensors", {UP: Replace(lambda: b"1234")})
    assert not (tmp_path / "out.safetensors").exists()
    assert leftovers(tmp_path) == []


def test_an_existing_file_is_refused_before_any_work_and_stays(source, tmp_path):
    target = tmp_path / "out.safetensors"
    target.write_bytes(b"precious")

    def never():
        raise AssertionError("work was done")

    with pytest.raises(
        BlockweightError, match=r"exists already; choose another name, or allow overwriting \(--overwrite\)"
    ):
        splice_to(source, target, {UP: Replace(never)})
    assert target.read_bytes() == b"precious"


def test_the_source_is_not_overwritten_by_accident_under_any_name(source, tmp_path):
    link = tmp_path / "link.safetensors"
    link.symlink_to(source)
    for target in (source, link):
        with pytest.raises(BlockweightError, match="is the source itself"):
            splice_to(source, target)


def test_the_source_can_be_overwritten_when_asked_for(source):
    before = load(source)
    splice_to(source, source, {UP: Drop()}, overwrite=True)
    after = load(source)
    assert after.keys() == before.keys() - {UP}
    assert all(after[name].tobytes() == before[name].tobytes() for name in after)


def test_an_overwritten_file_keeps_its_permissions_and_a_symbolic_link_stays_one(source, tmp_path):
    real, link = tmp_path / "real.safetensors", tmp_path / "link.safetensors"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    splice_to(source, link, overwrite=True)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert load(real).keys() == load(source).keys()


def test_a_new_file_has_the_permissions_of_any_new_file(source, tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    splice_to(source, tmp_path / "out.safetensors")
    assert (tmp_path / "out.safetensors").stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out.ckpt", "does not end in .safetensors"),
        ("none/out.safetensors", "There is no folder"),
        ("folder.safetensors", "is a folder"),
        ("pipe.safetensors", "not a regular file"),
        ("a\0.safetensors", "cannot be written"),
        ("n" * 300 + ".safetensors", "cannot be written"),
        ("circle.safetensors", "cannot be written"),
    ],
)
def test_a_target_that_cannot_be_written_is_refused_with_the_reason(source, tmp_path, name, words):
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "circle.safetensors").symlink_to(tmp_path / "circle.safetensors")
    with pytest.raises(BlockweightError, match=words):
        splice_to(source, tmp_path / name, overwrite=True)
    assert leftovers(tmp_path) == []


def test_a_disk_without_room_is_refused_before_anything_is_written(source, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 10, 1_000_500))
    with pytest.raises(BlockweightError, match=r"has 1.0 MB free, but 'out.safetensors' and .* need 1\.\d MB"):
        splice_to(source, tmp_path / "out.safetensors")
    assert leftovers(tmp_path) == []
    check_target(tmp_path / "out.safetensors", -100_000, overwrite=False)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk became full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk became full"),
        (PermissionError(errno.EACCES, "Permission denied"), "check permissions"),
        (OSError(errno.EIO, "Input/output error"), r"could not be written \(Input/output error\)"),
    ],
)
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_what_the_system_refuses_midway_is_one_sentence_and_leaves_the_old_file(
    tmp_path, monkeypatch, error, words, step
):
    target = tmp_path / "out.safetensors"
    target.write_bytes(b"old")

    def refuse(*_):
        raise error

    def fill(handle):
        handle.write(b"new")
        if step == "write":
            refuse()

    if step != "write":
        monkeypatch.setattr(os, step, refuse)
    with pytest.raises(BlockweightError, match=words):
        write_atomically(target, fill, lambda _: None, overwrite=True)
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_a_source_that_changes_meanwhile_is_noticed_before_the_swap(source, tmp_path):
    def touch(_):
        os.utime(source, ns=(1, 1))

    with pytest.raises(BlockweightError, match="was changed while it was being read"):
        splice_to(source, tmp_path / "out.safetensors", check=touch)
    assert not (tmp_path / "out.safetensors").exists()

    with pytest.raises(BlockweightError, match="was changed while it was being read"):
        splice_to(source, tmp_path / "out.safetensors", check=lambda _: source.unlink())
    assert leftovers(tmp_path) == []


def test_a_target_that_appears_meanwhile_is_kept(source, tmp_path):
    target = tmp_path / "out.safetensors"
    with pytest.raises(BlockweightError, match="has appeared in the meantime"):
        splice_to(source, target, check=lambda _: target.write_bytes(b"someone else's"))
    assert target.read_bytes() == b"someone else's"
    assert leftovers(tmp_path) == []


def test_a_disk_that_stores_something_else_is_noticed(source, tmp_path, monkeypatch):
    real = write_module.read_header

    def spoiled(path: Path):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        return real(path)

    header = read_header(source)
    monkeypatch.setattr(write_module, "read_header", spoiled)
    with pytest.raises(BlockweightError, match="was not stored as it was written"):
        splice(source, header, tmp_path / "out.safetensors", {}, {}, overwrite=False, check=lambda _: None)
    assert not (tmp_path / "out.safetensors").exists()


def test_the_check_sees_the_finished_file_and_its_refusal_leaves_nothing(source, tmp_path):
    seen = []

    def refuse(path: Path):
        seen.append(load(path).keys())
        raise BlockweightError("no")

    with pytest.raises(BlockweightError, match="no"):
        splice_to(source, tmp_path / "out.safetensors", check=refuse)
    assert seen == [load(source).keys()]
    assert not (tmp_path / "out.safetensors").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("existing", [True, False])
def test_killed_at_any_step_either_the_old_file_is_there_or_the_new_one_whole(source, tmp_path, existing):
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / "out.safetensors"
    instructions = {UP: Replace(np.ones((6, 3), np.float16).tobytes), f"{MID}.alpha": Drop()}
    metadata = {"sshs_model_hash": ""}
    splice_to(source, target, instructions, metadata)
    new, old = target.read_bytes(), b"old" if existing else None
    step, reached, swapped = 0, True, set()
    while reached:
        step += 1
        target.unlink()
        if old is not None:
            target.write_bytes(old)

        def state():
            return target.read_bytes() if target.exists() else None

        def watch():
            assert state() in (old, new)

        reached = killed_at(step, lambda: splice_to(source, target, instructions, metadata, overwrite=existing), watch)
        assert state() in (old, new)
        assert leftovers(folder) == []
        swapped.add(state() == new)
        if not target.exists():
            target.touch()
    assert step > 60
    assert swapped == {False, True}
    assert state() == new
