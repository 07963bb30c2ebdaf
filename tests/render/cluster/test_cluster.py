"""A real cluster of two workers on this machine: a killed worker, a caller who stops, files that are not there."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import psutil
import pytest

from blockweight.errors import BlockweightError
from blockweight.plan import Checkpoint, LoraUse
from blockweight.project.project import Project
from blockweight.render import FakeRenderer, fake_picture
from blockweight.render.cluster import RayRenderer
from workshop import SCENE, job, write_model

if importlib.util.find_spec("ray") is None:
    pytest.skip("needs the cluster extra", allow_module_level=True)

PATIENCE = 60.0
WORKERS = 2


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Nobody's home folder is written to."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(told, home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setattr("os.cpu_count", lambda: WORKERS)
        made = RayRenderer(partial(FakeRenderer, 0.1), cpus=WORKERS, tell=told.append)
    yield made
    made.close()


@pytest.fixture
def jobs(tmp_path):
    """Twenty, with a model and a LoRA that are there."""
    model, lora = write_model(tmp_path / "model"), tmp_path / "lora.safetensors"
    lora.touch()
    scene = replace(SCENE, checkpoint=Checkpoint(str(model), "c" * 64))
    return [job(scene=replace(scene, seed=seed), lora=LoraUse(str(lora), "d" * 64)) for seed in range(20)]


def wait(true):
    """Wait until something is true; a test that waits in vain fails."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_worker_that_is_killed_in_mid_job_loses_nothing_and_nothing_is_rendered_twice(cluster, told, jobs, tmp_path):
    watched = []
    with Project(tmp_path / "project") as project:
        rendered = project.render(cluster, jobs, watch=watched.append)
        found = [next(rendered)]
        os.kill(cluster.actors[0].greeting.process, signal.SIGKILL)
        found += rendered
        logged = Counter(event.body["job"] for event in project.log.read("rendered"))
    assert logged == Counter(each.key for each in jobs)
    assert all(np.array_equal(each.picture, fake_picture(each.job)) for each in found)
    assert len(told) == 1
    assert told[0].startswith("Worker 1 on ")
    assert "was lost, and what it was at is begun anew" in told[0]
    assert any(step.pictures == WORKERS for step in watched)


def test_a_killed_worker_renders_again_once_it_has_begun_anew(cluster, jobs):
    wait(lambda: answers(cluster))
    assert len(list(cluster.render(jobs))) == len(jobs)


def answers(cluster):
    try:
        cluster.check([])
    except BlockweightError:
        return False
    return True


def test_a_caller_who_stops_ends_the_work_on_the_workers(cluster, jobs):
    many = [replace(each, scene=replace(each.scene, seed=1000 + number)) for number, each in enumerate(jobs * 5)]
    rendered = cluster.render(many)
    next(rendered)
    rendered.close()
    again = cluster.render(jobs[:2])
    assert len(list(again)) == 2


def test_a_file_that_a_worker_lacks_is_named(cluster, jobs):
    moved = replace(jobs[0], lora=replace(jobs[0].lora, path="/nowhere/lora.safetensors"))
    with pytest.raises(BlockweightError, match=r"has no LoRA '/nowhere/lora.safetensors'; keep models, LoRAs and"):
        cluster.check([moved])


def test_a_second_cluster_in_one_process_is_refused(cluster):
    with pytest.raises(BlockweightError, match="renders on a cluster already"):
        RayRenderer(FakeRenderer, cpus=1)
    assert answers(cluster)


def test_nothing_listens_beyond_the_loopback_and_nothing_is_written_home(cluster, home):
    us = psutil.Process()
    open_doors = [
        door.laddr.ip
        for process in (us, *us.children(recursive=True))
        for door in process.net_connections()
        if door.status == psutil.CONN_LISTEN
    ]
    assert open_doors
    assert {address.removeprefix("::ffff:") for address in open_doors} == {"127.0.0.1"}
    assert not list(home.iterdir())


def test_more_workers_than_cores_are_refused_at_once(monkeypatch, cluster):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with pytest.raises(BlockweightError, match="processor cores, not 9999; ask for ray:"):
        RayRenderer(FakeRenderer, cpus=9999)


def test_graphics_cards_that_are_not_there_are_refused_at_once(monkeypatch, cluster):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    monkeypatch.setattr("ray.init", lambda **_options: None)
    with pytest.raises(BlockweightError, match=r"no graphics card that Ray knows of; .* ask for ray:2"):
        RayRenderer(FakeRenderer)


def test_a_cluster_that_is_not_there_is_refused(monkeypatch, cluster):
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    with pytest.raises(BlockweightError, match=r"'ray://127.0.0.1:9' does not answer"):
        RayRenderer(FakeRenderer, "ray://127.0.0.1:9")


def test_no_worker_survives_the_process_that_began_it(home):
    script = """
        import os, signal
        from blockweight.render import FakeRenderer
        from blockweight.render.cluster import RayRenderer
        if __name__ == "__main__":
            made = RayRenderer(FakeRenderer, cpus=1)
            print(made.actors[0].greeting.process, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    # Not in the test's own folder: the name of a socket may not be so long.
    with tempfile.TemporaryDirectory(prefix="bw-", ignore_cleanup_errors=True) as place:
        ended = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            env={**os.environ, "HOME": str(home), "TMPDIR": place},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    worker = int(ended.stdout)
    assert ended.returncode == -signal.SIGKILL
    wait(lambda: not psutil.pid_exists(worker))
