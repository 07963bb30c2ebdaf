"""One program at a time renders a project; the lock goes with whoever holds it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager

import pytest

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.project import Project, rendering_lock
from blockweight.project.rendering_lock import HOLDER, LOCK, rendering_alone
from blockweight.render import FakeRenderer
from workshop import job, tree


@pytest.fixture
def folder(tmp_path, monkeypatch):
    Project(tmp_path / "project").log.close()
    monkeypatch.setattr(rendering_lock, "_HANDOVER", 0.2)
    return tmp_path / "project"


@contextmanager
def held(folder, program="studio"):
    """Another process holds the project's lock; it ends by being killed."""
    script = """
        import sys, time
        from pathlib import Path
        from blockweight.project.rendering_lock import rendering_alone
        with rendering_alone(Path(sys.argv[1]), sys.argv[2]):
            print("held", flush=True)
            time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(folder), program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("studio", r"A studio renders .* \(process {pid}, since \d\d:\d\d\); wait until it is done, or pause it there"),
        ("command", r"A command renders .* \(process {pid}, since \d\d:\d\d\); wait .*, or stop it with Ctrl-C"),
    ],
)
def test_who_would_render_beside_another_program_is_told_which_one_does(folder, program, said):
    with held(folder, program) as process, pytest.raises(UnavailableError, match=said.format(pid=process.pid)):
        render(folder)


def test_a_killed_holder_leaves_no_lock(folder):
    with held(folder) as process:
        process.kill()
        process.wait()
        assert render(folder) == 1


def render(folder):
    """How many pictures were rendered."""
    with Project(folder) as project:
        return len(list(project.render(FakeRenderer(), [job()])))


def test_nothing_is_rendered_while_another_program_renders(folder):
    renderer = FakeRenderer()
    with rendering_alone(folder, "studio"), Project(folder) as project, pytest.raises(UnavailableError):
        list(project.render(renderer, [job()]))
    assert renderer.rendered == []


def test_a_program_that_is_about_to_let_go_is_waited_for(folder, monkeypatch):
    monkeypatch.setattr(rendering_lock, "_HANDOVER", 60.0)
    with rendering_alone(folder, "command"):
        waiting = threading.Thread(target=render, args=(folder,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(60)
    assert len(tree(folder / "pictures")) == 1


def test_a_caller_that_stops_in_between_lets_go(folder):
    with Project(folder) as project:
        running = project.render(FakeRenderer(), [job(), job(0.5)])
        next(running)
        running.close()
        with rendering_alone(folder, "command"):
            pass


def test_the_lock_may_be_taken_inside_itself(folder):
    with Project(folder) as project, project.alone():
        assert len(list(project.render(FakeRenderer(), [job()]))) == 1


@pytest.mark.parametrize("told", ["", "{", "[]", '{"pid": 1}', '{"pid": "a", "program": "x", "since": 3}'])
def test_a_holder_that_cannot_be_read_is_another_program(folder, told):
    with rendering_alone(folder, "studio"):
        (folder / HOLDER).write_text(told)
        with pytest.raises(UnavailableError, match="Another program renders this project already; wait"):
            render(folder)


def test_a_file_that_cannot_be_locked_is_refused_with_the_reason(folder):
    (folder / LOCK).mkdir()
    with pytest.raises(BlockweightError, match=r"rendering.lock' cannot be locked .*; check the folder's permissions"):
        render(folder)


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_who_holds_the_lock_is_not_written_through_a_link(folder, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (folder / HOLDER).symlink_to(tmp_path / "precious")
    render(folder)
    assert (tmp_path / "precious").read_text() == "precious"
