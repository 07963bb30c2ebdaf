"""Rendering in a process of its own: progress, pauses, crashes, and a parent that is gone."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from projects import make

from blockweight.errors import BlockweightError
from blockweight.project.rendering_lock import HOLDER
from blockweight.workflow import render_worker, renderers
from blockweight.workflow.render_process import RenderProcess, Task
from blockweight.workflow.renderers import check_renderer, renderer_named
from blockweight.workflow.tuning_rounds import plan_round, round_cost
from workshop import tree

PATIENCE = 60.0


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


@pytest.fixture
def renders():
    made = []

    def make_process(renderer="fake"):
        made.append(RenderProcess(renderer))
        return made[-1]

    yield make_process
    for each in made:
        each.close()


def wait(true):
    """Wait until something is true; a test that waits in vain fails."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def ended(process, folder):
    """The project's task once it is over."""
    wait(lambda: not process.task(folder).open)
    return process.task(folder)


def pictures(tuning):
    return [name for name in tree(tuning.folder / "pictures") if name.endswith(".png")]


def test_a_round_is_rendered_in_another_process(tuning, renders):
    plan_round(tuning, "Sub", 0.5)
    process = renders()
    assert process.task(tuning.folder) is None
    process.start(tuning.folder, "round")
    task = ended(process, tuning.folder)
    assert (task.phase, task.done, task.total, task.error) == ("done", 10, 10, "")
    assert len(pictures(tuning)) == 10


def test_a_stopped_round_keeps_its_pictures_and_goes_on_with_the_rest(tuning, renders):
    plan_round(tuning, "Sub", 0.5)
    process = renders("fake:0.2")
    process.start(tuning.folder, "round")
    wait(lambda: process.task(tuning.folder).done >= 2)
    assert process.task(tuning.folder).left is not None
    process.stop(tuning.folder)
    assert ended(process, tuning.folder).phase == "stopped"
    before = len(pictures(tuning))
    assert 2 <= before < 10
    process.start(tuning.folder, "round")
    wait(lambda: process.task(tuning.folder).total)
    assert process.task(tuning.folder).done >= before
    assert ended(process, tuning.folder).phase == "done"
    told = [event.body["job"] for event in tuning.project.log.read("rendered")]
    assert len(told) == len(set(told)) == 10


def test_a_process_that_is_killed_fails_its_task_and_the_next_start_goes_on(tuning, renders):
    plan_round(tuning, "Sub", 0.5)
    process = renders("fake:0.1")
    process.start(tuning.folder, "round")
    wait(lambda: process.task(tuning.folder).done >= 2)
    process._child.kill()
    task = ended(process, tuning.folder)
    assert task.phase == "failed"
    assert "exit code -9" in task.error
    assert "every finished picture is kept" in task.error
    process.start(tuning.folder, "round")
    assert ended(process, tuning.folder).phase == "done"
    assert round_cost(tuning).finished == 10


def test_what_is_refused_is_told_in_its_sentence(tuning, locon, renders):
    plan_round(tuning, "Sub", 0.5)
    locon.unlink()
    process = renders()
    process.start(tuning.folder, "round")
    task = ended(process, tuning.folder)
    assert task.phase == "failed"
    assert "is not there; say where it is" in task.error


def test_a_second_start_while_it_is_rendered_is_the_same_task(tuning, renders):
    plan_round(tuning, "Sub", 0.5)
    process = renders("fake:0.1")
    first = process.start(tuning.folder, "round")
    assert process.start(tuning.folder, "round").number == first.number


def test_another_project_waits_and_can_be_stopped_while_it_does(tuning, tmp_path, locon, model, renders):
    plan_round(tuning, "Sub", 0.5)
    with make(tmp_path / "second", locon, model) as second, make(tmp_path / "third", locon, model) as third:
        for each in (second, third):
            plan_round(each, "Sub", 0.5)
        process = renders("fake:0.05")
        for each in (tuning, second, third):
            process.start(each.folder, "round")
        assert process.task(second.folder).phase == "waiting"
        process.stop(third.folder)
        assert process.task(third.folder).phase == "stopped"
        assert ended(process, second.folder).phase == "done"
        assert process.task(tuning.folder).phase == "done"
        assert not pictures(third)


def test_what_another_studio_renders_is_not_rendered_beside_it(tuning, renders):
    plan_round(tuning, "Sub", 0.5)
    first, second = renders("fake:60"), renders()
    first.start(tuning.folder, "round")
    wait((tuning.folder / HOLDER).exists)
    second.start(tuning.folder, "round")
    task = ended(second, tuning.folder)
    assert task.phase == "failed"
    assert "A studio renders this project already" in task.error
    first.close()
    second.start(tuning.folder, "round")
    assert ended(second, tuning.folder).phase == "done"


@pytest.mark.skipif(os.name == "nt", reason="a parent is killed by a signal")
def test_the_process_ends_with_its_parent_and_leaves_the_project_whole(tuning):
    plan_round(tuning, "Sub", 0.5)
    script = """
        import sys, time
        from pathlib import Path
        from blockweight.workflow.render_process import RenderProcess
        process = RenderProcess("fake:0.2")
        process.start(Path(sys.argv[1]), "round")
        while process.task(Path(sys.argv[1])).done < 1:
            time.sleep(0.01)
        print(process._child.pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tuning.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    wait(lambda: not alive(child))
    cost = round_cost(tuning)
    assert 1 <= cost.finished < cost.pictures


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("name", ["", "Local", "fake:", "fake:-1", "fake:1e9", "fake:９", "webui"])
def test_a_renderer_that_there_is_not_is_refused(name):
    with pytest.raises(BlockweightError, match="There is no renderer"):
        check_renderer(name)
    with pytest.raises(BlockweightError, match="There is no renderer"):
        renderer_named(name)


def test_what_a_renderer_says_of_its_workers_reaches_the_other_process(monkeypatch, tmp_path):
    class Ended(Exception):
        pass

    orders = iter([{"task": 1, "folder": "", "work": "round", "renderer": ""}])

    class Orders:
        def next(self):
            for order in orders:
                return order
            raise Ended

        def stopped(self, _task):
            return False

    def lose(*_given):
        renderers._tell("A worker was lost.")

    monkeypatch.setattr(render_worker, "open_project", lambda *_given: nullcontext())
    monkeypatch.setattr(render_worker, "WORKS", {"round": lose})
    answers = io.StringIO()
    with pytest.raises(Ended):
        render_worker.work(Orders(), answers)
    (news, _) = map(json.loads, answers.getvalue().splitlines())
    process = RenderProcess()
    process._tasks[1] = Task(1, tmp_path, "round", "running")
    process._told(news.pop("task"), news)
    assert process.task(tmp_path).facts()["news"] == "A worker was lost."
