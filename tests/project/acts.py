"""Tuning events for the suites of the fold: a project of SD1's 26 blocks, and any sequence of acts on it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from blockweight.plan import plan_round
from blockweight.project import (
    ANALYSED,
    ANALYSIS_CANCELLED,
    ANALYSIS_PLANNED,
    APPLIED,
    CREATED,
    DECIDED,
    FINISHED,
    FIXED,
    PLANNED,
    REDONE,
    REVOKED,
    SCENES,
    UNDONE,
    WEIGHTS,
    AnalysisPlan,
    Event,
    History,
    Subject,
    analysis_body,
    created_body,
    planned_body,
    scenes_body,
)
from blockweight.weights import uniform
from workshop import FULL, LORA, SCENE

SUBJECT = Subject("gobuhime.safetensors", LORA.digest, 1.0, FULL, FULL.blocks)
ONES = uniform("ゴブ姫", FULL, 1.0)
START = created_body("ゴブ姫", SUBJECT, [SCENE], ONES)
SUGGESTIONS = {"IN01": ["keep", "works on the face"], "IN02": ["drop", "does nothing"], "IN03": ["unknown", "unclear"]}


class Told:
    """A history, told event by event."""

    def __init__(self) -> None:
        self.history = History()
        self.events: list[Event] = []
        self(CREATED, START)

    def __call__(self, kind, body=None):
        event = Event(len(self.events) + 1, "2026-01-01T00:00:00.000+00:00", kind, dict(body or {}))
        self.events.append(event)
        self.history.add(event)
        return self.state

    @property
    def state(self):
        return self.history.state()

    def plan(self, kind="SubAdd", fixed="IN04", step=0.5, limits=None):
        """A round over the blocks IN01 to IN03."""
        held = {*self.state.fixed, *(block for block in FULL.blocks if block not in ("IN01", "IN02", "IN03"))}
        return self(PLANNED, planned_body(plan_round(kind, self.state.weights, held, step, limits), limits))

    def decide(self, variant, choice, sequence=None, **more):
        number = self.state.round.number if self.state.round else 0
        told = {"round": number, "variant": variant, "choice": choice}
        return self(DECIDED, {**told, "sequence": self.state.sequence + 1 if sequence is None else sequence, **more})


def what_counts(state):
    """What a person sees of a state: not how it came about."""
    planned = state.round and replace(state.round, sequences={})
    return state.name, state.scenes, state.weights, state.fixed, state.applied, planned


BLOCKS = st.sampled_from(["IN01", "IN02", "IN03", "M00"])
VALUES = st.sampled_from([-0.5, 0.0, 0.25, 1.0, 2.0])
LABELS = st.sampled_from([f"{series}{block}_{value}" for series, value in (("Sub", "0.5"), ("Add", "1.5"))
                          for block in ("IN01", "IN02", "IN03")])  # fmt: skip
CHOICES = st.sampled_from(["accept", "reject", "undecided"])

ACTS = st.one_of(
    st.tuples(st.just("plan"), st.sampled_from(["Sub", "SubAdd", "Add", "AddSub"])),
    st.tuples(st.just("decide"), LABELS, CHOICES, st.integers(0, 12)),
    st.tuples(st.just("decide"), LABELS, CHOICES, st.integers(0, 12)),
    st.tuples(st.just(FINISHED)),
    st.tuples(st.just(WEIGHTS), st.dictionaries(BLOCKS, VALUES, min_size=1)),
    st.tuples(st.just(FIXED), st.lists(BLOCKS, unique=True), st.lists(BLOCKS, unique=True)),
    st.tuples(st.just(SCENES), st.integers(1, 3)),
    st.tuples(st.just(APPLIED), st.dictionaries(BLOCKS, VALUES, min_size=1)),
    st.tuples(st.just(REVOKED), BLOCKS),
    st.tuples(st.just(ANALYSED)),
    st.tuples(st.just(ANALYSIS_PLANNED), st.sampled_from([0, 20])),
    st.tuples(st.just(ANALYSIS_CANCELLED)),
    st.tuples(st.just(UNDONE)),
    st.tuples(st.just(UNDONE)),
    st.tuples(st.just(REDONE)),
)


def body_of(act, state):
    """An act's event as the project stands: its kind and body; a decision may miss the round, and a fix the block."""
    kind, *more = act
    if kind == "plan":
        held = [block for block in FULL.blocks if block not in ("IN01", "IN02", "IN03") or block in state.fixed]
        return PLANNED, planned_body(plan_round(more[0], state.weights, held, 0.5), None)
    if kind == "decide":
        number = state.round.number if state.round else 1
        label, choice, sequence = more
        return DECIDED, {"round": number, "variant": label, "choice": choice, "sequence": sequence}
    if kind == FINISHED:
        return kind, {"round": state.round.number if state.round else 1}
    if kind == WEIGHTS:
        return kind, {"changes": more[0]}
    if kind == FIXED:
        return kind, {"fix": more[0], "unfix": more[1]}
    if kind == SCENES:
        return kind, scenes_body([replace(SCENE, seed=seed) for seed in range(more[0])])
    if kind == APPLIED:
        return kind, {"analysis": 2, "weights": more[0], "fixed": [block for block in more[0] if block != "M00"]}
    if kind == REVOKED:
        return kind, {"blocks": more}
    return kind, _facts(kind, more, state)


def _facts(kind, more, state):
    if kind == ANALYSIS_PLANNED:
        return analysis_body(AnalysisPlan(0, ("IN01", "IN02"), 0.5, 1.0, more[0], (), "", (SCENE,)))
    if kind == ANALYSIS_CANCELLED:
        return {"plan": state.analysis_plans[-1].number if state.analysis_plans else 1}
    return {"suggestions": SUGGESTIONS, "effects": {}} if kind == ANALYSED else {}
