"""A process that is killed while it writes a LoRA leaves the old file or the new one, whole; so does a power cut."""

from __future__ import annotations

import os
import signal
import stat
import sys

import numpy as np
import pytest
from lora_files import MID, Q, linear, load, write

from blockweight.lora import read_header, write_lora
from blockweight.lora.write import Drop, Replace, splice

UP = f"{Q}.lora_up.weight"
CHANGES = {UP: Replace(np.ones((6, 3), np.float16).tobytes), f"{MID}.alpha": Drop()}

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a process to kill")


@pytest.fixture
def source(tmp_path):
    rng = np.random.default_rng(4)
    return write(tmp_path / "source.safetensors", linear(Q, rng) | linear(MID, rng), {"sshs_model_hash": ""})


def killed_at(step, work) -> bool:
    """Run `work` in a process that is killed, without any chance to clean up, at the given call that write.py or
    atomic.py makes. Returns whether it came so far."""
    child = os.fork()
    if child == 0:
        count = 0

        def profile(frame, event, _):
            nonlocal count
            caller = frame if event == "c_call" else frame.f_back
            if event not in ("call", "c_call") or caller is None:
                return
            if caller.f_code.co_filename.endswith(("lora/write.py", "lora/atomic.py")):
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        code = 1
        try:
            sys.setprofile(profile)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def clean(folder) -> int:
    """Remove what a killed process could not; returns how many files that were."""
    leftovers = list(folder.glob(".blockweight-*.tmp"))
    for path in leftovers:
        path.unlink()
    return len(leftovers)


def every_state(target, old, work):
    """The target's content after a kill at each step in turn, and after the last run, which is not killed."""
    step, states, leftovers = 0, [], 0
    while True:
        step += 1
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old)
        reached = killed_at(step, work)
        states.append(target.read_bytes() if target.exists() else None)
        leftovers += clean(target.parent)
        if not reached:
            assert leftovers > 20
            return states


@pytest.mark.parametrize("old", [b"old", None], ids=["overwritten", "new"])
def test_killed_at_any_step_of_a_splice_the_target_is_old_or_new_and_whole(source, tmp_path, old):
    target = tmp_path / "out" / "out.safetensors"
    target.parent.mkdir()
    header = read_header(source)

    def work():
        overwrite = old is not None  # else the name is claimed by a link, and the temporary one removed after it
        splice(source, header, target, CHANGES, header.metadata, overwrite=overwrite, check=lambda _: None)

    states = every_state(target, old, work)
    new = states[-1]
    assert len(states) > 60
    assert set(states) == {old, new}
    # It changes once: from some step on the new file is there.
    assert states == sorted(states, key=lambda state: state == new)
    assert load(target)[UP].min() == 1


def test_killed_at_any_step_the_source_that_is_overwritten_itself_is_old_or_new_and_whole(source):
    old = source.read_bytes()

    def work():
        header = read_header(source)
        splice(source, header, source, CHANGES, header.metadata, overwrite=True, check=lambda _: None)

    states = every_state(source, old, work)
    assert set(states) == {old, states[-1]}
    assert states[-1] != old


def test_killed_at_any_step_of_writing_a_new_lora_there_is_none_or_a_whole_one(tmp_path):
    target = tmp_path / "new.safetensors"
    tensors = linear(Q, np.random.default_rng(5))
    states = every_state(target, None, lambda: write_lora(target, tensors, {}))
    assert set(states) == {None, states[-1]}
    assert load(target).keys() == tensors.keys()


@pytest.mark.parametrize(("overwrite", "naming"), [(True, "replace"), (False, "link")])
def test_the_data_are_on_the_disk_before_the_name_and_the_name_before_the_end(
    source, tmp_path, monkeypatch, overwrite, naming
):
    """What a power cut needs: a file system may bring a name to the disk before the content."""
    done = []
    fsync, name = os.fsync, getattr(os, naming)

    def synced(descriptor):
        state = os.fstat(descriptor)
        done.append("folder" if stat.S_ISDIR(state.st_mode) else ("file", state.st_size))
        fsync(descriptor)

    def named(old, new):
        done.append("named")
        name(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, naming, named)
    target, header = tmp_path / "out.safetensors", read_header(source)
    splice(source, header, target, CHANGES, header.metadata, overwrite=overwrite, check=lambda _: None)
    assert done == [("file", target.stat().st_size), "named", "folder"]
