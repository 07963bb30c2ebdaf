"""Running the command line in this process, with a renderer that needs no model."""

from __future__ import annotations

import functools
import io
import sys
from dataclasses import dataclass

import pytest
import typer.main

from blockweight.cli import again, analyze, compare, main, plot, rounds, suggest, transfer, tune, tune_auto, tune_prefer
from blockweight.render import FakeRenderer, Renderer


@dataclass(frozen=True)
class Ended:
    """What a command left on the terminal."""

    code: int
    out: str
    err: str


_built = functools.cache(typer.main.get_command)
"""All commands with their options, which take longer to put together than most of them to run: made once a process."""


class CommandLine:
    """`blockweight` with the fake renderer in the local one's place; `renderer` is the one of the latest command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.setattr(typer.main, "get_command", _built)
        self.use(FakeRenderer)

    def use(self, make: type[FakeRenderer]) -> None:
        def made() -> Renderer:
            self.renderer = make()
            return self.renderer

        for commands in (again, analyze, plot, rounds, tune, tune_auto, tune_prefer, compare, suggest, transfer):
            self._monkeypatch.setattr(commands, "command_renderer", made)

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ended:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        self._monkeypatch.setattr(sys, "argv", ["blockweight", *map(str, arguments)])
        self._capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        assert isinstance(code, int | None)
        return Ended(code or 0, *self._capsys.readouterr())
