"""A project: rendering what is missing, once; killed anywhere, it goes on."""

from __future__ import annotations

import errno
import os
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.project import Project
from blockweight.render import FakeRenderer, Rendering, fake_picture, unwatched
from workshop import SCENE, job, tree

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

JOBS = [job(), job(0.5), job(None)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "project"


def render(folder, jobs=JOBS, renderer=None):
    """Render in the project; the jobs that were really rendered."""
    renderer = renderer or FakeRenderer()
    with Project(folder) as project:
        list(project.render(renderer, jobs))
    return renderer.rendered


def logged(folder):
    with Project(folder) as project:
        return [event.body["job"] for event in project.log.read("rendered")]


def pictures(folder):
    return {name: content for name, content in tree(folder / "pictures").items() if name.endswith(".png")}


def test_every_job_is_rendered_once_and_logged(folder):
    assert render(folder, [*JOBS, *JOBS]) == JOBS
    assert logged(folder) == [made.key for made in JOBS]


def test_a_picture_is_on_disk_and_in_the_log_when_it_is_yielded(folder):
    with Project(folder) as project:
        for rendering in project.render(FakeRenderer(), JOBS):
            assert np.array_equal(project.picture(rendering.job), fake_picture(rendering.job))
            assert project.log.latest("rendered").body["job"] == rendering.job.key


def test_finished_pictures_are_not_rendered_again(folder):
    render(folder, JOBS[:2])
    assert render(folder) == JOBS[2:]
    assert render(folder) == []
    assert logged(folder) == [made.key for made in JOBS]


class Other(FakeRenderer):
    @property
    def capabilities(self):
        return replace(super().capabilities, arithmetic="other")


def test_pictures_of_another_arithmetic_are_not_mixed_with_a_projects_own(folder):
    render(folder, JOBS[:1])
    with pytest.raises(BlockweightError, match=r"made with fake, this run would use other.*choose another folder"):
        render(folder, JOBS, Other())
    assert render(folder, JOBS[:1], Other()) == []


def test_the_renderer_gets_all_jobs_and_the_keys_of_the_finished(folder):
    asked = []

    class Asked(FakeRenderer):
        def render(self, jobs, finished=(), watch=unwatched):
            asked.append((list(jobs), set(finished)))
            return super().render(jobs, finished, watch)

    render(folder, JOBS[:1])
    render(folder, JOBS, Asked())
    assert asked == [(JOBS, {JOBS[0].key})]


def test_pictures_whose_record_is_lost_are_not_mixed_with_others(folder):
    render(folder, JOBS[:1])
    for file in folder.glob("project.sqlite*"):
        file.unlink()
    with pytest.raises(BlockweightError, match="does not say with what its pictures were made"):
        render(folder, JOBS)
    assert render(folder, JOBS[:1]) == []


def test_jobs_that_differ_in_labels_alone_are_one(folder):
    renamed = [replace(made, scene=replace(SCENE, label="renamed")) for made in JOBS]
    render(folder)
    assert render(folder, renamed) == []


def test_a_caller_that_stops_leaves_the_rest_unrendered(folder):
    renderer = FakeRenderer()
    with Project(folder) as project:
        next(iter(project.render(renderer, JOBS)))
        assert project.missing(JOBS) == JOBS[1:]
    assert renderer.rendered == JOBS[:1]


def test_a_truncated_picture_is_rendered_again_and_no_other(folder):
    render(folder)
    whole = pictures(folder)
    path = folder / "pictures" / f"{JOBS[1].key}.png"
    os.truncate(path, path.stat().st_size // 2)
    assert render(folder) == [JOBS[1]]
    assert pictures(folder) == whole


def test_a_deleted_picture_is_rendered_again(folder):
    render(folder)
    (folder / "pictures" / f"{JOBS[0].key}.png").unlink()
    with Project(folder) as project, pytest.raises(BlockweightError, match="has vanished; run the same command again"):
        project.picture(JOBS[0])
    assert render(folder) == [JOBS[0]]


def test_a_finished_picture_that_a_batching_renderer_gives_again_is_not_replaced(folder):
    class Batching(FakeRenderer):
        def render(self, jobs, finished=(), watch=unwatched):
            for made in jobs:
                yield Rendering(made, fake_picture(made) // 2, 0.0)

    render(folder, JOBS[:1])
    before = pictures(folder)
    render(folder, JOBS, Batching())
    assert before.items() <= pictures(folder).items()
    assert logged(folder) == [made.key for made in JOBS]


def test_a_renderer_is_asked_before_any_work_and_only_about_what_is_missing(folder):
    class Refusing(FakeRenderer):
        def check(self, jobs):
            self.asked = list(jobs)
            raise BlockweightError("too large")

    render(folder, JOBS[:1])
    renderer = Refusing()
    with Project(folder) as project, pytest.raises(BlockweightError, match="too large"):
        list(project.render(renderer, JOBS))
    assert renderer.asked == JOBS[1:]
    assert renderer.rendered == []


def test_a_full_disk_stops_with_a_sentence_and_the_rerun_goes_on(folder, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Project(folder) as project:
        running = project.render(FakeRenderer(), JOBS)
        next(running)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            with pytest.raises(BlockweightError, match=r"No space left on device\); make room .* run the same command"):
                next(running)
    assert [name for name in tree(folder / "pictures") if name.endswith(".partial")] == []
    assert render(folder) == JOBS[1:]


def test_a_fact_that_repeats_the_latest_of_its_kind_is_not_recorded_again(folder):
    with Project(folder) as project:
        first = project.record("round", {"presets": ("a", "b"), "step": 0.5})
        project.record("decided", {"weights": "x"})
        assert project.record("round", {"step": 0.5, "presets": ["a", "b"]}) == first
        project.record("round", {"presets": ["c"], "step": 0.5})
        project.record("round", {"presets": ["a", "b"], "step": 0.5})
        assert [event.body["presets"] for event in project.log.read("round")] == [["a", "b"], ["c"], ["a", "b"]]


@pytest.mark.parametrize("place", ["file", "file/below", "pictures is a file", "a\0b", "n" * 300])
def test_a_folder_that_cannot_be_used_is_refused_with_the_reason(tmp_path, place):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "pictures is a file").mkdir()
    (tmp_path / "pictures is a file" / "pictures").write_text("precious")
    before = tree(tmp_path)
    with pytest.raises(BlockweightError, match=r"cannot be made or used as a project folder .*; choose another"):
        Project(tmp_path / place)
    assert tree(tmp_path) == before


def forked(work):
    """Run `work` in a forked process; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def render_and_die(folder, jobs, step):
    """Render the jobs, but be killed as `kill -9` does at the given call that the project's code makes."""
    count = 0
    room = f"{os.sep}project{os.sep}"

    def profile(frame, event, _):
        nonlocal count
        caller = frame if event == "c_call" else frame.f_back
        if event in ("call", "c_call") and caller is not None and room in caller.f_code.co_filename:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(profile)
    render(folder, jobs)


@needs_fork
def test_killed_anywhere_the_rerun_ends_with_the_same_pictures_and_log(tmp_path):
    jobs = JOBS[:2]
    render(tmp_path / "whole", jobs)
    whole = pictures(tmp_path / "whole")
    # Between any two things that reach the disk lie at least three calls.
    step, code, finished = -2, -signal.SIGKILL, set()
    while code == -signal.SIGKILL:
        step += 3
        folder = tmp_path / str(step)
        code = forked(lambda folder=folder, step=step: render_and_die(folder, jobs, step))
        there = pictures(folder) if folder.exists() else {}
        assert there.items() <= whole.items(), "half a picture under its final name"
        again = render(folder, jobs)
        assert again == [made for made in jobs if f"{made.key}.png" not in there]
        assert pictures(folder) == whole
        assert sorted(logged(folder)) == sorted(made.key for made in jobs)
        finished.add(len(there))
    assert code == 0
    assert step > 50
    assert finished == {0, 1, 2}


@needs_fork
def test_two_processes_that_render_one_project_make_every_picture_once(folder):
    many = [job(number / 100) for number in range(20)]
    children = []
    for order in (many, many[::-1]):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                render(folder, order)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    assert render(folder, many) == []
    assert sorted(logged(folder)) == sorted(made.key for made in many)
    assert len(tree(folder / "pictures")) == 20
