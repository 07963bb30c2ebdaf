"""A server that fails at each point of a conversation: right pictures or a clear error, nothing drawn twice."""

from __future__ import annotations

import pytest
from comfyui_jobs import job, renderer_for
from websockets.exceptions import WebSocketException

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import LoraUse
from blockweight.project import Project
from blockweight.render import RenderingError
from blockweight.render.comfyui.events import Events
from blockweight.render.remote import Credentials, ServerError
from rude_server import answer, rude_server
from workshop import write_lora_file

PASSING = [
    "GET /models/loras",
    "POST /upload/image",
    "GET /history",
    "GET /view",
    "GET /queue",
    "GET /internal/logs/raw",
]


@pytest.fixture
def use(tmp_path):
    """A LoRA of three blocks."""
    path = write_lora_file(tmp_path / "few.safetensors", ["BASE", "IN01", "M00"])
    return LoraUse(str(path), open_lora(path).digest)


@pytest.fixture
def right(comfyui, use):
    """The picture that a server without faults gives."""
    (rendering,) = renderer_for(comfyui).render([job(use, 0.5)])
    comfyui.drawn.clear()
    comfyui.posted.clear()
    return rendering.picture


def drawn(renderer, use, weights=0.5):
    (rendering,) = renderer.render([job(use, weights)])
    return rendering.picture


@pytest.mark.parametrize("fault", ["cut", "lost", 503])
@pytest.mark.parametrize("path", PASSING)
def test_what_is_cut_off_once_is_asked_again(comfyui, use, right, path, fault):
    comfyui.restart()
    comfyui.loras.clear()
    comfyui.faults[path] = [fault]
    assert (drawn(renderer_for(comfyui), use) == right).all()
    assert len(comfyui.drawn) == 1


@pytest.mark.parametrize("fault", ["cut", "lost"])
def test_a_workflow_whose_answer_is_cut_off_is_drawn_once(comfyui, renderer, use, right, fault):
    comfyui.faults["POST /prompt"] = [fault]
    assert (drawn(renderer, use) == right).all()
    assert len(comfyui.posted) == len(comfyui.drawn) == 1


@pytest.mark.parametrize("path", ["GET /system_stats", "GET /object_info"])
@pytest.mark.parametrize(
    ("fault", "reason"), [(401, "wants another user"), (500, r"failed \(500"), ("garbage", "no JSON")]
)
def test_before_work_starts_an_odd_answer_is_a_clear_error(comfyui, renderer, use, path, fault, reason):
    comfyui.faults[path] = [fault] * 9
    with pytest.raises(ServerError, match=reason):
        renderer.check([job(use)])
    assert not comfyui.posted


@pytest.mark.parametrize(
    "path", ["GET /models/loras", "POST /upload/image", "POST /prompt", "GET /history", "GET /view"]
)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [(401, "wants another user"), (500, "failed|refused|500"), ("garbage", "no JSON|no picture"), ("cut", "broke the")],
)
def test_while_it_draws_an_odd_answer_is_a_clear_error(comfyui, renderer, use, path, fault, reason):
    comfyui.faults[path] = [fault] * 99
    with pytest.raises(BlockweightError, match=reason):
        drawn(renderer, use)
    assert len(comfyui.drawn) <= 1
    comfyui.faults.clear()
    assert drawn(renderer, use, 0.25).shape == (64, 64, 3)


def test_a_server_that_is_not_there_is_a_clear_error(comfyui, use):
    renderer = renderer_for(comfyui)
    renderer.check([job(use)])
    comfyui.close()
    with pytest.raises(ServerError, match="cannot be reached"):
        drawn(renderer, use)
    comfyui.restart()
    assert drawn(renderer, use).shape == (64, 64, 3)


def test_without_a_websocket_the_history_tells(comfyui, use, right):
    comfyui.sockets_open = False
    assert (drawn(renderer_for(comfyui), use) == right).all()
    assert len(comfyui.drawn) == 1


def test_a_websocket_that_is_sent_elsewhere_does_not_go_there():
    with rude_server() as elsewhere:
        led = answer("", "307 Temporary Redirect", f"Location: {elsewhere.url}/ws")
        with rude_server(led) as server, pytest.raises(WebSocketException, match="it answered 307"):
            Events(server.url, "client", Credentials("ann", "secret"))
        assert not elsewhere.asked


def test_a_websocket_that_breaks_in_mid_picture_costs_nothing(comfyui, renderer, use, right):
    comfyui.restart()
    comfyui.at_step = lambda _prompt, step: comfyui.hang_up() if step == 2 else None
    assert (drawn(renderer, use) == right).all()
    assert len(comfyui.posted) == len(comfyui.drawn) == 1


