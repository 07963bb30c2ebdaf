"""The event log."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from blockweight.errors import BlockweightError
from blockweight.project import EventLog

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "project.sqlite"


@pytest.fixture
def log(path):
    log = EventLog(path)
    yield log
    log.close()


def bodies(log, kind=None):
    return [event.body for event in log.read(kind)]


def test_facts_are_read_in_the_order_in_which_they_were_appended(log):
    for number in range(5):
        log.append("a" if number % 2 else "b", {"n": number})
    assert [event.number for event in log.read()] == [1, 2, 3, 4, 5]
    assert [body["n"] for body in bodies(log)] == [0, 1, 2, 3, 4]
    assert [body["n"] for body in bodies(log, "a")] == [1, 3]
    assert bodies(log, "c") == []


def test_a_fact_is_returned_as_it_will_be_read(log):
    event = log.append("decided", {"weights": "ゴブ姫:1,0", "blocks": ("IN01",), "loss": None})
    assert event.body == {"weights": "ゴブ姫:1,0", "blocks": ["IN01"], "loss": None}
    assert list(log.read()) == [event]


def test_a_fact_has_its_time_in_utc(log):
    before = datetime.now(UTC).replace(microsecond=0)
    time = datetime.fromisoformat(log.append("a", {}).time)
    assert before <= time <= datetime.now(UTC)
    assert time.tzinfo is not None


def test_the_latest_of_a_kind_is_the_one_appended_last(log):
    assert log.latest("a") is None
    log.append("a", {"n": 1})
    last = log.append("a", {"n": 2})
    log.append("b", {"n": 3})
    assert log.latest("a") == last


def test_facts_outlive_the_process(path, log):
    log.append("a", {"n": 1})
    log.close()
    again = EventLog(path)
    assert bodies(again) == [{"n": 1}]
    again.close()


def test_what_cannot_be_written_as_json_is_not_appended(log):
    with pytest.raises(TypeError):
        log.append("a", {"path": object()})
    assert bodies(log) == []


def test_a_file_that_is_no_database_is_refused_and_kept(path):
    path.write_bytes(b"a diary, not a database" * 100)
    with pytest.raises(
        BlockweightError, match=r"log '.*project.sqlite' is damaged \(file is not a database\); put a copy"
    ):
        EventLog(path)
    assert path.read_bytes() == b"a diary, not a database" * 100


def test_a_folder_in_the_logs_place_is_refused(path):
    path.mkdir()
    with pytest.raises(BlockweightError, match="cannot be used"):
        EventLog(path)


def test_another_programs_database_is_refused(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE events (title TEXT)")
    other.commit()
    other.close()
    log = EventLog(path)
    for use in (lambda: log.append("a", {}), lambda: list(log.read()), lambda: log.latest("a")):
        with pytest.raises(BlockweightError, match="cannot be used"):
            use()
    log.close()


def test_a_full_disk_is_one_sentence_and_leaves_the_log_whole(log):
    log.append("a", {"n": 0})
    log._db.execute(f"PRAGMA max_page_count = {log._db.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(BlockweightError, match=r"database or disk is full\); make room"):
        for _ in range(100):
            log.append("a", {"text": "x" * 1000})
    log._db.execute("PRAGMA max_page_count = 1000")
    before = len(bodies(log))
    log.append("a", {"n": 1})
    assert len(bodies(log)) == before + 1


def test_a_log_that_another_program_holds_is_one_sentence(path, log):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    log._db.execute("PRAGMA busy_timeout = 10")
    with pytest.raises(BlockweightError, match=r"database is locked\).*close other programs"):
        log.append("a", {})
    other.execute("ROLLBACK")
    other.close()
    log.append("a", {})


def in_processes(count, work):
    """Run `work(number)` in forked processes at once; their exit codes."""
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(number)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


@needs_fork
def test_several_processes_may_start_and_fill_one_log_at_once(path):
    def work(number):
        log = EventLog(path)
        for step in range(10):
            log.append("a", {"process": number, "step": step})

    assert in_processes(6, work) == [0] * 6
    log = EventLog(path)
    found = bodies(log)
    log.close()
    assert len(found) == 60
    for number in range(6):
        assert [body["step"] for body in found if body["process"] == number] == list(range(10))


def test_a_log_that_another_program_is_beginning_is_waited_for(path):
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, other.execute, ["COMMIT"])
    release.start()
    log = EventLog(path)
    log.append("a", {})
    log.close()
    release.join()
    other.close()


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be moved there")
@pytest.mark.parametrize("another", [True, False])
def test_nothing_is_recorded_in_a_file_that_is_not_in_its_place_any_more(log, path, another):
    assert log.in_place
    path.rename(path.with_name("away"))
    if another:
        EventLog(path).close()
    assert not log.in_place
    with pytest.raises(BlockweightError, match="open the project again"):
        log.append("a", {})
