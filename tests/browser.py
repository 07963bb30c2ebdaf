"""The system's Chromium, to look at pages as a person does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PATIENCE = 60.0
"""The seconds that a test waits for what a page, or a program behind it, does in its own time: a busy machine is no
failure."""

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
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - takes a moment, not needed to skip

    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=PATIENCE * 1000)
        yield started
        started.close()


@contextmanager
def tab_of(browser: Any, **options: Any) -> Iterator[Any]:
    """A tab with a session of its own, as patient as PATIENCE; `options` are those of Playwright's `new_context`."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, "locale": "en-US", **options})
    context.set_default_timeout(PATIENCE * 1000)
    try:
        yield context.new_page()
    finally:
        context.close()


def drawn(tab: Any) -> None:
    """Wait until the page is drawn as it is now: what it does by frames, as it does by an IntersectionObserver, is
    done then."""
    frames = "(done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)))"
    tab.evaluate(f"() => new Promise({frames})")
