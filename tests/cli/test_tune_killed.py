"""`kill -9` in the middle of a round of a tuning project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workshop import tree

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")


def run(*arguments, lives=None):
    environment = os.environ | ({} if lives is None else {"LIVES": str(lives)})
    program = [sys.executable, Path(__file__).with_name("mortal.py"), *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, env=environment, check=False)


def shown(project):
    return json.loads(run("tune", "show", "--json", "--project", project).stdout)


def make(project, locon, model):
    new = ("--lora", locon, "--model", model, "--prompt", "1girl", "--size", "32x24", "--seeds", "1,2", "--name", "p")
    assert run("project", "new", project, *new).returncode == 0
    assert run("tune", "fix", "NOT IN01-IN03", "--project", project).returncode == 0


def test_a_killed_round_goes_on_where_it_was_and_keeps_its_decisions(locon, model, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for project in (whole, killed):
        make(project, locon, model)
    assert run("tune", "round", "sub", "--project", whole).returncode == 0
    first = run("tune", "round", "sub", "--project", killed, lives=4)
    assert first.returncode == -signal.SIGKILL
    assert len(tree(killed / "pictures")) == 4
    for project in (whole, killed):
        assert run("tune", "decide", "SubIN01_0.5", "accept", "--id", "a", "--project", project).returncode == 0
    estimate = run("tune", "round", "--estimate", "--json", "--project", killed)
    assert json.loads(estimate.stdout)["cost"]["finished"] == 4
    second = run("tune", "round", "--project", killed)
    assert "rendered 6" in second.stdout.splitlines()
    assert tree(killed / "pictures") == tree(whole / "pictures")
    assert {**shown(killed), **ONCE} == {**shown(whole), **ONCE}


ONCE = dict.fromkeys(("version", "head", "undo", "redo", "round"))
"""What numbers and times of events stand in, which depend on when the pictures between them were made."""
