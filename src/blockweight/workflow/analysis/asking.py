"""Asking a model scene by scene, with progress, in such a way that it can be stopped and goes on later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from blockweight.plan import Job
from blockweight.render import Renderer, Step, Watch
from blockweight.workflow.analysis.answers import Answers, Arrays
from blockweight.workflow.analysis.bench import Bench, Paused

Ask = Callable[[Renderer, Sequence[int], Watch], Iterator[Arrays]]
"""Given a renderer and the places of the questions that are open: their answers, in order."""


def answered(bench: Bench, title: str, keys: Sequence[str], jobs: Sequence[Job], ask: Ask) -> list[Arrays]:
    """The answers to questions by their `keys`: those that the project has, and the others by `ask`, each kept as it
    comes. `jobs` are what the renderer has to be able to draw. Paused if it is stopped before all are there."""
    kept = Answers(bench.project.folder)
    found = {place: answer for place, key in enumerate(keys) if (answer := kept.load(key)) is not None}
    if len(found) < len(keys):
        with bench.project.alone():
            _ask_missing(bench, title, keys, jobs, ask, found)
    return [found[place] for place in range(len(keys))]


def _ask_missing(
    bench: Bench, title: str, keys: Sequence[str], jobs: Sequence[Job], ask: Ask, found: dict[int, Arrays]
) -> None:
    renderer, kept = bench.renderer, Answers(bench.project.folder)
    renderer.check(jobs)
    arithmetic = renderer.capabilities.arithmetic
    same: Mapping[int, Arrays | None] = {place: kept.load(keys[place], arithmetic) for place in found}
    found.clear()
    found.update({place: answer for place, answer in same.items() if answer is not None})
    missing = [place for place in range(len(keys)) if place not in found]

    with bench.progress.track(title, len(keys), len(found)) as bar:

        def watch(step: Step) -> None:
            if bench.stopped():
                raise Paused
            bar.step(Step(1, step.done, step.of))

        answers = ask(renderer, missing, watch)
        for place in missing:
            if bench.stopped():
                raise Paused
            found[place] = next(answers)
            kept.save(keys[place], found[place], arithmetic)
            bar.advance()
