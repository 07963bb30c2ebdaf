"""`kill -9` in the middle, as a real process meets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from blockweight.project import Project
from blockweight.project.rendering_lock import HOLDER
from workshop import tree

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def run(lora, model, out, lives=None):
    arguments = ["analyze", lora, "--model", model, "--prompt", "1girl", "--seeds", "1,2", "--size", "32x24"]
    arguments += ["--blocks", "IN01,IN02", "--out", out]
    environment = os.environ | ({} if lives is None else {"LIVES": str(lives)})
    program = [sys.executable, Path(__file__).with_name("mortal.py"), *arguments]
    return subprocess.run(program, capture_output=True, text=True, env=environment, check=False)


def facts(out):
    """What the project knows, but for times and durations, and who rendered it; and the pictures and results, byte
    by byte."""
    with Project(out) as project:
        log = [(event.kind, event.body.get("job") or event.body) for event in project.log.read()]
    files = {name: data for name, data in tree(out).items() if "project.sqlite" not in name and name != HOLDER}
    return sorted(log, key=str), files


def test_killed_with_kill_9_the_same_command_ends_as_if_it_had_never_been(locon, model, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(locon, model, whole).returncode == 0
    first = run(locon, model, killed, lives=4)
    assert (first.returncode, first.stdout) == (-signal.SIGKILL, "")
    assert len(tree(killed / "pictures")) == 4
    assert not (killed / "analysis-01").exists()
    second = run(locon, model, killed)
    assert second.returncode == 0
    assert "rendered 2" in second.stdout.splitlines()
    assert facts(killed) == facts(whole)
