"""`kill -9` in the middle of a search of 500 trials."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

SEGMENTS = "a=IN01;b=IN02;c=OUT05;d=OUT07"
GRID = ",".join(f"{weight / 20:g}" for weight in range(21))
ASKED = ("--objective", "raise kept", "--objective", "lower green", "--segments", SEGMENTS, "--grid", GRID, "--budget",
         "1020pictures")  # fmt: skip


def run(*arguments, lives=None):
    environment = os.environ | ({} if lives is None else {"LIVES": str(lives)})
    program = [sys.executable, Path(__file__).with_name("mortal.py"), *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, env=environment, check=False)


def rendered(project):
    """How often the log tells of each picture."""
    with sqlite3.connect(project / "project.sqlite") as log:
        bodies = log.execute("SELECT body FROM events WHERE kind = 'rendered'").fetchall()
    return Counter(json.loads(body)["job"] for (body,) in bodies)


def test_a_killed_search_of_500_trials_goes_on_and_renders_no_picture_twice(locon, model, tmp_path):
    project = tmp_path / "project"
    new = ("--lora", locon, "--model", model, "--prompt", "1girl", "--size", "16x8", "--seeds", "1-4", "--name", "p")
    assert run("project", "new", project, *new).returncode == 0
    assert run("tune", "auto", *ASKED, "--project", project, lives=301).returncode == -signal.SIGKILL
    assert len(rendered(project)) in (300, 301)
    ended = run("tune", "auto", "--json", "--project", project)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])
    assert (told["trials"], told["left"], told["sampler"]) == (500, 0, "nsga2")
    found = json.loads((project / told["folder"] / "search.json").read_text(encoding="utf-8"))
    assert len(found["tried"]) == 500
    counts = rendered(project)
    assert set(counts.values()) == {1}
    assert {path.stem for path in (project / "pictures").glob("*.png")} == set(counts)
    # Two pictures a trial, and those without the LoRA, with all of it, and of the choices in the two scenes held out.
    assert 1000 < len(counts) <= 1020
