"""The documents show what the program prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "README.ja.md"]


def examples(page: Path) -> list[tuple[str, str]]:
    """Every `$ command` of the page's console blocks, with what stands below it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize(
    ("command", "output"), [example for page in PAGES for example in examples(page)], ids=lambda text: text[:60]
)
def test_an_example_prints_what_the_page_shows(blockweight, monkeypatch, tmp_path, command, output):
    monkeypatch.chdir(tmp_path)
    program, *arguments = shlex.split(command)
    assert program == "blockweight"
    ended = blockweight(*arguments)
    shown, printed = output.splitlines(), (ended.out + ended.err).splitlines()
    if "…" in shown:  # lines left out
        place = shown.index("…")
        printed[place : len(printed) - (len(shown) - place - 1)] = ["…"]
    assert (ended.code, printed) == (0, shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_pages_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target
