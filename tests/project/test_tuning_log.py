"""Tuning events in a real log: several processes, kills, and what is new since a version."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from acts import START, what_counts

from blockweight.errors import BlockweightError
from blockweight.plan import plan_round
from blockweight.project import (
    DECIDED,
    FIXED,
    LOG,
    PLANNED,
    UNDONE,
    WEIGHTS,
    EventLog,
    TuningLog,
    planned_body,
)
from workshop import FULL

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


def opened(folder):
    return TuningLog(EventLog(folder / LOG))


@pytest.fixture
def log(tmp_path):
    log = opened(tmp_path)
    log.create(START)
    return log


def plan(log):
    return log.add(PLANNED, lambda state: planned_body(plan_round("Sub", state.weights, (), 0.5), None))


def decide(log, block, choice="accept", event_id=""):
    def body(state):
        variant = f"Sub{block}_0.5"
        return {"round": 2, "variant": variant, "choice": choice, "sequence": state.sequence + 1}

    return log.add(DECIDED, body, event_id=event_id)


def kinds(folder):
    log = EventLog(folder / LOG)
    found = [event.kind for event in log.read()]
    log.close()
    return found


def test_a_folder_becomes_a_tuning_project_once(log, tmp_path):
    with pytest.raises(BlockweightError, match="is a tuning project already"):
        log.create(START)
    assert len(kinds(tmp_path)) == 1


def test_a_log_without_a_tuning_project_is_refused(tmp_path):
    log = opened(tmp_path)
    assert not log.created
    with pytest.raises(BlockweightError, match="is no tuning project; make one with 'blockweight project new'"):
        log.state()


def test_what_does_not_fit_or_changes_nothing_is_not_appended(log, tmp_path):
    with pytest.raises(BlockweightError, match="nothing to undo"):
        log.add(UNDONE, lambda _: {})
    log.add(FIXED, lambda _: {"unfix": ["IN01"]})
    assert len(kinds(tmp_path)) == 1


def test_an_act_of_a_known_id_is_not_appended_again(log, tmp_path):
    plan(log)
    first = decide(log, "IN01", event_id="a")
    assert decide(log, "IN01", "reject", event_id="a") == first
    assert kinds(tmp_path).count(DECIDED) == 1
    undone = log.add(UNDONE, lambda _: {}, event_id="u")
    assert log.add(UNDONE, lambda _: {}, event_id="u") == undone


def test_an_act_that_changed_nothing_cannot_change_something_when_it_is_sent_again(log):
    plan(log)
    decide(log, "IN01", event_id="a")
    decide(log, "IN01", event_id="b")
    undone = log.add(UNDONE, lambda _: {})
    assert what_counts(decide(log, "IN01", event_id="b")) == what_counts(undone)


def test_a_state_is_told_what_another_process_did(log, tmp_path):
    other = opened(tmp_path)
    version = other.state().version
    assert other.state_since(version) is None
    log.add(FIXED, lambda _: {"fix": ["IN01"]})
    news = other.state_since(version)
    assert news is not None
    assert news.state == log.state()
    assert other.state_since(news.state.version) is None


def test_news_name_the_pictures_that_were_finished_since(log, tmp_path):
    events = EventLog(tmp_path / LOG)
    events.append("rendered", {"job": "a", "seconds": 1})
    version = log.state().version
    for key in "bcb":
        events.append("rendered", {"job": key, "seconds": 1})
    assert log.state_since(version).rendered == ("b", "c")


def test_a_log_that_was_put_back_in_the_place_of_a_longer_one_is_all_news(log, tmp_path):
    EventLog(tmp_path / LOG).append("rendered", {"job": "a", "seconds": 1})
    for version in (99, -(10**30)):
        news = log.state_since(version)
        assert news is not None
        assert (news.state, news.rendered) == (log.state(), ("a",))


def test_a_state_is_told_once_for_each_version(log):
    plan(log)
    first = log.state()
    assert log.state() is first
    decide(log, "IN01")
    assert log.state() is not first


def test_one_log_may_be_used_by_several_threads(log):
    plan(log)
    blocks = FULL.blocks[:12]
    threads = [threading.Thread(target=decide, args=(log, block)) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.state().fixed == blocks


def test_an_exception_in_a_transaction_takes_back_what_was_appended(tmp_path):
    log = EventLog(tmp_path / LOG)
    with pytest.raises(ZeroDivisionError), log.transaction():
        log.append("a", {})
        raise ZeroDivisionError
    assert list(log.read()) == []
    assert log.append("b", {}).kind == "b"


def test_a_body_may_hold_a_path_of_bytes_that_are_no_text(tmp_path):
    log = EventLog(tmp_path / LOG)
    log.append("a", {"path": "lora\udcff姫"})
    assert [event.body for event in log.read()] == [{"path": "lora\udcff姫"}]


def forked(work):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def code_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
def test_processes_that_decide_at_once_lose_nothing_and_double_nothing(log, tmp_path):
    plan(log)

    def work(number):
        mine = opened(tmp_path)
        for block in FULL.blocks[number::2]:  # every block by two of the four, with the same id
            decide(mine, block, event_id=f"decision on {block}")

    children = [forked(lambda number=number: work(number % 2)) for number in range(4)]
    assert [code_of(child) for child in children] == [0] * 4
    assert log.state().fixed == FULL.blocks
    assert set(log.state().weights.values) == {0.5}
    assert kinds(tmp_path).count(DECIDED) == len(FULL)


@needs_fork
def test_killed_anywhere_a_decision_is_there_or_not_and_sent_again_it_is_one(tmp_path):
    def work(folder, step):
        count = 0

        def profile(frame, event, _):
            nonlocal count
            caller = frame if event == "c_call" else frame.f_back
            if event in ("call", "c_call") and caller and f"{os.sep}project{os.sep}" in caller.f_code.co_filename:
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        mine = opened(folder)
        mine.state()
        sys.setprofile(profile)
        decide(mine, "IN01", event_id="a")

    step, code, before = 0, -signal.SIGKILL, set()
    while code == -signal.SIGKILL:
        step += 5
        folder = tmp_path / str(step)
        folder.mkdir()
        log = opened(folder)
        log.create(START)
        plan(log)
        log._log.close()
        code = code_of(forked(lambda folder=folder, step=step: work(folder, step)))
        again = opened(folder)
        fixed = again.state().fixed
        assert fixed in {(), ("IN01",)}
        before.add(fixed)
        assert decide(again, "IN01", event_id="a").fixed == ("IN01",)
        again._log.close()
        assert kinds(folder).count(DECIDED) == 1
    assert code == 0
    assert before == {(), ("IN01",)}


def test_a_log_that_was_damaged_by_hand_is_one_sentence_every_time(log, tmp_path):
    EventLog(tmp_path / LOG).append(WEIGHTS, {"changes": "all"})
    for _ in range(2):
        with pytest.raises(BlockweightError, match="cannot be read"):
            log.state()
