"""Names of clusters and of several servers."""

from __future__ import annotations

from functools import partial

import pytest

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.render import cluster
from blockweight.render.pool import PoolRenderer
from blockweight.render.remote import Server
from blockweight.workflow.renderers import AT_ONCE, check_renderer, check_server, chosen_renderer, renderer_named
from blockweight.workflow.settings import Settings, save_settings
from workshop import job

SEVERAL = "webui+http://127.0.0.1:1,webui+http://127.0.0.1:2"


@pytest.fixture
def begun(monkeypatch):
    """What clusters were asked for, none of which is begun."""
    asked = []

    def begin(make, address, cpus, tell):
        asked.append((make.args, address, cpus))
        return asked

    monkeypatch.setattr(cluster, "RayRenderer", begin)
    return asked


@pytest.mark.parametrize(
    ("name", "address", "cpus"),
    [
        ("ray", None, None),
        ("ray:12", None, 12),
        ("ray://gpu.local:10001", "ray://gpu.local:10001", None),
        ("ray://[::1]:10001?cpus=4", "ray://[::1]:10001", 4),
    ],
)
def test_a_name_says_which_cluster_renders_and_on_what(begun, name, address, cpus):
    save_settings(Settings(precision="bf16"))
    check_renderer(name)
    renderer_named(name)
    assert begun == [((AT_ONCE, "cpu" if cpus else "", "bf16"), address, cpus)]


@pytest.mark.parametrize(
    "name", ["ray:", "ray:0", "ray:x", "ray://", "ray://host", "ray://host:1?cpus=0", "ray://me@host:1", "ray:2,ray:2"]
)
def test_a_cluster_that_cannot_be_is_refused(name):
    for check in (check_renderer, check_server, renderer_named):
        with pytest.raises(BlockweightError, match="There is no cluster"):
            check(name)


def test_the_settings_may_choose_a_cluster():
    check_server("ray:2")
    save_settings(Settings(renderer="ray:2"))
    assert chosen_renderer() == "ray:2"


def test_several_servers_are_one_pool():
    check_renderer(SEVERAL)
    assert isinstance(renderer_named(SEVERAL), PoolRenderer)


def test_several_servers_that_do_not_answer_are_told(monkeypatch):
    monkeypatch.setattr("blockweight.render.webui.renderer.Server", partial(Server, pauses=()))
    with pytest.raises(UnavailableError, match=r"None of the workers answers; of the first: .*127\.0\.0\.1:1"):
        renderer_named(SEVERAL).check([job()])
