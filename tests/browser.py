"""The system's Chromium, to look at pages as a person does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def chromium_path() -> str | None:
    """The system's browser, or None."""
    return next((path for path in map(shutil.which, _NAMES) if path), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A Chromium that Playwright drives. The test is skipped where the system has none; none is ever downloaded."""
    path = chromium_path()
    if path is None:
        pytest.skip("there is no Chromium on this system; install your distribution's (apt install chromium)")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it takes a moment, and is not needed to skip

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()
