"""How long the commands that need no model take to answer, beside a bare Python in the same run.

.venv/bin/python benchmarks/startup.py [--repetitions 20]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

WEIGHTS = "Gobuhime:1,0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5"
COMMANDS = {
    "blockweight --help": ["--help"],
    "weights convert --to 17": ["weights", "convert", WEIGHTS, "--to", "17"],
    "helper": ["helper", WEIGHTS, "--fixed", "BASE,IN00"],
}


def seconds(command: list[str]) -> float:
    """Wall seconds of one run."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own commands
    return time.perf_counter() - start


def main() -> None:
    """Run everything in turn, so that a busy moment of the machine meets all rows alike, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20)
    repetitions = parser.parse_args().repetitions
    program = str(Path(sys.executable).with_name("blockweight"))
    rows = {"python -c pass": [sys.executable, "-c", "pass"]} | {
        name: [program, *arguments] for name, arguments in COMMANDS.items()
    }
    for command in rows.values():
        seconds(command)  # the first run fills the file cache
    runs = [{name: seconds(command) for name, command in rows.items()} for _ in range(repetitions)]
    bare = statistics.median(run["python -c pass"] for run in runs)
    print(f"{'':<26}{'lowest':>9}{'median':>9}{'times bare Python':>19}")
    for name in rows:
        taken = [run[name] for run in runs]
        median = statistics.median(taken)
        print(f"{name:<26}{min(taken):>7.2f} s{median:>7.2f} s{median / bare:>19.0f}")


if __name__ == "__main__":
    main()