def test_a_server_that_starts_anew_in_mid_picture_is_asked_again(comfyui, renderer, use, right):
    comfyui.restart()
    lives = []

    def once(_prompt, step):
        if step == 2 and not lives:
            lives.append(comfyui.life)
            comfyui.restart()

    comfyui.at_step = once
    assert (drawn(renderer, use) == right).all()
    assert (len(comfyui.posted), len(comfyui.drawn)) == (2, 1)


def test_a_server_that_starts_anew_every_time_is_given_up(comfyui, renderer, use):
    def always(_prompt, step):
        if step == 1:
            comfyui.restart()

    comfyui.at_step = always
    with pytest.raises(RenderingError, match="forgot the picture 3 times"):
        drawn(renderer, use)
    assert not comfyui.drawn


def test_a_node_that_fails_is_told_and_the_others_are_drawn(comfyui, renderer, use):
    jobs = [job(use), job(use, 0.5)]
    comfyui.at_step = lambda _prompt, _step: comfyui.failing.pop("VAEDecode", None) if len(comfyui.posted) > 1 else None
    comfyui.failing = {"VAEDecode": {}}
    made = []
    with pytest.raises(RenderingError, match=r"failed at the node 'decoded' \(VAEDecode\): it fails; look") as told:
        made.extend(renderer.render(jobs))
    assert [rendering.job for rendering in made] == jobs[1:]
    assert len(told.value.failures) == 1


def test_too_little_memory_is_told_as_such(comfyui, renderer, use):
    comfyui.failing = {"KSampler": {"exception_type": "torch.OutOfMemoryError"}}
    with pytest.raises(RenderingError, match="does not fit into the memory of ComfyUI's device"):
        drawn(renderer, use)


def test_somebody_elses_stop_is_told_as_such(comfyui, renderer, use):
    def stop(_prompt, step):
        if step == 2:
            comfyui.life.interrupted = "everybody"

    comfyui.at_step = stop
    with pytest.raises(RenderingError, match="Somebody stopped the picture in ComfyUI"):
        drawn(renderer, use)


def test_a_workflow_that_is_refused_after_all_names_the_node(comfyui, renderer, use):
    first, second = renderer.render([job(use), job(use, 0.5)]), None
    next(first)
    comfyui.models["checkpoints"] = ["other.safetensors"]
    with pytest.raises(
        RenderingError, match=r"node 'checkpoint' \(CheckpointLoaderSimple\): Value not in list \(ckpt_name"
    ):
        second = next(first)
    assert second is None


def test_a_workflow_that_is_taken_in_part_is_called_off(comfyui, renderer, use):
    error = {"type": "odd", "message": "Odd thing", "details": "", "extra_info": {}}
    comfyui.node_errors = {"9": {"errors": [error], "dependent_outputs": ["9"], "class_type": "SaveImage"}}
    with pytest.raises(RenderingError, match=r"left a part of the workflow out: the node '9' \(SaveImage\): Odd thing"):
        drawn(renderer, use)


def test_errors_of_nodes_that_are_no_list_are_not_read(comfyui, renderer, use):
    comfyui.node_errors = {"1": {"errors": 5}}
    assert drawn(renderer, use).shape == (64, 64, 3)


def test_after_a_server_has_gone_the_same_project_goes_on(comfyui, use, tmp_path):
    jobs = [job(use, weight / 4) for weight in range(4)]
    comfyui.faults["GET /view"] = [None, None, *["cut"] * 3]
    with Project(tmp_path / "project") as project:
        with pytest.raises(ServerError, match="broke the connection off"):
            list(project.render(renderer_for(comfyui), jobs))
        assert len(list(project.render(renderer_for(comfyui), jobs))) == 2
    # The picture that was not fetched is drawn again.
    assert len(comfyui.drawn) == 5


def test_credentials_go_with_every_request_and_are_not_told(comfyui, use, monkeypatch):
    comfyui.password = "ann:secret"
    with pytest.raises(ServerError, match="set BLOCKWEIGHT_COMFYUI_AUTH") as told:
        renderer_for(comfyui).check([job(use)])
    monkeypatch.setenv("BLOCKWEIGHT_COMFYUI_AUTH", "ann:wrong-secret")
    with pytest.raises(ServerError) as wrong:
        renderer_for(comfyui).check([job(use)])
    assert "secret" not in str(told.value) + str(wrong.value)
    monkeypatch.setenv("BLOCKWEIGHT_COMFYUI_AUTH", "ann:secret")
    steps = []
    (rendering,) = renderer_for(comfyui).render([job(use)], watch=steps.append)
    assert {step.done for step in steps} >= {1, 2, 3, 4}  # told over the WebSocket
    assert rendering.picture.shape == (64, 64, 3)
