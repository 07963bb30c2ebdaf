"""A cluster that runs already, if BLOCKWEIGHT_TEST_RAY names one on this machine, as in `ray://127.0.0.1:10001`."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from blockweight.errors import BlockweightError
from blockweight.plan import Checkpoint
from blockweight.render import FakeRenderer
from blockweight.render.cluster import RayRenderer
from workshop import SCENE, job, write_model

ADDRESS = os.environ.get("BLOCKWEIGHT_TEST_RAY", "")

pytestmark = pytest.mark.skipif(not ADDRESS, reason="BLOCKWEIGHT_TEST_RAY names no cluster")


def test_workers_of_a_cluster_that_runs_already_render(tmp_path):
    model = write_model(tmp_path / "model")
    scene = replace(SCENE, checkpoint=Checkpoint(str(model), "c" * 64))
    jobs = [job(None, replace(scene, seed=seed)) for seed in range(5)]
    cluster = RayRenderer(FakeRenderer, ADDRESS, 1)
    try:
        cluster.check(jobs)
        assert {each.job.key for each in cluster.render(jobs)} == {each.key for each in jobs}
    finally:
        cluster.close()


def test_more_than_a_cluster_has_is_refused_at_once():
    with pytest.raises(BlockweightError, match="processor cores for workers, not 9999"):
        RayRenderer(FakeRenderer, ADDRESS, 9999)
