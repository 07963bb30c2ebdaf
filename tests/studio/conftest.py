"""The studio, in this process for its answers and in one of its own for a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from studio_server import HOST, OWN, Server

from blockweight.studio.app import make_app
from blockweight.studio.door import Address, Door
from blockweight.studio.projects import Desk
from blockweight.workflow.config_folder import CONFIG
from blockweight.workflow.settings import Settings, save_settings
from workshop import FULL, SHORT, write_lora_file


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty config folder, and documents beside it."""
    folder = tmp_path / "config"
    monkeypatch.setenv(CONFIG, str(folder))
    monkeypatch.setattr("platformdirs.user_documents_path", lambda: tmp_path / "documents")
    return folder


@pytest.fixture
def shelf(config: Path, tmp_path: Path) -> Path:
    """A folder with two LoRAs, named in the settings."""
    folder = tmp_path / "loras"
    folder.mkdir()
    write_lora_file(folder / "princess.safetensors", FULL.blocks)
    write_lora_file(folder / "standard.safetensors", SHORT.blocks)
    save_settings(Settings(loras=(folder,)))
    return folder


@pytest.fixture
def client(config: Path) -> TestClient:
    """A browser's requests to the studio on this machine's own address."""
    app = make_app(Door(Address()), Desk())
    headers = {**OWN, "accept": "text/html"}
    return TestClient(app, base_url=f"http://{HOST}", headers=headers, follow_redirects=False)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running studio with its own config and two LoRAs, which renders stripes: one for all tests that leave its
    settings and presets alone, for a start takes seconds."""
    with Server.started(tmp_path_factory.mktemp("studio"), "--renderer", "fake:0.02") as running:
        yield running
