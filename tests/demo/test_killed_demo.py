"""`blockweight demo`, killed: a kill at any point changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SMALL = Path(__file__).with_name("small_demo.py")


def run(folder: Path) -> None:
    done = subprocess.run(command(folder), capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr


def command(folder: Path) -> list[str]:
    return [sys.executable, str(SMALL), "demo", "--out", str(folder)]


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")
def test_a_run_killed_three_times_ends_with_the_same_report_and_the_same_pictures(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(whole)
    pictures = killed / "pictures"
    for stop_at in (5, 40, 100):
        process = subprocess.Popen(command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(pictures.glob("*.png"))) < stop_at:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    run(killed)
    assert (killed / "report.html").read_bytes() == (whole / "report.html").read_bytes()
    made = sorted(path.name for path in (whole / "pictures").glob("*.png"))
    assert len(made) > 100
    for name in made:
        with Image.open(whole / "pictures" / name) as first, Image.open(pictures / name) as second:
            assert np.array_equal(np.asarray(first), np.asarray(second))
