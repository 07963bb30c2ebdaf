"""A place of one's own for every test."""

from __future__ import annotations

import pytest
from sites import Place, place_in


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.delenv("BLOCKWEIGHT_WEBUI_AUTH", raising=False)
    return place_in(tmp_path)
