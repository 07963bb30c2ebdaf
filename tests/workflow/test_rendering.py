"""Pictures of several renderers in one project."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from blockweight.errors import BlockweightError
from blockweight.project import Project
from blockweight.render import Capabilities, Failure, FakeRenderer, Rendering, RenderingError
from blockweight.workflow import rendering
from blockweight.workflow.rendering import render_missing_of
from blockweight.workflow.tuning_rounds import cost_of
from workshop import SCENE, job


class Inverting(FakeRenderer):
    """Its pictures are the fake one's in negative."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, arithmetic="negative")

    def render(self, jobs, finished=(), watch=lambda _: None) -> Iterator[Rendering]:
        for made in super().render(jobs, finished, watch):
            yield replace(made, picture=255 - made.picture)


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path / "project") as opened:
        yield opened


@pytest.fixture
def others(monkeypatch):
    """Renderers by name."""
    found = {"negative": Inverting()}
    monkeypatch.setattr(rendering, "renderer_named", found.__getitem__)
    return found


OWN = job()
NAMED = job(scene=replace(SCENE, renderer="negative"))


def test_each_picture_comes_from_the_renderer_that_its_scene_names(project, others):
    made = {each.job.key for each in render_missing_of(project, FakeRenderer, [NAMED, OWN])}
    assert made == {OWN.key, NAMED.key}
    assert np.array_equal(project.picture(NAMED), 255 - project.picture(OWN))


def test_a_renderer_with_nothing_to_do_is_not_made(project, others):
    list(render_missing_of(project, FakeRenderer, [OWN, NAMED]))
    assert list(render_missing_of(project, pytest.fail, [OWN, NAMED])) == []


def test_nothing_is_rendered_if_one_of_the_renderers_cannot(project, others):
    def refuse(_jobs):
        raise BlockweightError("It is off.")

    others["negative"].check = refuse
    own = FakeRenderer()
    with pytest.raises(BlockweightError, match="off"):
        list(render_missing_of(project, lambda: own, [OWN, NAMED]))
    assert own.rendered == []


def test_a_renderer_that_fails_keeps_no_other_from_its_pictures(project, others):
    def fail(jobs, _finished, _watch):
        yield from ()
        raise RenderingError([Failure(each, "It is gone.") for each in jobs])

    others["negative"].render = fail
    with pytest.raises(RenderingError, match="gone"):
        list(render_missing_of(project, FakeRenderer, [NAMED, OWN]))
    assert project.missing([NAMED, OWN]) == [NAMED]


def test_a_stop_at_the_first_renderer_ends_all_of_them(project, others):
    jobs = [OWN, job(scene=replace(SCENE, seed=2)), NAMED]
    one = FakeRenderer()
    found = list(render_missing_of(project, lambda: one, jobs, lambda: bool(one.rendered)))
    assert found == [] and len(project.missing(jobs)) == 3
    assert others["negative"].rendered == []


def test_another_arithmetic_is_refused_of_each_renderer_by_itself(project, others):
    list(render_missing_of(project, FakeRenderer, [NAMED, OWN]))
    others["negative"] = FakeRenderer()
    later = job(scene=replace(NAMED.scene, seed=2))
    with pytest.raises(BlockweightError, match="negative"):
        list(render_missing_of(project, FakeRenderer, [later]))
    list(render_missing_of(project, FakeRenderer, [job(scene=replace(SCENE, seed=2))]))


def test_what_a_picture_costs_is_told_by_its_renderer(project, others):
    slow = job(scene=replace(SCENE, seed=2, renderer="negative"))
    list(render_missing_of(project, lambda: FakeRenderer(0.25), [OWN, job(scene=replace(SCENE, seed=3))]))
    assert cost_of(project, [OWN, slow]).seconds is None
    assert cost_of(project, [OWN, job(scene=replace(SCENE, seed=4))]).seconds == 0.25
    list(render_missing_of(project, FakeRenderer, [NAMED]))
    assert cost_of(project, [OWN, slow]).seconds == 0.0
