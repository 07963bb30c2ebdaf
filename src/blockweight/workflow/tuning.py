"""What a person does to a tuning project. Every function appends one event and returns the state after it.

`event_id` is any text that the caller draws once for the act: sent again, after an answer that was lost, it changes
nothing. BlockweightError, with nothing appended, for what cannot be read or does not fit where the project stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from blockweight.blocks import REST, canonical_block
from blockweight.errors import BlockweightError, quoted
from blockweight.measure import CHANGE, DIFF, INSIDE, OUTSIDE, EffectTable, Verdict
from blockweight.plan import Scene
from blockweight.project import (
    ANALYSED,
    APPLIED,
    BRANCHED,
    DECIDED,
    FINISHED,
    FIXED,
    REDONE,
    RENAMED,
    REVOKED,
    SCENES,
    UNDONE,
    WEIGHTS,
    AnalysisFacts,
    Choice,
    TuningState,
    scenes_body,
)
from blockweight.weights import check_name, parse_blocks, parse_weight
from blockweight.workflow.analysis.findings import Findings
from blockweight.workflow.model_fit import check_models
from blockweight.workflow.places import places_of
from blockweight.workflow.recent_projects import remember
from blockweight.workflow.tuning_project import TuningProject, typed_weights

_SUGGESTED = {Verdict.KEEP.value: 1.0, Verdict.DROP.value: 0.0}
"""The weight that a suggestion gives its block, which is then fixed; an undecided one gives none."""


def set_weights(
    tuning: TuningProject, text: str, *, fill: float | None = None, rest: float | None = None, event_id: str = ""
) -> TuningState:
    """Set all weights, in any notation; blocks that it lacks take `fill`. A text without a name keeps the name."""

    def body(state: TuningState) -> Mapping[str, object]:
        weights, _ = typed_weights(state, text, fill, rest)
        return {"name": weights.name, "values": list(weights.values), "rest": weights.rest}

    return tuning.log.add(WEIGHTS, body, event_id=event_id)


def set_blocks(tuning: TuningProject, blocks: str, value: str, *, event_id: str = "") -> TuningState:
    """Set the blocks that an expression names (`IN05`, `IN05-IN08`, or REST alone) to one weight."""
    weight = parse_weight(value)

    def body(state: TuningState) -> Mapping[str, object]:
        chosen = (REST,) if canonical_block(blocks) == REST else parse_blocks(blocks, state.subject.layout)
        return {"changes": dict.fromkeys(chosen, weight)}

    return tuning.log.add(WEIGHTS, body, event_id=event_id)


def set_each(tuning: TuningProject, texts: Mapping[str, str], *, event_id: str = "") -> TuningState:
    """Set some blocks, each to a weight of its own: block → the number as it is typed."""
    changes = {canonical_block(block): parse_weight(text) for block, text in texts.items()}
    return tuning.log.add(WEIGHTS, lambda _: {"changes": changes}, event_id=event_id)


def fix(tuning: TuningProject, blocks: str, *, event_id: str = "") -> TuningState:
    """Fix blocks: rounds leave them alone."""
    return tuning.log.add(
        FIXED, lambda state: {"fix": list(parse_blocks(blocks, state.subject.layout))}, event_id=event_id
    )


def unfix(tuning: TuningProject, blocks: str, *, event_id: str = "") -> TuningState:
    """Let rounds move these blocks again."""
    return tuning.log.add(
        FIXED, lambda state: {"unfix": list(parse_blocks(blocks, state.subject.layout))}, event_id=event_id
    )


def set_scenes(tuning: TuningProject, scenes: Sequence[Scene], *, event_id: str = "") -> TuningState:
    """Set the scenes, at least one. BlockweightError for one with a model of another family than the LoRA's."""
    if not scenes:
        raise BlockweightError("A project needs a scene; give a prompt and a seed.")
    subject = tuning.state().subject
    check_models(subject.lora, subject.layout.family, scenes)
    places = places_of(scenes)
    return tuning.log.add(SCENES, lambda _: {**scenes_body(scenes), "places": places}, event_id=event_id)


def record_analysis(tuning: TuningProject, findings: Findings, plan: int, folder: str) -> TuningState:
    """Record what the planned analysis of this number found, with the name of the folder that has all of it; it stays
    whatever is undone, and nothing is recorded twice."""
    body = {
        "plan": plan,
        "suggestions": {each.block: [each.verdict.value, *each.reasons] for each in findings.suggestions},
        "effects": {block: _samples(findings.table, block) for block in findings.table.blocks}
        if findings.method == "eba"
        else {},
        "settings": dict(findings.settings),
        "folder": folder,
    }
    return tuning.log.add(ANALYSED, lambda _: body)


