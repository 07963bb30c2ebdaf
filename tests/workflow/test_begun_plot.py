"""A plot as a fact of the project: rendered with stops, given up, gone on with, shown and taken away."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from functools import partial

import pytest
from projects import after, make

from blockweight.errors import BlockweightError
from blockweight.project import PLOT_PLANNED, plot_body
from blockweight.render import FakeRenderer
from blockweight.render.remote import Server
from blockweight.workflow import tuning as acts
from blockweight.workflow.plots.begun import (
    begin_plot,
    cancel_plot,
    current_plot,
    plot_download,
    render_plot,
    resume_plot,
)
from blockweight.workflow.plots.builder import TypedBuilder, TypedChip
from blockweight.workflow.plots.view import plot_page, plots_view
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.settings import Settings, save_settings


@pytest.fixture
def tuning(tmp_path, locon, model):
    with make(tmp_path / "project", locon, model) as tuning:
        yield tuning


def typed(steps="2,4", **more):
    return TypedBuilder(((TypedChip("steps", steps),), (TypedChip("weights", "no LoRA\ncurrent"),), ()), **more)


def begin(tuning, **more):
    return begin_plot(tuning, typed(**more)).plots[-1].number


def render(tuning, stopped=lambda: False):
    return render_plot(tuning, FakeRenderer, SilentProgress(), stopped)


def test_a_plot_goes_on_after_a_stop_and_leaves_its_folder(tuning):
    number = begin(tuning)
    assert render(tuning, after(tuning, 3)).left == 5
    assert plots_view(tuning)["shown"]["cost"]["finished"] == 3
    assert render(tuning).left == 0
    assert plots_view(tuning, number)["shown"]["folder"] == "plot-01"
    assert (tuning.folder / "plot-01" / "plot.html").is_file()


def test_what_is_tuned_meanwhile_changes_nothing(tuning):
    begin(tuning)
    before = [job.key for page in current_plot(tuning.state()).jobs for row in page for job in row]
    acts.set_weights(tuning, "INS")
    render(tuning)
    assert all(tuning.project.pictures.find(key) for key in before)


def test_a_plot_outlives_the_program(tuning):
    begin(tuning)
    begun = tuning.state().plots[0]
    (event,) = tuning.project.log.read(PLOT_PLANNED)
    assert begun.jobs[0][0][0].scene.steps == 2
    assert str(tuning.folder.parent) not in str({**event.body, "places": {}})


def test_the_same_is_not_begun_twice(tuning):
    assert begin(tuning) == begin(tuning)
    render(tuning)
    assert len(tuning.state().plots) == 1


def test_one_that_was_given_up_is_gone_and_may_be_begun_again(tuning):
    first = begin(tuning)
    cancel_plot(tuning, first)
    assert plots_view(tuning)["plots"] == []
    with pytest.raises(BlockweightError, match="No plot is begun"):
        render(tuning)
    assert begin(tuning) > first


def test_an_earlier_one_can_be_gone_on_with(tuning):
    first, second = begin(tuning), begin(tuning, steps="6,8")
    resume_plot(tuning, first)
    assert current_plot(tuning.state()).number == first
    render(tuning)
    shown = {plot["number"]: plot["complete"] for plot in plots_view(tuning)["plots"]}
    assert shown == {first: True, second: False}
    with pytest.raises(BlockweightError, match="nothing to go on with"):
        resume_plot(tuning, first)


def test_a_complete_one_cannot_be_given_up(tuning):
    number = begin(tuning)
    render(tuning)
    with pytest.raises(BlockweightError, match="complete"):
        cancel_plot(tuning, number)


def test_the_page_shows_what_there_is_and_waits_for_the_rest(tuning):
    number = begin(tuning, title="A <b> title")
    render(tuning, after(tuning, 3))
    page = plot_page(tuning, number, "/pictures", "ja")
    assert 'lang="ja"' in page
    assert page.count('"/pictures/') == 8
    assert "<b>" not in page
    assert str(tuning.folder) not in page


def test_a_plot_is_taken_away_as_a_picture_or_a_document(tuning):
    number = begin(tuning)
    with pytest.raises(BlockweightError, match="not complete"):
        plot_download(tuning, number, "png")
    render(tuning)
    assert [plot_download(tuning, number, each).name for each in ("png", "webp", "pdf")] == [
        "plot.png", "plot.webp", "plot.pdf",
    ]  # fmt: skip


def test_several_pages_come_as_one_zip(tuning, monkeypatch):
    monkeypatch.setattr("blockweight.report.plot_sheets.MOST_SIDE", 700)
    number = begin(tuning, steps="1-12")
    render(tuning)
    with zipfile.ZipFile(plot_download(tuning, number, "png")) as pages:
        assert len(pages.namelist()) > 1


def test_a_file_that_changed_is_not_taken_for_the_plots(tuning, locon):
    begin(tuning)
    locon.write_bytes(b"another")
    with pytest.raises(BlockweightError):
        render(tuning)


def test_a_plot_is_not_rendered_by_a_server_that_the_settings_do_not_name(tuning, monkeypatch):
    monkeypatch.setattr("blockweight.render.webui.renderer.Server", partial(Server, pauses=()))
    address = "webui+http://127.0.0.1:1"
    begin(tuning)
    planned = tuning.log.state().plots[-1]
    body = plot_body("", "en", (planned.x, planned.y, planned.z), named(planned.jobs, address))
    tuning.log.add(PLOT_PLANNED, lambda _: {**body, "places": {}})
    with pytest.raises(BlockweightError, match="which your settings do not name"):
        render(tuning)
    save_settings(Settings(renderer=address))
    with pytest.raises(BlockweightError, match="cannot be reached"):
        render(tuning)


def named(jobs, renderer):
    """The plot's jobs, drawn by another renderer."""
    return tuple(
        tuple(tuple(replace(job, scene=replace(job.scene, renderer=renderer)) for job in row) for row in page)
        for page in jobs
    )
