from __future__ import annotations

import pytest
from commands import CommandLine


@pytest.fixture
def blockweight(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)
