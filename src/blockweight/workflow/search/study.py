"""Optuna's part of a search: it proposes weights and is told what came of them. The one module that knows Optuna.

The study is Optuna's own, kept by its journal storage and not by its SQLite storage: a trial takes a dozen writes, of
which the one makes lines and the other transactions. `study_journal` writes the lines to a file of the project's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError
from blockweight.measure import Wish, free_wishes
from blockweight.workflow.search.space import DECIMALS, Point, Space

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

FILE = "optuna.journal"
"""The study's name in the search's folder."""

_NAME = "search"
_FOUND, _SET, _BATCH = "found", "set", "batch"
_MOST_SEED = 2**32
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AssertionError)
"""What Optuna raises over a file that is not its own."""


@dataclass(frozen=True)
class Draw:
    """How points are drawn: by which of `project.SAMPLERS`, by which seed, and how many trials there will be."""

    sampler: str
    seed: int
    trials: int


@dataclass(frozen=True)
class Proposal:
    """A trial that nobody has answered yet: its number in the study, which counts what a kill made void, and a weight
    for each segment."""

    number: int
    point: Point


@dataclass(frozen=True)
class Answer:
    """A trial with what was found by each wish. Its number counts those that were answered, from 0."""

    number: int
    point: Point
    found: tuple[float, ...]


class SearchStudy:
    """The study in a folder, begun or gone on with. What it proposes depends on the seed and on what it was told, not
    on how often it was stopped in between.

    BlockweightError if Optuna is not installed, and for a file that it cannot read.
    """

    def __init__(self, folder: Path, space: Space, wishes: Sequence[Wish], draw: Draw) -> None:
        self._space, self._wishes, self._draw = space, tuple(wishes), draw
        self._study, self._storage = _opened(folder / FILE, free_wishes(wishes))
        self._asked: dict[int, Trial] = {}
        told = self._study.user_attrs
        self._set: dict[str, list[float]] = told.get(_SET, {})
        self._begin, self._until = told.get(_BATCH, (0, 0))
        self._mend()

    @property
    def begun(self) -> bool:
        """Whether any points were set to be tried."""
        return bool(self._set)

    def set_next(self, points: Sequence[Point]) -> None:
        """Let the next proposals be these, the nearest of the space, each once."""
        near = dict.fromkeys(map(self._space.nearest, points))
        self._set |= {str(number): list(point) for number, point in enumerate(near, self._number())}
        self._study.set_user_attr(_SET, self._set)

    @property
    def latest(self) -> int | None:
        """The number of the first answer to what was proposed together last; None as long as answers lack, or nothing
        was proposed."""
        return self._begin if 0 < self._until == len(self._trials_in("COMPLETE")) else None

    def proposals(self, count: int) -> tuple[Proposal, ...]:
        """The next `count` trials, or those of the last call that nobody answered."""
        number = self._number()
        if not self._trials_in("RUNNING") and number >= self._until:
            self._begin, self._until = number, number + count
            self._study.set_user_attr(_BATCH, [self._begin, self._until])
        if number < self._until:
            # One seed for what is asked together: a sampler that goes on after a kill must not begin its numbers anew.
            self._study.sampler = self._sampler((self._draw.seed * 1_000_003 + number) % _MOST_SEED)
        for place in range(number, self._until):
            self._ask(place)
        return tuple(Proposal(trial.number, self._point(trial)) for trial in self._trials_in("RUNNING"))

    def answer(self, proposal: Proposal, found: Sequence[float]) -> None:
        """Tell what each wish came to."""
        trial = self._asked.get(proposal.number) or self._again(proposal.number)
        trial.set_user_attr(_FOUND, list(found))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a constraint that was set before a kill, to the same value
            for wish, value in zip(self._wishes, found, strict=True):
                if wish.bound is not None:
                    trial.set_constraint(wish.text, wish.broken(value) / wish.equal)
        values = [value for wish, value in zip(self._wishes, found, strict=True) if wish.bound is None]
        self._study.tell(proposal.number, values, skip_if_finished=True)

    def answers(self) -> tuple[Answer, ...]:
        """All trials that were answered, in their order."""
        return tuple(
            Answer(number, self._point(trial), tuple(trial.user_attrs[_FOUND]))
            for number, trial in enumerate(self._trials_in("COMPLETE"))
        )

    def _ask(self, place: int) -> None:
        if str(place) in self._set:
            self._study.enqueue_trial(self._params(self._set[str(place)]))
        trial = self._study.ask(self._distributions())
        self._join(trial)
        self._asked[trial.number] = trial

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import GPSampler, NSGAIISampler, TPESampler  # noqa: PLC0415 - an extra

        if self._draw.sampler == "gp":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that this may change: the tests would tell
                # The first points are set, and a picture is the same whenever it is rendered.
                return GPSampler(seed=seed, n_startup_trials=2, deterministic_objective=True)
        if self._draw.sampler == "nsga2":
            return NSGAIISampler(population_size=min(50, max(8, self._draw.trials // 12)), seed=seed)
        return TPESampler(seed=seed)

    def _distributions(self) -> dict[str, BaseDistribution]:
        from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415 - an extra

        made: BaseDistribution = FloatDistribution(*self._space.limits)
        if self._space.grid:
            made = IntDistribution(0, len(self._space.grid) - 1)
        return dict.fromkeys(self._space.segments, made)

    def _params(self, point: Sequence[float]) -> dict[str, float]:
        values = [self._space.grid.index(weight) for weight in point] if self._space.grid else point
        return dict(zip(self._space.segments, values, strict=True))

    def _point(self, trial: FrozenTrial) -> Point:
        values = [trial.params[name] for name in self._space.segments]
        if self._space.grid:
            return tuple(self._space.grid[value] for value in values)
        return tuple(round(value, DECIMALS) for value in values)

    def _mend(self) -> None:
        """Drop what a kill left of trials that are asked for together before the last of them was there; they are
        drawn again."""
        from optuna.trial import TrialState  # noqa: PLC0415 - an extra

        while self._trials_in("WAITING"):
            self._study.tell(self._study.ask(), state=TrialState.FAIL)
        running = self._trials_in("RUNNING")
        whole = all(len(trial.params) == len(self._space.segments) for trial in running)
        if running and not (whole and self._number() == self._until):
            for trial in running:
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _again(self, number: int) -> Trial:
        """A trial of before a kill, of which only what was found is still to be told."""
        from optuna import Trial  # noqa: PLC0415 - an extra

        study = self._storage.get_study_id_from_name(_NAME)
        trial = Trial(self._study, self._storage.get_trial_id_from_study_id_trial_number(study, number))
        self._join(trial)
        return trial

    def _join(self, trial: Trial) -> None:
        """Give a trial that was set its generation: it is no parent before it is asked what it would have been."""
        if self._draw.sampler == "nsga2":
            _ = trial.relative_params

    def _number(self) -> int:
        """How many trials were begun and not dropped."""
        return sum(len(self._trials_in(state)) for state in ("RUNNING", "COMPLETE"))

    def _trials_in(self, state: str) -> list[FrozenTrial]:
        from optuna.trial import TrialState  # noqa: PLC0415 - an extra

        return self._study.get_trials(deepcopy=False, states=(TrialState[state],))


def answers_in(folder: Path) -> int:
    """How many trials of the study in this folder were answered, whoever works on it; 0 without one."""
    path = folder / FILE
    if not path.is_file():
        return 0
    try:
        from optuna.storages import JournalStorage  # noqa: PLC0415 - an extra
        from optuna.trial import TrialState  # noqa: PLC0415 - an extra

        from blockweight.workflow.search.study_journal import LinesFile  # noqa: PLC0415 - needs the extra

        storage = JournalStorage(LinesFile(path))
        study = storage.get_study_id_from_name(_NAME)
        return storage.get_n_trials(study, TrialState.COMPLETE)
    except (ImportError, *_UNREADABLE):
        return 0


def _opened(path: Path, wishes: Sequence[Wish]) -> tuple[Study, BaseStorage]:
    try:
        import optuna  # noqa: PLC0415 - an extra
        from optuna.storages import JournalStorage  # noqa: PLC0415
        from optuna.study import StudyDirection  # noqa: PLC0415

        from blockweight.workflow.search.study_journal import LinesFile  # noqa: PLC0415
    except ImportError as error:
        raise BlockweightError(
            f'A search needs Optuna ({error}); install it with: pip install "blockweight[search]"'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    way = {"raise": StudyDirection.MAXIMIZE, "lower": StudyDirection.MINIMIZE}
    try:
        journal = LinesFile(path)
        journal.mend()
        storage = JournalStorage(journal)
        study = optuna.create_study(
            storage=storage, study_name=_NAME, directions=[way[wish.way] for wish in wishes], load_if_exists=True
        )
    except _UNREADABLE as error:
        raise BlockweightError(
            f"The search's file '{path}' cannot be read ({type(error).__name__}); delete it and run the same again: no "
            "picture is rendered twice."
        ) from error
    return study, storage