def apply_suggestions(
    tuning: TuningProject, blocks: str = "", *, analysis_number: int | None = None, event_id: str = ""
) -> TuningState:
    """Do what the latest analysis suggests, for these blocks or for all: a block to keep is fixed at 1, one to drop at
    0. Blocks about which it settled nothing stay as they are. `analysis_number` (`AnalysisFacts.number`) says which
    analysis was looked at, where that need not be the latest."""

    def body(state: TuningState) -> Mapping[str, object]:
        analysis = latest_analysis(state, analysis_number)
        told = {block: said[0] for block, said in analysis.suggestions.items() if block != REST}
        settled = {block: _SUGGESTED[verdict] for block, verdict in told.items() if verdict in _SUGGESTED}
        chosen = parse_blocks(blocks, state.subject.layout, empty=tuple(settled))
        unsettled = [block for block in chosen if block not in settled]
        if not chosen or (unsettled and blocks.strip()):
            where = f" for {quoted(', '.join(unsettled))}" if unsettled else ""
            raise BlockweightError(f"The analysis suggests nothing{where}; look at the pictures, and try a round.")
        weights = {block: settled[block] for block in chosen}
        return {"analysis": analysis.number, "weights": weights, "fixed": list(weights)}

    return tuning.log.add(APPLIED, body, event_id=event_id)


def revoke_suggestions(tuning: TuningProject, blocks: str = "", *, event_id: str = "") -> TuningState:
    """Give these blocks, or all, back the weight and the Fix that they had before a suggestion was applied."""

    def body(state: TuningState) -> Mapping[str, object]:
        chosen = parse_blocks(blocks, state.subject.layout, empty=tuple(state.applied))
        if not chosen:
            raise BlockweightError("No suggestion is applied, so there is none to revoke.")
        return {"blocks": list(chosen)}

    return tuning.log.add(REVOKED, body, event_id=event_id)


def latest_analysis(state: TuningState, number: int | None = None) -> AnalysisFacts:
    """The analysis recorded last, or the one with this number; BlockweightError if there is none."""
    found = [each for each in state.analyses if number is None or each.number == number]
    if not found:
        which = "analysis yet" if number is None else f"analysis {number}"
        raise BlockweightError(f"The project has no {which}; run 'blockweight tune analyze'.")
    return found[-1]


def decide(
    tuning: TuningProject,
    variant: str,
    choice: Choice | str,
    *,
    round_number: int | None = None,
    sequence: int | None = None,
    event_id: str = "",
) -> TuningState:
    """Decide on a variant of the open round, complete or not. ACCEPT (or its text, `accept`) fixes its block at the
    variant's value, REJECT fixes it as it was when the round was planned, UNDECIDED leaves it so, not fixed.

    `round_number` guards against deciding on another round than the one that was looked at. Of two decisions on one
    variant that arrive in the wrong order the one with the higher `sequence` stands; count it up from
    `TuningState.sequence` (None: the next). The case of a label does not matter.
    """
    try:
        chosen = Choice(choice)
    except ValueError:
        known = ", ".join(each.value for each in Choice)
        raise BlockweightError(f"{quoted(str(choice))} is no decision; use one of: {known}.") from None

    def body(state: TuningState) -> Mapping[str, object]:
        if state.round is None:
            raise BlockweightError("No round is open, so there is nothing to decide; plan one with 'tune round'.")
        labels = {each.label.casefold(): each.label for each in state.round.variants}
        return {
            "round": state.round.number if round_number is None else round_number,
            "variant": labels.get(variant.strip().casefold(), variant),
            "choice": chosen.value,
            "sequence": state.sequence + 1 if sequence is None else sequence,
        }

    return tuning.log.add(DECIDED, body, event_id=event_id)


def finish_round(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Finish the open round; blocks that nobody decided on stay as they are, not fixed."""

    def body(state: TuningState) -> Mapping[str, object]:
        if state.round is None:
            raise BlockweightError("No round is open, so there is none to finish; plan one with 'tune round'.")
        return {"round": state.round.number}

    return tuning.log.add(FINISHED, body, event_id=event_id)


def rename(tuning: TuningProject, name: str, *, event_id: str = "") -> TuningState:
    """Call the project something else; its folder stays. A name is what people call the whole of it, on every branch,
    so no undo takes it back."""
    title = check_name(name.strip())
    if not title:
        raise BlockweightError("A project needs a name; give it one.")
    state = tuning.log.add(RENAMED, lambda _: {"name": title}, event_id=event_id)
    remember(tuning.folder, state.name)
    return state


def undo(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Go one step back (`TuningState.undo` says which)."""
    return tuning.log.add(UNDONE, lambda _: {}, event_id=event_id)


def redo(tuning: TuningProject, *, event_id: str = "") -> TuningState:
    """Take the step again that was undone last (`TuningState.redo`); a new step in between leaves none."""
    return tuning.log.add(REDONE, lambda _: {}, event_id=event_id)


def branch_from(tuning: TuningProject, step: int, *, event_id: str = "") -> TuningState:
    """Stand at an earlier step, or at one of another branch; what is done from there begins a branch."""
    return tuning.log.add(BRANCHED, lambda _: {"to": step}, event_id=event_id)


def _samples(table: EffectTable, block: str) -> dict[str, list[float | None]]:
    """Measure → a sample a scene, None where the block was not measured."""
    measures = {"diff": DIFF, "overall": CHANGE, "inside": f"{CHANGE}:{INSIDE}", "outside": f"{CHANGE}:{OUTSIDE}"}
    return {
        name: [None if math.isnan(sample) else float(sample) for sample in table.samples(aspect, block)]
        for name, aspect in measures.items()
        if aspect in table.aspects
    }
