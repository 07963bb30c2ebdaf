"""A search in a project: begun, run with pauses and gone on with, given up, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from blockweight.errors import BlockweightError
from blockweight.measure import Tried, parse_wishes, sparse_front, spread_out
from blockweight.plan import Job, Variant
from blockweight.project import (
    CHOSEN,
    SEARCH_CANCELLED,
    SEARCH_PLANNED,
    SEARCHED,
    MaskStore,
    SearchChoice,
    SearchPlan,
    SearchReference,
    TargetStore,
    TuningState,
    also_body,
    search_body,
    searched_body,
    spans_facts,
)
from blockweight.render import Renderer
from blockweight.workflow.analysis.bench import Bench, Paused
from blockweight.workflow.places import check_places
from blockweight.workflow.progress import Bar, Progress
from blockweight.workflow.search.also import scene_with, variant_of
from blockweight.workflow.search.asking import CHOICES, AskedSearch, plan_references
from blockweight.workflow.search.first import LOOKED_AT, draw_of, first_points, space_of
from blockweight.workflow.search.measuring import gauges
from blockweight.workflow.search.space import Point
from blockweight.workflow.search.study import Answer, Proposal, SearchStudy, answers_in
from blockweight.workflow.search.written import SearchPictures, search_folder, write_search
from blockweight.workflow.tuning_project import TuningProject
from blockweight.workflow.tuning_rounds import Cost, RenderedPart, cost_of, seconds_each

AT_ONCE = 16
"""Pictures that are proposed together, so that a renderer can batch them; how many does not depend on the machine, or
the same seed would not give the same search."""


def begin_search(tuning: TuningProject, asked: AskedSearch, *, event_id: str = "") -> TuningState:
    """Ask for a search, so that `run_search` runs it. One that was asked for already is not asked for twice."""
    for mask in asked.masks:
        MaskStore(tuning.folder).save(mask)
    if asked.target is not None:
        TargetStore(tuning.folder).save(asked.target)
    for example in asked.examples:
        TargetStore(tuning.folder).save(example)
    body = {**search_body(asked.plan), **({"places": asked.places} if asked.places else {})}
    return tuning.log.add(SEARCH_PLANNED, lambda _: body, event_id=event_id)


def cancel_search(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Give the search up that was asked for last; its pictures are kept. BlockweightError if there is none, or it is
    complete."""
    return tuning.log.add(SEARCH_CANCELLED, lambda state: {"search": planned_search(state).number}, event_id=event_id)


def current_search(state: TuningState) -> SearchPlan | None:
    """The search that was asked for last, if it was not given up."""
    latest = state.searches[-1] if state.searches else None
    return None if latest is None or latest.cancelled else latest


def latest_found(state: TuningState) -> SearchPlan | None:
    """The latest search that is complete, whatever was begun or given up after it."""
    return next((each for each in reversed(state.searches) if each.folder), None)


def planned_search(state: TuningState) -> SearchPlan:
    """The search that was asked for last; BlockweightError if there is none, or it was given up."""
    plan = current_search(state)
    if plan is None:
        raise BlockweightError("No search is planned; begin one with 'blockweight tune auto --objective …'.")
    return plan


def search_cost(tuning: TuningProject, plan: SearchPlan) -> Cost:
    """What the search takes at most. Of pictures that it will propose nobody knows yet which, so of these only those
    count as there already that a search which goes on has answered."""
    state, project = tuning.state(), tuning.project
    compared = plan_references(state, plan)
    pairs = [(scene, each) for scene in (*plan.scenes, *plan.held) for each in compared]
    known = cost_of(project, [Job(scene_with(scene, each), state.lora, each) for scene, each in pairs])
    trials, held = plan.trials * len(plan.scenes), CHOICES * len(plan.held)
    pictures = known.pictures + trials + held
    if plan.folder:
        return Cost(pictures, pictures, 0.0)
    answered = answers_in(search_folder(tuning, plan)) if plan.number else 0
    finished = known.finished + min(trials, answered * len(plan.scenes))
    each = seconds_each(project)
    return Cost(pictures, finished, None if each is None else (pictures - finished) * each)


