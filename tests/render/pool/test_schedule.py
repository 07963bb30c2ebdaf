"""The pool's decisions, on a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from crews import jobs_of
from hypothesis import given
from hypothesis import strategies as st

from blockweight.render.pool.portions import portions, representatives
from blockweight.render.pool.schedule import LOSSES, STRAGGLING, TRIES, Schedule, Task
from workshop import SCENE, job

JOBS = jobs_of(12)


def schedule_of(jobs, workers, most=1, finished=()):
    return Schedule(portions(jobs, finished, most), workers)


def finish(schedule, task, now=0.0):
    """Give all pictures of a task."""
    assert all(schedule.arrived(task, key) for key in task.portion.missing)
    return schedule.ended(task, {}, now)


@given(st.data())
def test_in_any_order_of_pictures_failures_losses_and_delays_each_job_is_given_once_or_told(data):
    jobs = jobs_of(data.draw(st.integers(0, 14)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2)))
    finished = {each.key for each in jobs if data.draw(st.booleans(), label="finished")}
    workers = data.draw(st.integers(1, 4))
    schedule = schedule_of(jobs, workers, data.draw(st.integers(1, 4)), finished)
    running: dict[int, Task] = {}
    given_out: list[str] = []
    now = 0.0
    for step in range(1000):
        if schedule.done or schedule.stranded:
            break
        for task in schedule.assign(now):
            assert task.worker not in {other.worker for other in running.values()}
            running[task.number] = task
        # The worst comes first; then everything goes well.
        bad = step < 40
        now += data.draw(st.sampled_from([0.1, 1.0, 30.0, 400.0])) if bad else 10.0
        if not running:
            continue
        task = running[data.draw(st.sampled_from(sorted(running))) if bad else min(running)]
        what = data.draw(st.sampled_from(["some", "fail", "silence", "loss", "refusal", "unlike"])) if bad else "all"
        part = data.draw(st.sets(st.sampled_from([job.key for job in task.portion.jobs]))) if bad else ()
        given_out += [
            key for key in (part or task.portion.missing) if what != "refusal" and schedule.arrived(task, key)
        ]
        if what == "some":
            continue
        del running[task.number]
        if what in ("loss", "refusal"):
            schedule.lost(task, "gone", now, begun=what == "loss")
        elif what == "unlike":
            schedule.unlike(task)
        else:
            reasons = dict.fromkeys(task.portion.missing, "no") if what == "fail" else {}
            for other in schedule.ended(task, reasons, now):
                del running[other.number]
                schedule.withdrawn(other)
    told = [failure.job.key for failure in schedule.failures]
    assert len(given_out + told) == len({*given_out, *told})
    assert not finished & {*given_out, *told}
    if schedule.done:
        assert {*given_out, *told} | finished == {job.key for job in jobs}
    else:
        assert schedule.stranded


def test_a_worker_keeps_to_its_lora_and_then_to_its_model_and_nobody_idles():
    schedule = schedule_of(jobs_of(16, loras=4, models=2), 2)
    seen = {0: [], 1: []}
    while not schedule.done:
        for task in schedule.assign(0.0):
            seen[task.worker].append(task.portion.files)
            finish(schedule, task)
    changes = [sum(a != b for a, b in pairwise(each)) for each in seen.values()]
    assert changes == [1, 1]
    assert [len({model for model, _ in each}) for each in seen.values()] == [1, 1]
    assert [len(each) for each in seen.values()] == [8, 8]


def test_one_lora_is_shared_by_all_workers():
    schedule = schedule_of(JOBS, 3)
    assert [task.worker for task in schedule.assign(0.0)] == [0, 1, 2]


def test_a_portion_has_jobs_that_fit_into_one_batch_and_does_not_depend_on_what_is_finished():
    whole = list(portions(JOBS, (), 5))
    assert [len(portion.jobs) for portion in whole] == [5, 5, 2]
    rest = list(portions(JOBS, {job.key for job in JOBS[:6]}, 5))
    assert [portion.jobs for portion in rest] == [portion.jobs for portion in whole[1:]]
    assert rest[0].missing == {job.key for job in JOBS[6:10]}


def test_a_job_that_is_there_twice_is_in_one_portion():
    assert [len(portion.jobs) for portion in portions([*JOBS, *JOBS], (), 30)] == [12]


def test_a_check_asks_for_all_that_may_be_refused_but_not_for_every_seed():
    jobs = [job(1.0, label="a"), job(0.5, label="b"), job(0.5, replace(SCENE, steps=9)), job(0.5, label="c")]
    more = [replace(each, scene=replace(each.scene, seed=seed)) for seed in (8, 9) for each in jobs]
    assert representatives([*jobs, *more]) == jobs[:3]


def test_what_a_lost_worker_had_is_begun_by_the_next_one_and_the_lost_one_rests():
    schedule = schedule_of(JOBS[:1], 2)
    (task,) = schedule.assign(0.0)
    assert schedule.lost(task, "gone", 0.0, begun=True) == 1
    (again,) = schedule.assign(0.0)
    assert (again.worker, again.portion.missing) == (1, task.portion.missing)


def test_a_lost_worker_is_asked_again_after_a_rest_and_dismissed_in_the_end():
    schedule = schedule_of(JOBS, 1)
    now = 0.0
    for times in range(1, LOSSES + 1):
        (task,) = schedule.assign(now)
        assert task.returning == (times > 1)
        assert schedule.lost(task, "gone", now, begun=False) == times
        assert not schedule.assign(now)
        now += 100
    assert schedule.stranded
    assert not schedule.failures


def test_a_job_that_brings_its_workers_down_is_given_up_and_the_rest_of_its_portion_is_not():
    schedule = schedule_of(JOBS[:4], 5, most=4)
    poison = JOBS[2].key
    now, given_out = 0.0, set()
    while not schedule.done:
        for task in schedule.assign(now):
            if poison in task.portion.missing:
                schedule.lost(task, "It died.", now, begun=True)
            else:
                finish(schedule, task, now)
                given_out |= task.portion.missing
        now += 100
    assert given_out == {job.key for job in JOBS[:4]} - {poison}
    assert [(failure.job.key, failure.reason) for failure in schedule.failures] == [(poison, "It died.")]


def test_a_job_is_given_up_after_three_workers_failed_at_it_or_all_that_there_are():
    for workers, tried in ((5, TRIES), (2, 2), (1, 1)):
        schedule = schedule_of(JOBS[:1], workers)
        by = []
        while not schedule.done:
            (task,) = schedule.assign(0.0)
            by.append(task.worker)
            schedule.ended(task, {JOBS[0].key: f"no {task.worker}"}, 0.0)
        assert len(set(by)) == len(by) == tried
        assert [failure.reason for failure in schedule.failures] == ["no 0"]


def test_a_job_that_waits_for_a_worker_which_then_goes_is_given_up():
    schedule = schedule_of(JOBS[:2], 2)
    first, second = schedule.assign(0.0)
    schedule.ended(first, dict.fromkeys(first.portion.missing, "no"), 0.0)
    schedule.arrived(second, *second.portion.missing)
    schedule.unlike(second)
    assert schedule.done
    assert [failure.reason for failure in schedule.failures] == ["no"]


def test_a_straggler_is_begun_elsewhere_too_and_the_first_answer_counts():
    schedule = schedule_of(JOBS[:3], 2)
    slow, quick = schedule.assign(0.0)
    finish(schedule, quick, 10.0)
    (last,) = schedule.assign(10.0)
    finish(schedule, last, 20.0)
    assert not schedule.assign(STRAGGLING * 10.0)
    (second,) = schedule.assign(STRAGGLING * 10.0 + 0.1)
    assert second.portion.missing == slow.portion.missing
    assert finish(schedule, second, 40.0) == [slow]
    assert schedule.done
    assert not schedule.arrived(slow, *slow.portion.missing)


def test_a_portion_is_no_straggler_because_it_is_larger():
    schedule = schedule_of(JOBS[:10], 2, most=8)
    large, small = schedule.assign(0.0)
    finish(schedule, small, 10.0)
    assert not schedule.assign(39.0)
    assert schedule.assign(STRAGGLING * 40.0 + 0.1)
    assert len(large.portion.jobs) == 8
