"""A pool with real threads, and workers that fail as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from crews import Held, Scripted, broken, jobs_of, keys, lost, pool
from hypothesis import given, settings
from hypothesis import strategies as st

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.project.project import Project
from blockweight.render import FakeRenderer, RenderingError, Step, fake_picture, unwatched
from blockweight.render.pool.renderer import ROOM

JOBS = jobs_of(12, loras=2)


def wanted(jobs=JOBS):
    return sorted(job.key for job in jobs)


def test_several_workers_give_the_pictures_of_one():
    found = list(pool(FakeRenderer(), FakeRenderer(), FakeRenderer()).render(JOBS))
    assert sorted(keys(found)) == wanted()
    assert all(np.array_equal(each.picture, fake_picture(each.job)) for each in found)


def test_workers_render_at_the_same_time():
    meet = threading.Barrier(3, timeout=60)

    def act(_job):
        meet.wait()

    found = list(pool(*[Scripted(act) for _ in range(3)]).render(JOBS[:3]))
    assert sorted(keys(found)) == wanted(JOBS[:3])


@settings(max_examples=25)
@given(st.data())
def test_whatever_workers_do_each_job_is_given_once_or_told(data):
    acts = st.sampled_from(["well", "well", "no", "break", "raise"])
    script = data.draw(st.lists(acts, max_size=40))
    lock = threading.Lock()

    def act(_job):
        with lock:
            what = script.pop() if script else "well"
        if what == "break":
            raise BlockweightError("The disk is full.")
        if what == "raise":
            raise ZeroDivisionError("0")
        return "It will not do." if what == "no" else None

    workers = [Scripted(act, data.draw(st.integers(1, 4))) for _ in range(data.draw(st.integers(1, 4)))]
    finished = {job.key for job in JOBS[: data.draw(st.integers(0, 12))]}
    found, told = [], []
    try:
        found.extend(pool(*workers).render(JOBS, finished))
    except RenderingError as error:
        told = [failure.job.key for failure in error.failures]
    assert sorted([*keys(found), *told]) == sorted({*wanted()} - finished)


def test_what_a_lost_worker_had_is_made_by_another_and_the_loss_is_told_in_a_sentence():
    told = []
    found = list(pool(Scripted(lost), FakeRenderer(), tell=told.append).render(JOBS))
    assert sorted(keys(found)) == wanted()
    assert told == [
        "worker 1 was lost, and what it was at is begun anew; if that is said again, look after it: The machine is off."
    ]


def test_a_lost_worker_that_comes_back_renders_again():
    worker = Scripted()

    def once(job):
        worker.act = lambda _job: None
        lost(job)

    worker.act = once
    found = list(pool(worker).render(JOBS))
    assert sorted(keys(found)) == wanted()
    assert worker.checked


def test_a_worker_that_comes_back_with_another_arithmetic_gives_no_picture(monkeypatch):
    monkeypatch.setattr("blockweight.render.pool.schedule.REST", 0.01)
    told = []
    worker = Scripted()

    def changed(job):
        worker._capabilities = Scripted(arithmetic="other").capabilities
        lost(job)

    worker.act = changed
    with pytest.raises(UnavailableError, match="Every worker is gone"):
        list(pool(worker, tell=told.append).render(JOBS))
    assert told[-1] == (
        "worker 1 has changed and gets nothing more in this run; make it like the others before the next: it "
        "calculates with other now, and the others with fake; start it as it was started before."
    )


def test_once_every_worker_is_gone_that_is_said_and_no_job_is_blamed(monkeypatch):
    monkeypatch.setattr("blockweight.render.pool.schedule.REST", 0.001)
    with pytest.raises(
        UnavailableError, match=r"Every worker is gone; start them anew, .*; of the last: The machine is off"
    ):
        list(pool(Scripted(lost), Scripted(lost)).render(JOBS))


def test_a_worker_that_cannot_do_a_job_leaves_it_to_another():
    found = list(pool(Scripted(broken), FakeRenderer()).render(JOBS))
    assert sorted(keys(found)) == wanted()


def test_failures_are_told_after_everything_else_is_done():
    bad = JOBS[3].key
    workers = [Scripted(lambda job: "It is cursed." if job.key == bad else None, 4) for _ in range(2)]
    found = []
    with pytest.raises(RenderingError, match="cursed") as refused:
        found.extend(pool(*workers).render(JOBS))
        raise AssertionError
    assert [failure.job.key for failure in refused.value.failures] == [bad]


def test_a_hung_worker_holds_nobody_up(monkeypatch):
    for name in ("SOON", "PATIENCE"):
        monkeypatch.setattr(f"blockweight.render.pool.schedule.{name}", 0.05)
    monkeypatch.setattr("blockweight.render.pool.workers._LEAVE", 0.05)
    held = Held()
    try:
        found = list(pool(Scripted(held), FakeRenderer()).render(JOBS))
        assert sorted(keys(found)) == wanted()
        assert held.reached.is_set()
    finally:
        held.let_go.set()


def test_a_caller_who_stops_ends_the_workers_work():
    workers = [Scripted(), Scripted()]
    before_it = set(threading.enumerate())
    rendered = pool(*workers).render(jobs_of(500))
    next(rendered)
    threads = set(threading.enumerate()) - before_it
    rendered.close()
    assert threads
    assert not any(thread.is_alive() for thread in threads)
    before = [len(worker.rendered) for worker in workers]
    assert sum(before) < 500
    assert [len(worker.rendered) for worker in workers] == before


def test_a_worker_drops_what_nobody_wants_at_its_next_step():
    class Endless(Scripted):
        def render(self, jobs, finished=(), watch=unwatched):
            yield from super().render(jobs[:1])
            try:
                while True:
                    watch(Step(1, 1, 2))
            finally:
                ended.set()

    ended = threading.Event()
    rendered = pool(Endless(batch=2)).render(JOBS)
    next(rendered)
    rendered.close()
    assert ended.wait(60)


def test_what_watch_raises_ends_the_workers_work():
    class Stop(Exception):
        pass

    def watch(_step):
        raise Stop

    held = Held()
    held.let_go.set()
    with pytest.raises(Stop):
        list(pool(Scripted(held), Scripted(held)).render(jobs_of(500), watch=watch))


def test_a_stop_is_heard_though_no_worker_tells_of_steps(monkeypatch):
    monkeypatch.setattr("blockweight.render.pool.workers._LEAVE", 0.05)

    class Stop(Exception):
        pass

    held = Held()
    steps = []

    def watch(step):
        steps.append(step)
        if len(steps) > 3:
            raise Stop

    try:
        with pytest.raises(Stop):
            list(pool(Scripted(held)).render(JOBS, watch=watch))
        assert all(step.of for step in steps)
    finally:
        held.let_go.set()


def test_pictures_that_nobody_takes_are_not_made_without_bound():
    workers = [Scripted(batch=1000) for _ in range(3)]
    rendered = pool(*workers).render(jobs_of(3000, loras=3))
    next(rendered)
    quiet = -1
    while quiet != (quiet := sum(len(worker.rendered) for worker in workers)):
        threading.Event().wait(0.2)
    rendered.close()
    assert quiet <= 2 * ROOM + 2 * len(workers) + 2


def test_every_worker_is_asked_before_anything_is_rendered():
    workers = [Scripted(), Scripted()]
    pool(*workers).check(JOBS)
    # The others differ in their seeds alone.
    assert [worker.checked for worker in workers] == [JOBS[:2], JOBS[:2]]


def test_a_worker_that_cannot_do_the_jobs_is_named():
    class Picky(Scripted):
        def check(self, jobs):
            raise BlockweightError("There is no such model here.")

    with pytest.raises(BlockweightError, match="worker 2: There is no such model here"):
        pool(Scripted(), Picky()).check(JOBS)


class Off(Scripted):
    def check(self, jobs):
        raise UnavailableError("The machine is off.")


def test_a_worker_that_does_not_answer_is_told_and_left_out():
    told = []
    off = Off()
    both = pool(off, Scripted(), tell=told.append)
    both.check(JOBS)
    assert told == [
        "worker 1 does not answer and is left out of this run; see whether it runs before the next one: "
        "The machine is off."
    ]
    assert sorted(keys(list(both.render(JOBS)))) == wanted()
    assert not off.rendered


def test_without_any_worker_the_check_fails():
    with pytest.raises(UnavailableError, match="None of the workers answers"):
        pool(Off(), Off()).check(JOBS)


def test_workers_that_calculate_differently_are_refused():
    with pytest.raises(BlockweightError, match="worker 1 calculates with cpu, worker 2 with cuda"):
        pool(Scripted(arithmetic="cpu"), Scripted(arithmetic="cuda")).check(JOBS)


def test_a_pool_can_do_what_all_can():
    one, two = Scripted(batch=2), Scripted(batch=3)
    one._capabilities = type(one.capabilities)(("sd1", "sdxl", "flux1"), 2, "fake")
    two._capabilities = type(two.capabilities)(("flux1", "sd1"), 3, "fake")
    assert pool(one, two).capabilities == type(one.capabilities)(("sd1", "flux1"), 5, "fake")


MORTAL = """
    from pathlib import Path
    from blockweight.project.project import Project
    from blockweight.render import FakeRenderer
    from crews import jobs_of, pool
    with Project(Path("project")) as project:
        for rendering in project.render(pool(FakeRenderer(0.05), FakeRenderer(0.05)), jobs_of(200)):
            print(rendering.job.key, flush=True)
"""


def test_a_project_whose_program_was_killed_goes_on_without_rendering_anything_twice(tmp_path):
    jobs = jobs_of(200)
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(MORTAL)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        first = {program.stdout.readline().strip() for _ in range(7)}
        program.kill()
        first |= {line.strip() for line in program.stdout if len(line) == 33}
    workers = [Scripted(), Scripted()]
    with Project(tmp_path / "project") as project:
        rest = keys(list(project.render(pool(*workers), jobs)))
        logged = [event.body["job"] for event in project.log.read("rendered")]
    assert 7 <= len(first) < 200
    assert not first & set(rest)
    assert sorted(logged) == wanted(jobs)
    assert set(keys_of(workers)) == set(rest)


def keys_of(workers):
    return [job.key for worker in workers for job in worker.rendered]
