"""A command that the system ends, at shutdown or with its terminal, leaves nothing half-written behind."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from workshop import FULL

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs SIGHUP")

# The signal comes when the temporary file is complete and has not got its name yet.
PROGRAM = """
import os, signal, sys
from blockweight.cli.main import main

number, before, *arguments = sys.argv[1:]
signal.signal(int(number), signal.Handlers[before])
os.fsync = lambda _: os.kill(os.getpid(), int(number))
sys.argv = ["blockweight", *arguments]
main()
"""


def bake_ended_by(number, lora, *, before):
    command = ["lora", "bake", lora, "--weights", f"W:{','.join(['0.5'] * len(FULL.blocks))}", "-o", "w.safetensors"]
    program = [sys.executable, "-c", PROGRAM, str(int(number)), before, *command]
    return subprocess.run(program, capture_output=True, text=True, cwd=lora.parent, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGHUP", None)])
def test_it_leaves_no_file_behind(locon, number):
    ended = bake_ended_by(number, locon, before="SIG_DFL")
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "", "")
    assert list(locon.parent.iterdir()) == [locon]


def test_a_signal_that_is_ignored_ends_nothing(locon):
    ended = bake_ended_by(signal.SIGHUP, locon, before="SIG_IGN")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (locon.parent / "w.safetensors").exists()
