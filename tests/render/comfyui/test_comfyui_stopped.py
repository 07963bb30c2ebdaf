"""Stopping in mid-picture: our own workflow is called off, and nobody else's."""

from __future__ import annotations

import threading

import pytest
from comfyui_jobs import job, renderer_for

from blockweight.render import unwatched


class Stopped(Exception):
    pass


def stopping_at(done):
    def watch(step):
        if step.done >= done:
            raise Stopped

    return watch


def wait_for_interrupt(comfyui):
    """Let the third step wait for it."""
    come = threading.Event()
    comfyui.interrupts = Told(come)
    comfyui.at_step = lambda _prompt, step: come.wait(60) if step == 3 else None


class Told(list):
    def __init__(self, come):
        self.come = come

    def append(self, told):
        super().append(told)
        self.come.set()


def test_a_picture_at_work_is_interrupted_by_its_name(comfyui, renderer, use):
    wait_for_interrupt(comfyui)
    with pytest.raises(Stopped):
        list(renderer.render([job(use)], watch=stopping_at(2)))
    (posted,) = comfyui.posted
    assert comfyui.interrupts == [{"prompt_id": posted["prompt_id"]}]
    assert not comfyui.drawn


def test_a_picture_that_waits_is_taken_out_of_the_queue_and_the_one_at_work_goes_on(comfyui, renderer, use):
    somebody = ["1", "somebody-elses", {}, {}, []]
    comfyui.life.running.append(somebody)
    comfyui.holds = True
    with pytest.raises(Stopped):
        list(renderer.render([job(use)], watch=stopping_at(0)))
    with pytest.raises(Stopped):
        list(renderer.render([job(use)], watch=Patience(30)))
    assert comfyui.deleted == [posted["prompt_id"] for posted in comfyui.trials + comfyui.posted]
    assert comfyui.life.running == [somebody]
    assert not comfyui.life.waiting and not comfyui.interrupts and not comfyui.drawn


class Patience:
    """Stops when it was asked so many times."""

    def __init__(self, times):
        self.times = times

    def __call__(self, _step):
        self.times -= 1
        if not self.times:
            raise Stopped


def test_the_next_picture_after_a_stop_is_drawn_whole(comfyui, renderer, use):
    (right,) = renderer_for(comfyui).render([job(use)])
    wait_for_interrupt(comfyui)
    with pytest.raises(Stopped):
        list(renderer.render([job(use, 0.5)], watch=stopping_at(2)))
    (again,) = renderer.render([job(use)], watch=unwatched)
    assert (again.picture == right.picture).all()


def test_who_stops_asking_for_pictures_leaves_nothing_behind(comfyui, renderer, use):
    pictures = renderer.render([job(use), job(use, 0.5)])
    next(pictures)
    pictures.close()
    assert len(comfyui.posted) == len(comfyui.drawn) == 1
