"""Whatever a WebUI does in the middle of a conversation: right pictures or a clear error, and nothing drawn twice."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import pytest
from contract_server import Webui, served
from sites import MIXED, far, place_in, rendered

from blockweight.errors import BlockweightError
from blockweight.render import Step
from blockweight.render.remote import Credentials, Server, ServerError, read_addresses
from blockweight.render.webui import WebuiRenderer

POINTS = (
    "options",
    "schedulers",
    "loras",
    "refresh-loras",
    "txt2img",
    "progress",
)
FAULTS = ("refused", "slow", "cut", "garbage", "401", "500", "restart")


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What an undisturbed WebUI draws."""
    place = place_in(tmp_path_factory.mktemp("right"))
    with place.site() as (_, renderer):
        return [one.picture for one in rendered(renderer, place.job(MIXED), place.job(0.5))]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("point", "later"), [*((point, 0) for point in POINTS), ("txt2img", 6), ("txt2img", 7)])
def test_a_server_that_fails_anywhere(place, right, point, fault, later):
    jobs = [place.job(MIXED), place.job(0.5)]
    with place.site(lends=True, wears=False) as (webui, _):
        renderer = place.renderer(webui, lends=True, longest=0.15)
        webui.faults[point] = [*[""] * later, fault]
        try:
            drawn = rendered(renderer, *jobs)
        except BlockweightError as error:
            assert "\n" not in str(error)
            assert len(str(error)) > 40
        else:
            assert all(far(one.picture, picture) == 0 for one, picture in zip(drawn, right, strict=True))
        for own in ("lbw=1,1,0.5,0,", "lbw=0.5,0.5,"):
            assert sum(own in body["prompt"] for body in webui.drawn) <= 1
        assert list(place.loras.iterdir()) == []


def test_after_a_fault_the_same_jobs_go_on(place, right):
    jobs = [place.job(MIXED), place.job(0.5)]
    with place.site() as (webui, renderer):
        renderer.check(jobs)
        webui.faults["txt2img"] = ["", "restart"]
        done = []
        with pytest.raises(ServerError, match="broke the connection off"):
            done.extend(renderer.render(jobs))
        first = next(iter(renderer.render(jobs)))
        (second,) = rendered(renderer, *jobs, finished={first.job.key})
    assert [far(one.picture, picture) for one, picture in zip((first, second), right, strict=True)] == [0, 0]


@pytest.mark.parametrize(
    ("tells", "sentence"),
    [
        (lambda text: text.replace("DPM++ 2M", "Euler"), "'Sampler' 'Euler' where 'DPM\\+\\+ 2M' was asked for"),
        (lambda text: text.replace("Karras", "Uniform"), "'Schedule type' 'Uniform' where 'Karras'"),
        (lambda text: text.replace("Model hash: ", "Model hash: 0"), "'Model hash'"),
        (lambda text: text.replace("Model hash", "Model digest"), "start it without --no-hashing"),
        (lambda text: text.replace("Seed: 1", "Seed: 7"), "'Seed' '7' where '1'"),
        (lambda text: f"{text}, Clip skip: 2", "'Clip skip' '2' where '1'"),
        (lambda text: f"masterpiece, {text}", "drew another prompt than was sent"),
        (lambda text: text.replace("\nNegative prompt: ", ", red hair\nNegative prompt: "), "drew another prompt"),
        (lambda text: text.replace("\nNegative prompt: ", "\nNegative prompt: lowres, "), "drew another prompt"),
        (lambda text: re.sub(r"CFG scale: [\d.]+", "CFG scale: 1", text), "'CFG scale' '1' where"),
        (lambda text: f"{text}, Hires upscale: 2", "'Hires upscale' '2' where '-'"),
        (lambda text: f"{text}, Variation seed strength: 0.9", "'Variation seed strength' '0.9' where '-'"),
        (lambda text: f"{text}, ENSD: 31337", "'ENSD' '31337' where '-'"),
        (lambda text: f"{text}, RNG: GPU", "'RNG' 'GPU' where 'CPU'"),
        (lambda text: text.replace("Lora hashes", "Lora names"), "drew without the LoRA 'hero'"),
        (lambda text: "", "drew with 'Steps'"),
    ],
)
def test_what_a_server_ignores_without_a_word_is_an_error(place, tells, sentence):
    with place.site(tells=tells) as (_, renderer), pytest.raises(BlockweightError, match=sentence):
        rendered(renderer, place.job(1.0))


def test_a_server_that_cannot_tell_its_flags_draws_as_ever(place, right):
    with place.site() as (webui, renderer):
        webui.faults["cmd-flags"] = ["500"] * 9
        (drawn,) = rendered(renderer, place.job(MIXED))
    assert far(drawn.picture, right[0]) == 0


def test_a_stop_interrupts_the_server_and_the_half_picture_is_thrown_away(place):
    steps = []

    class Stopped(Exception):
        pass

    def watch(step: Step) -> None:
        steps.append(step)
        if step.done >= 2:
            raise Stopped

    scene = replace(place.scene, steps=200)
    with place.site() as (webui, renderer):
        renderer.check([place.job(None, scene)])
        webui.step_seconds = 0.05
        with pytest.raises(Stopped):
            rendered(renderer, place.job(None, scene), watch=watch)
        assert webui.interrupted == 1
        assert webui.task is None
        assert (steps[-1].pictures, steps[-1].of) == (1, 200)
        webui.step_seconds = 0
        (whole,) = rendered(renderer, place.job(None, scene))
        assert whole.picture.mean() > 100


def test_a_stop_leaves_somebody_elses_picture_alone(place):
    def stop(_step: Step) -> None:
        raise KeyboardInterrupt

    with place.site(step_seconds=0.02) as (webui, renderer):
        renderer.check([place.job(None)])
        others = threading.Thread(target=webui.lock.acquire)  # whoever draws has it
        others.start()
        others.join()
        with pytest.raises(KeyboardInterrupt):
            rendered(renderer, place.job(None), watch=stop)
        assert webui.interrupted == 0
        webui.lock.release()


def test_without_tasks_the_progress_is_the_servers(place):
    steps = []
    scene = replace(place.scene, steps=12)
    with place.site(tasks=False, step_seconds=0.05) as (_webui, renderer):
        rendered(renderer, place.job(None, scene), watch=steps.append)
    assert any(0 < step.done < 12 for step in steps)
    assert steps[-1] == Step(1, 12, 12)


def test_a_password_is_asked_for_and_used(place):
    with served(Webui(place.loras, place.models, auth="ann:secret")) as webui:
        (address,) = read_addresses(f"webui+{webui.url}")
        with pytest.raises(ServerError, match="wants another user or password") as error:
            WebuiRenderer(address, Server(address)).check([place.job(None)])
        assert error.value.status == 401
        WebuiRenderer(address, Server(address, Credentials("ann", "secret"))).check([place.job(None)])


def test_what_a_server_has_is_asked_when_jobs_are_checked_and_not_for_every_picture(place):
    with place.site() as (webui, renderer):
        jobs = [place.job(MIXED), place.job(0.5)]
        renderer.check(jobs)
        before = len([path for path in webui.asked if path.endswith("samplers")])
        for job in jobs:
            rendered(renderer, job)
        assert len([path for path in webui.asked if path.endswith("samplers")]) == before == 1
