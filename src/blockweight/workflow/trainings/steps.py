"""A comparison of trainings from one command: what it would cost, or the whole of it with its files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from blockweight.plan import Job
from blockweight.project import LOG, Project
from blockweight.render import Renderer
from blockweight.workflow.plots.drawing import PlotLook, draw_plot, plot_cost
from blockweight.workflow.plots.planning import plan_plot
from blockweight.workflow.progress import Progress
from blockweight.workflow.round_steps import Told
from blockweight.workflow.trainings.asked import (
    Pair,
    SceneAsk,
    Side,
    bleeding,
    job_rows,
    plot_of,
    read_scenes,
    sides_of,
)
from blockweight.workflow.trainings.measuring import change_of, measure_blocks, measure_pictures
from blockweight.workflow.trainings.page import write_comparison
from blockweight.workflow.trainings.series import PLAIN, Series
from blockweight.workflow.trainings.text import Compared, Sides, compared_facts, compared_lines
from blockweight.workflow.tuning_rounds import seconds_each
from blockweight.workflow.tuning_text import cost_text, duration

WEIGHTS_AND_RATES = Sides("block weights", "block rates")
PLAIN_AND_WEIGHTED = Sides("plain captions", "weighted captions")


@dataclass(frozen=True)
class ComparisonAsk:
    """The trainings, what of them is compared with what, in which scenes, and what that is called."""

    series: Series
    pairs: tuple[Pair, ...]
    scenes: SceneAsk
    called: Sides
    title: str
    look: PlotLook

    @property
    def plain(self) -> Side:
        """The plain LoRA as it is."""
        return Side(PLAIN, self.series.file(PLAIN))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The columns beside the pictures without the LoRA."""
        return sides_of(self.pairs, self.plain)


def estimate(ask: ComparisonAsk, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    """What it would cost, by a picture on trial where none was rendered yet; nothing is begun."""
    settings = read_scenes(ask.scenes)
    cost = ask.series.estimate(progress)
    pictures = len(settings) * (1 + len(ask.sides))
    trained = [side for side in ask.sides if side.lora.is_file()]
    planned = plan_plot(plot_of(settings, trained, ask.title), ask.scenes.resolver)
    with ExitStack() as stack:
        begun = (ask.series.folder / LOG).is_file()
        folder = ask.series.folder if begun else Path(stack.enter_context(TemporaryDirectory()))
        project = stack.enter_context(Project(folder))
        done, each = plot_cost(planned, project).finished, seconds_each(project)
    if each is None:
        each = _trial(planned.jobs[0][0][0], make_renderer, progress)
    seconds = each * (pictures - done)
    facts = {
        "trainings": cost.facts(),
        "pictures": pictures,
        "pictures_done": done,
        "seconds_a_picture": each,
        "pictures_seconds_to_go": seconds,
    }
    there = f", {done} of them rendered" if done else ""
    line = f"{_pictures_line(pictures, len(settings))}{there}; about {duration(seconds)} to go ({each:.2f} s each)"
    return Told(facts, (*cost.lines(), line))


def _trial(job: Job, make_renderer: Callable[[], Renderer], progress: Progress) -> float:
    """How many seconds a picture takes."""
    with progress.track("a picture on trial", 2) as bar:
        renderer, seconds = make_renderer(), 0.0
        for _ in range(2):  # the first also prepares
            seconds = sum(rendering.seconds for rendering in renderer.render([job]))
            bar.advance()
    return seconds


def run(ask: ComparisonAsk, make_renderer: Callable[[], Renderer], progress: Progress) -> Told:
    """Train what is missing, render, measure, and write the plot, the tables and a page; after a stop the same again
    goes on."""
    settings, sides = read_scenes(ask.scenes), ask.sides
    progress.say(_pictures_line(len(settings) * (1 + len(sides)), len(settings)))
    ask.series.train(progress, make_renderer)
    planned = plan_plot(plot_of(settings, sides, ask.title), ask.scenes.resolver)
    with Project(ask.series.folder) as project:
        progress.say(f"Pictures: {cost_text(plot_cost(planned, project))}")
        drawn = draw_plot(planned, project, make_renderer, progress, ask.look)
        rows = job_rows(planned.jobs[0], sides)
        compared = Compared(
            ask.called,
            change_of(ask.plain, settings, rows, project.picture),
            measure_pictures(ask.pairs, settings, rows, bleeding(ask.scenes.colour), project.picture),
            measure_blocks(ask.pairs, progress),
        )
        files = [
            *drawn.files,
            *write_comparison(ask.series.folder, ask.title, compared, settings, rows, project.picture),
        ]
    return Told(
        {**compared_facts(compared), "loras": _loras(ask.series), "files": [str(file) for file in files]},
        (*compared_lines(compared), "", *(f"written: {file}" for file in files)),
    )


def _loras(series: Series) -> dict[str, str]:
    return {name: str(series.file(name)) for name in series.asks}


def _pictures_line(pictures: int, scenes: int) -> str:
    return f"Pictures: {pictures}, in {scenes} scene{'' if scenes == 1 else 's'}"