def run_search(
    tuning: TuningProject,
    make_renderer: Callable[[], Renderer],
    progress: Progress,
    stopped: Callable[[], bool] = lambda: False,
) -> RenderedPart:
    """Go on with the search that was asked for last: try weights until the budget is spent, measure the best in the
    scenes held out, write them to a folder of the project's, and record them.

    `stopped` is asked at every step, and so is whether it was given up or another one planned meanwhile; after a stop,
    or a kill, the next call goes on, and nothing is rendered twice. BlockweightError if none is planned, a file is not
    where it was, another program renders the project, or the renderer refuses.
    """
    plan = planned_search(tuning.state())
    if plan.folder:
        return RenderedPart(0, 0)
    check_places(tuning.log, [*plan.scenes, *plan.held])
    state = tuning.state()
    plan = planned_search(state)

    def ended() -> bool:
        current = current_search(tuning.state())
        return stopped() or current is None or current.number != plan.number

    cost = search_cost(tuning, plan)
    with tuning.project.alone(), progress.track("The search", cost.pictures, cost.finished) as bar:
        bench = Bench(tuning.project, make_renderer, _Whole(bar), ended)
        course = _Course(tuning, state, plan, bench, bar)
        try:
            course.search()
            found = course.found()
        except Paused:
            return RenderedPart(len(bench.rendered), max(1, cost.pictures - bar.done))
        course.reach(cost.pictures)
        folder = write_search(tuning, found)
        body = searched_body(plan.number, folder.name, found.plan.choices, found.plan.references)
        tuning.log.add(SEARCHED, lambda _: body)
    return RenderedPart(len(bench.rendered), 0)


def found_search(state: TuningState, number: int) -> SearchPlan:
    """The complete search whose folder has this number (`search-02`: 2). BlockweightError if there is none."""
    complete = {each.folder: each for each in state.searches if each.folder}
    plan = complete.get(f"search-{number:02}")
    if plan is None:
        there = f"complete are {', '.join(complete)}" if complete else "none is complete yet"
        raise BlockweightError(f"The project has no complete search {number}; {there}.")
    return plan


def take_choice(tuning: TuningProject, number: int, search: int | None = None, *, event_id: str = "") -> TuningState:
    """Set the project's weights to the choice of this number, from 1, of the `search` whose folder has that number
    (None: the one that was asked for last, or if that was given up the latest complete one), and those of a further
    LoRA that was searched too; undo takes them back. The step carries its evidence. BlockweightError if there is no
    such choice."""

    def body(state: TuningState) -> Mapping[str, object]:
        plan = _taken_of(state) if search is None else found_search(state, search)
        if not 1 <= number <= len(plan.choices):
            raise BlockweightError(f"The search has no choice {number}; it has {len(plan.choices)}.")
        choice = plan.choices[number - 1]
        weights = plan.weights_of(choice.weights, plan.weights.name)
        scenes = {name: [{"label": scene.label, "seed": scene.seed, "prompt": scene.prompt} for scene in some]
                  for name, some in (("scenes", plan.scenes), ("held_scenes", plan.held))}  # fmt: skip
        evidence = {"choice": number, "objectives": plan.wishes, "seed": plan.seed, **spans_facts(choice), **scenes}
        return {
            "search": plan.number,
            "trial": choice.trial,
            "name": weights.name,
            "values": list(weights.values),
            "rest": weights.rest,
            "evidence": evidence,
            **also_body(plan, choice.weights),
        }

    return tuning.log.add(CHOSEN, body, event_id=event_id)


def _taken_of(state: TuningState) -> SearchPlan:
    """The search that a choice is taken of where nobody says which."""
    earlier = latest_found(state)
    plan = current_search(state) or earlier or planned_search(state)
    if plan.folder:
        return plan
    if earlier is None:
        raise BlockweightError(
            "The search is not complete, so there is nothing to take; run 'blockweight tune auto' first."
        )
    raise BlockweightError(
        "The search is not complete, so there is nothing to take of it; run 'blockweight tune auto' first, or take of "
        f"the earlier one with --search {folder_number(earlier)}."
    )


def folder_number(plan: SearchPlan) -> int:
    """The number by which a complete search is asked for: 2 of `search-02`."""
    return int(plan.folder.rpartition("-")[2])


@dataclass(frozen=True)
class _Whole:
    """One bar for all that is rendered: what is tracked below it moves it."""

    bar: Bar

    def track(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Bar]:  # noqa: ARG002
        return nullcontext(self.bar)

    def say(self, text: str) -> None:
        pass


