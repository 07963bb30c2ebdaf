"""What an analysis would cost in a project, and be able to tell, before it is begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from blockweight.errors import BlockweightError
from blockweight.project import Project
from blockweight.render import Renderer
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.bench import Bench, Paused
from blockweight.workflow.analysis.budget import Method, able_to_tell
from blockweight.workflow.analysis.costs import in_pictures
from blockweight.workflow.analysis.methods import METHODS, find, planned_jobs, sure_jobs, work_of
from blockweight.workflow.analysis.pairs import pair_count
from blockweight.workflow.progress import SilentProgress
from blockweight.workflow.tuning_rounds import Cost, cost_of, with_further
from blockweight.workflow.tuning_text import cost_facts, cost_text


@dataclass(frozen=True)
class Estimated:
    """A method in so many scenes, its cost, and what it will be able to tell."""

    method: Method
    scenes: int
    cost: Cost
    tells: str

    def lines(self) -> Iterator[str]:
        """For people."""
        scenes = f"{self.scenes} scene{'' if self.scenes == 1 else 's'}"
        yield f"{METHODS[self.method]} in {scenes}: {cost_text(self.cost)}"
        yield self.tells

    def facts(self) -> dict[str, object]:
        """As plain values."""
        return {"method": self.method, "scenes": self.scenes, "cost": cost_facts(self.cost), "tells": self.tells}


def estimated(project: Project, ask: AnalysisAsk, method: Method) -> Estimated:
    """What this takes in the project, less what is there."""
    cost = pictures_cost(project, ask, method)
    if method == "eba":
        cost = with_further(project, cost, pair_count(min(ask.pairs, len(ask.blocks)), len(ask.scenes)))
    if cost.asked and cost.finished == cost.pictures and _is_answered(project, ask, method):
        cost = Cost(cost.pictures, cost.finished, 0.0)
    return Estimated(method, len(ask.scenes), cost, able_to_tell(method, len(ask.scenes), aims=bool(ask.aims)))


def pictures_cost(project: Project, ask: AnalysisAsk, method: Method | str) -> Cost:
    """The pictures that are wanted in any case, those that are there of the others, and what asking the model takes, as
    pictures; those of pairs are left out but of what it takes at most."""
    sure, work = sure_jobs(ask, method), work_of(ask, method)
    keys = {job.key for job in sure}
    planned = planned_jobs(ask, method)
    jobs = [job for job in planned if job.key in keys or project.pictures.path(job).is_file()]
    cost = cost_of(project, jobs, in_pictures(ask, work))
    return cost if len(keys) == len({job.key for job in planned}) else replace(cost, most=work.pictures)


class _Asked(Exception):  # noqa: N818 - no error: it is the answer
    """A renderer is wanted."""


def _is_answered(project: Project, ask: AnalysisAsk, method: Method) -> bool:
    """Whether all that the model would be asked was asked before."""

    def wanted() -> Renderer:
        raise _Asked

    try:
        find(ask, method, Bench(project, wanted, SilentProgress()))
    except (_Asked, Paused, BlockweightError):  # the last if another program renders the project now
        return False
    return True
