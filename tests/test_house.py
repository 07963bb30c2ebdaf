"""How the house is kept: what the rooms offer, the size of files, and what must not stand in them."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

import blockweight

SOURCE = Path(blockweight.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = sorted(file.parent for file in FILES if file.name == "__init__.py" and file.parent != SOURCE)
NEEDS_TORCH = {
    SOURCE / "render" / "local",
    SOURCE / "render" / "local" / "sampling",
    SOURCE / "demo" / "train",
    SOURCE / "train" / "local",
}


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def natural(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by name: the order that ruff keeps `__all__` in."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_offers_what_its_sorted_all_names(room):
    if room in NEEDS_TORCH and importlib.util.find_spec("torch") is None:
        pytest.skip("needs the local extra")
    module = importlib.import_module(".".join(("blockweight", *room.relative_to(SOURCE).parts)))
    offered = getattr(module, "__all__", [])
    assert list(offered) == sorted(offered, key=natural)
    assert all(hasattr(module, name) for name in offered)
    assert module.__doc__


def test_the_rooms_are_all_there():
    assert {
        "blocks",
        "weights",
        "lora",
        "plan",
        "render",
        "measure",
        "project",
        "train",
        "report",
        "studio",
        "workflow",
        "cli",
        "demo",
    } <= {name_of(room) for room in ROOMS}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_source_file_is_short_enough_to_read(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 420


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_source_file_knows_the_machine_it_was_written_on(file):
    home = re.search(
        r"[\"' ](/work/|/home/\w|/Users/\w|/root/|/tmp/|[A-Z]:\\\\Users)", file.read_text(encoding="utf-8")
    )
    assert home is None, home