class _Course:
    """A search while it runs."""

    def __init__(self, tuning: TuningProject, state: TuningState, plan: SearchPlan, bench: Bench, bar: Bar) -> None:
        self._state, self._plan, self._bench, self._bar = state, plan, bench, bar
        self._searched, self._held = gauges(tuning, state, plan, bench)
        self._wishes = parse_wishes(plan.wishes)
        folder = search_folder(tuning, plan)
        self._study = SearchStudy(folder, space_of(plan), self._wishes, draw_of(plan))
        self._known: dict[Point, Answer] = {}
        self._answered = 0

    def search(self) -> None:
        """Try weights until so many different ones as were asked for are known, or nothing new is proposed. Paused if
        it is stopped before."""
        plan, size = self._plan, space_of(self._plan).size
        for gauge in (self._searched, self._held):
            gauge.begin("References")
            gauge.means(gauge.beside[1])  # an objective that no scene tells is refused before the budget is spent
        if not self._study.begun:
            self._study.set_next(first_points(self._state, plan, self._searched))
        for answer in self._study.answers():
            self._learn(answer)
        wanted = plan.trials if size is None else min(plan.trials, size)
        compared = (len(plan.scenes) + len(plan.held)) * len(self._searched.beside)
        # A Gaussian process learns from every trial, and reckons longest where others are pending.
        at_once = 1 if plan.sampler == "gp" else max(1, AT_ONCE // len(plan.scenes))
        while (left := wanted - len(self._known)) > 0:
            if self._stuck():
                self._study.set_next(self._neighbours()[: min(at_once, left)])
            self._try(self._study.proposals(min(at_once, left)))
            self.reach(compared + len(plan.scenes) * len(self._known))

    def _try(self, proposals: Sequence[Proposal]) -> None:
        news = [self._variant(each.point) for each in proposals if each.point not in self._known]
        self._bench.render("Trials", self._searched.jobs(list(dict.fromkeys(news))))
        for each in proposals:
            known = self._known.get(each.point)
            found = self._searched.means(self._variant(each.point)) if known is None else known.found
            self._study.answer(each, found)
            self._learn(Answer(self._answered, each.point, found))

    def _learn(self, answer: Answer) -> None:
        self._known.setdefault(answer.point, answer)
        self._answered += 1

    def _stuck(self) -> bool:
        """Whether nothing but what was known was proposed last."""
        begin = self._study.latest
        return begin is not None and all(answer.number < begin for answer in self._known.values())

    def _neighbours(self) -> list[Point]:
        """Points that nobody tried: one step from the front, the best first, and where there are none any others."""
        space = space_of(self._plan)
        front = [answer.point for answer in self._front()]
        near = [point for centre in front for point in space.beside(centre)]
        fresh = [point for point in dict.fromkeys(near) if point not in self._known]
        # So many that not all of them can be known, unless there are no others.
        drawn = space.drawn(LOOKED_AT + 4 * len(self._known), len(self._known))
        return fresh or [point for point in drawn if point not in self._known]

    def _front(self) -> list[Answer]:
        """What is best so far."""
        answers = {answer.number: answer for answer in self._known.values()}
        return [answers[each.number] for each in sparse_front(self._wishes, self._tried())]

    def _tried(self) -> tuple[Tried, ...]:
        return tuple(Tried(each.number, each.found, self._plan.changed(each.point)) for each in self._known.values())

    def reach(self, pictures: int) -> None:
        """Move the bar to so many pictures at least: some were there already, or were not needed."""
        while self._bar.done < pictures:
            self._bar.advance()

    def found(self) -> SearchPictures:
        """The front, measured in the scenes held out."""
        plan, answers, tried = self._plan, {answer.number: answer for answer in self._known.values()}, self._tried()
        front = spread_out(self._wishes, sparse_front(self._wishes, tried), CHOICES)
        offered = [answers[each.number] for each in front]
        variants = [self._variant(each.point) for each in offered]
        self._held.begin("Scenes held out", variants)
        choices = tuple(
            SearchChoice(each.number, each.point, self._searched.spans(variant), self._held.spans(variant))
            for each, variant in zip(offered, variants, strict=True)
        )
        beside = tuple(
            SearchReference(variant.label, self._searched.spans(variant), self._held.spans(variant))
            for variant in self._searched.beside
        )
        made = replace(plan, choices=choices, references=beside)
        return SearchPictures(made, tried, self._searched, self._held, tuple(variants))

    def _variant(self, point: Sequence[float]) -> Variant:
        return variant_of(self._plan, point)
