"""A studio in a process of its own."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from blockweight.project.project import LOG
from blockweight.workflow.config_folder import CONFIG
from browser import PATIENCE
from workshop import FULL, SHORT, write_lora_file

HOST = "127.0.0.1:8571"
OWN = {"origin": f"http://{HOST}"}
"""What a browser sends from our own pages."""


@dataclass
class Server:
    """A running studio: its process, its address, its folder, with `config` and `loras` in it, and its options."""

    process: subprocess.Popen[str]
    url: str
    folder: Path
    options: tuple[str, ...] = ()

    @classmethod
    @contextmanager
    def started(cls, folder: Path, *options: str) -> Iterator[Server]:
        """Start one with these further options, and stop it at the end."""
        if not (folder / "config").exists():
            cls.prepare(folder)
        running = cls(*_start(folder, 0, options), folder, options)
        try:
            yield running
        finally:
            running.stop()

    @staticmethod
    def prepare(folder: Path) -> None:
        """Make its LoRAs and its config, which names them."""
        loras, config = folder / "loras", folder / "config"
        loras.mkdir(parents=True, exist_ok=True)
        write_lora_file(loras / "princess.safetensors", FULL.blocks)
        write_lora_file(loras / "standard.safetensors", SHORT.blocks)
        config.mkdir()
        projects = (folder / "projects").as_posix()
        settings = f'loras = ["{loras.as_posix()}"]\nprojects = "{projects}"\n'
        (config / "settings.toml").write_text(settings, "utf-8")

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def stop(self) -> None:
        """End it, as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def renderers(self) -> list[int]:
        """The processes that render for it, by their numbers; none before something was to be rendered."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False)
        return [int(number) for number in found.stdout.split()]

    @contextmanager
    def held(self) -> Iterator[None]:
        """What renders for it stands still as long as this lasts, outside its transactions: in one it would hold the
        log against the studio as well."""
        held = self.renderers()
        with ExitStack() as locked:
            for log in self.folder.glob(f"projects/*/{LOG}"):
                locked.enter_context(_locked(log))
            for number in held:
                os.kill(number, signal.SIGSTOP)
        try:
            yield
        finally:
            for number in held:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        self.process.kill()
        self.process.wait()

    def again(self) -> None:
        """Start it anew at the same address."""
        self.process, self.url = _start(self.folder, self.port, self.options)


@contextmanager
def _locked(log: Path) -> Iterator[None]:
    """Nothing is written to a log as long as this lasts."""
    with closing(sqlite3.connect(log, timeout=PATIENCE, isolation_level=None)) as opened:
        opened.execute("BEGIN IMMEDIATE")
        yield
        opened.execute("ROLLBACK")


def _start(folder: Path, port: int, options: Sequence[str]) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-c", "from blockweight.cli import main; main()"]
    process = subprocess.Popen(
        [*command, "studio", "--no-open", "--port", str(port), *options],
        env={**os.environ, CONFIG: str(folder / "config"), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("The studio is at http://127.0.0.1:"), line
    return process, line.split()[-1]
