"""The demo writes to a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from blockweight.errors import BlockweightError
from blockweight.project import Project
from blockweight.render import FakeRenderer
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.tutorial import run_tutorial
from workshop import tree


@pytest.mark.parametrize("name", ["report.html", "before-after.png", "gobuhime-locon-Gobuhime.safetensors"])
def test_a_file_that_no_demo_made_is_not_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(BlockweightError, match="has no log of a demo that made it; move it away"):
        run_tutorial(tmp_path, FakeRenderer(), SilentProgress())
    assert tree(tmp_path) == {name: b"mine"}


def test_a_project_that_no_demo_made_keeps_its_files(tmp_path: Path) -> None:
    with Project(tmp_path):
        pass
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(BlockweightError, match="has no log of a demo"):
        run_tutorial(tmp_path, FakeRenderer(), SilentProgress())
    assert (tmp_path / "report.html").read_text() == "mine"
