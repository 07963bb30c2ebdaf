"""Pictures of a project, each by the renderer that its scene names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from blockweight.plan import Job
from blockweight.project import Project
from blockweight.render import Failure, Renderer, Rendering, RenderingError, Watch, unwatched
from blockweight.workflow.renderers import renderer_named


def render_missing_of(
    project: Project,
    make_renderer: Callable[[], Renderer],
    jobs: Sequence[Job],
    stopped: Callable[[], bool] = lambda: False,
    watch: Watch = unwatched,
) -> Iterator[Rendering]:
    """Render what is missing, as `Project.render`: the jobs of scenes that name a renderer (`Scene.renderer`) by that
    one, all others by the one that `make_renderer` makes. Every renderer with something to do is made and asked
    whether it can before the first begins; one that fails at a picture does not keep the others from theirs."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.scene.renderer, []).append(job)
    makers = {name: make_renderer() if not name else renderer_named(name) for name, group in groups.items()
              if project.missing(group)}  # fmt: skip
    if len(makers) > 1:
        for name, renderer in makers.items():
            renderer.check(project.missing(groups[name]))
    failures: list[Failure] = []
    for name in tuple(makers):
        renderer = makers.pop(name)  # which takes its models along before the next one loads its own
        try:
            yield from project.render(renderer, groups[name], stopped, watch)
        except RenderingError as error:
            failures += error.failures
    if failures:
        raise RenderingError(failures)
