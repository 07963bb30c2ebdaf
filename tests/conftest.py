"""Files that several suites work on. Standing here, this file also makes `workshop` importable for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import workshop
from browser import chromium

# A busy machine is no failure.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder of the test's own, so that nobody's hints are read or changed, and documents of its own beside
    it. They are not there yet."""
    folder = tmp_path_factory.mktemp("home") / "config"
    monkeypatch.setenv("BLOCKWEIGHT_CONFIG", str(folder))
    monkeypatch.setattr("platformdirs.user_documents_path", lambda: folder.parent / "documents")
    return folder


@pytest.fixture
def locon(tmp_path: Path) -> Path:
    """A LoCon with one module in each of the 26 blocks of SD1."""
    return workshop.write_lora_file(tmp_path / "princess.safetensors", workshop.FULL.blocks)


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A standard LoRA with one module in each of the 17 blocks."""
    return workshop.write_lora_file(tmp_path / "standard.safetensors", workshop.SHORT.blocks)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that has the outside of a diffusers model."""
    return workshop.write_model(tmp_path / "model")


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """The system's Chromium, one for all suites of a process: Playwright drives no second one there."""
    with chromium() as started:
        yield started
