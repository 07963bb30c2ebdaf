"""A tuning project in words for a terminal, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from blockweight.blocks import REST, Layout
from blockweight.errors import quoted
from blockweight.plan import Scene
from blockweight.project import (
    APPLIED,
    CHOICE_MADE,
    CHOICES_PLANNED,
    CHOOSING_BEGUN,
    CHOOSING_ENDED,
    CHOSEN,
    CREATED,
    DECIDED,
    FINISHED,
    FIXED,
    PLANNED,
    PREFERRED,
    REVOKED,
    SCENES,
    WEIGHTS,
    Choice,
    RoundStep,
    Step,
    TunedRound,
    TuningState,
)
from blockweight.weights import format_weight, plain_number
from blockweight.workflow.conversions import weights_facts
from blockweight.workflow.tuning_rounds import Cost, RoundGrid


def show_lines(state: TuningState) -> Iterator[str]:
    """The project as it stands."""
    return map(_printable, _shown(state))


def _printable(line: str) -> str:
    """The line as a terminal may show it: an imported project may hold any text."""
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _shown(state: TuningState) -> Iterator[str]:
    subject = state.subject
    strength = "" if subject.strength == 1 else f", strength {format_weight(subject.strength)}"
    models = dict.fromkeys(Path(scene.checkpoint.path).name for scene in state.scenes)
    yield f"Project: {state.name}"
    yield f"LoRA:    {subject.lora} ({subject.layout.name}{strength})"
    yield f"Model:   {', '.join(models)}"
    yield f"Scenes:  {len(state.scenes)}"
    yield from (f"         {_scene(scene)}" for scene in state.scenes)
    yield f"Weights: {state.weights.text()}"
    if state.weights.rest != 1:
        yield f"REST:    {format_weight(state.weights.rest)}"
    yield f"Fixed:   {block_text(state.fixed, subject.layout) or '-'}"
    if state.applied:
        yield f"Applied: {block_text(state.applied, subject.layout)} (suggestions, which 'tune revoke' takes back)"
    yield f"Round:   {'-' if state.round is None else _round(state.round)}"
    if state.round is not None:
        for variant in state.round.variants:
            yield f"         {variant.label:<16} {_SAID[state.round.choice(variant.label)]}".rstrip()
    yield f"Undo:    {'-' if state.undo is None else step_text(state.undo, subject.layout)}"
    yield f"Redo:    {'-' if state.redo is None else step_text(state.redo, subject.layout)}"
    for name in state.unplaced.values():
        yield f"Missing: {name} (say where it is: blockweight project locate)"


_SAID = {Choice.ACCEPT: "accepted", Choice.REJECT: "rejected", Choice.UNDECIDED: ""}


def _scene(scene: Scene) -> str:
    more = [] if scene.clip_skip == 1 else [f"clip skip {scene.clip_skip}"]
    more += [quoted(embedding.name) for embedding in scene.embeddings]
    return (
        f"{quoted(scene.prompt)} seed {scene.seed}, {scene.width}x{scene.height}, {scene.steps} steps of "
        f"{', '.join([f'{scene.sampler_name}, CFG {scene.cfg_scale:g}', *more])}{''.join(_further(scene))}"
    )


def _further(scene: Scene) -> Iterator[str]:
    """What few scenes have."""
    if scene.guidance is not None:
        yield f", distilled CFG {scene.guidance:g}"
    if scene.eta is not None:
        yield f", eta {scene.eta:g}"
    if scene.variation_strength:
        yield f", varied by seed {scene.variation_seed} at {scene.variation_strength:g}"
    if scene.noise_source != "CPU":
        yield f", noise {scene.noise_source}"
    if scene.hires is not None:
        width, height = scene.picture_size
        yield f", hires {scene.hires.upscaler} to {width}x{height} at {scene.hires.denoising:g}"
    if scene.start is not None:
        yield f", over {quoted(Path(scene.start.picture.path).name)} at {scene.start.denoising:g}"
    for control in scene.controls:
        yield f", ControlNet {quoted(Path(control.model.path).name)} by {quoted(Path(control.picture.path).name)}"
    if scene.vae is not None:
        yield f", VAE {quoted(Path(scene.vae.path).name)}"
    if scene.preview:
        yield ", preview"


def _round(planned: TunedRound) -> str:
    counts = [f"{len(planned.labels(choice))} {_SAID[choice]}" for choice in (Choice.ACCEPT, Choice.REJECT)]
    return (
        f"{planned.kind} by {format_weight(planned.step)}, {len(planned.variants)} variants, {', '.join(counts)}"
        f"{'' if planned.open else ', finished'}"
    )


def block_text(blocks: Iterable[str], layout: Layout) -> str:
    """Blocks as an expression that `parse_blocks` reads: three or more in a row as a range, `BASE,IN04-OUT11`."""
    chosen = set(blocks)
    texts = []
    for taken, run in groupby(layout.blocks, chosen.__contains__):
        row = list(run)
        if taken:
            texts += [f"{row[0]}-{row[-1]}"] if len(row) > 2 else row
    return ",".join(texts)


def step_text(step: Step, layout: Layout) -> str:
    """What a step did, in a line; `layout` is the project's."""
    return _TEXT[step.kind](step.body, layout)


def _weights(body: Mapping[str, Any], layout: Layout) -> str:
    if "values" in body:
        return f"set the weights {quoted(body['name'])}"
    changes: dict[float, list[str]] = {}
    for block, value in body["changes"].items():
        changes.setdefault(value, []).append(block)
    told = (f"{block_text(blocks, layout) or REST} to {format_weight(value)}" for value, blocks in changes.items())
    return f"set {', '.join(told)}"


def _fixed(body: Mapping[str, Any], layout: Layout) -> str:
    told = (f"{word} {block_text(body[word], layout)}" for word in ("fix", "unfix") if body.get(word))
    return "; ".join(told)


_TEXT: Mapping[str, Callable[[Mapping[str, Any], Layout], str]] = {
    CREATED: lambda body, _: f"make the project {quoted(body['name'])}",
    SCENES: lambda body, _: f"set {len(body['scenes'])} scenes",
    WEIGHTS: _weights,
    FIXED: _fixed,
    APPLIED: lambda body, layout: f"apply the suggestions for {block_text(body['weights'], layout)}",
    REVOKED: lambda body, layout: f"revoke the suggestions for {block_text(body['blocks'], layout)}",
    PLANNED: lambda body, _: f"plan {body['kind']} by {format_weight(body['step'])}, {len(body['variants'])} variants",
    DECIDED: lambda body, _: f"{body['choice']} {body['variant']}",
    FINISHED: lambda _body, _layout: "finish the round",
    CHOSEN: lambda body, _: f"take choice {body['evidence']['choice']} of a search",
    CHOOSING_BEGUN: lambda _body, _layout: "begin to choose by preference",
    CHOICE_MADE: lambda body, _: f"judge round {body['round']} of the choices",
    CHOICES_PLANNED: lambda body, _: f"show other choices in round {body['round']}",
    CHOOSING_ENDED: lambda _body, _layout: "end choosing by preference",
    PREFERRED: lambda body, _: f"take the preferred weights {quoted(body['name'])}",
}


def history_lines(state: TuningState) -> Iterator[str]:
    """Every step with its number, oldest first: `>` is where the project stands, `*` on the way there. A step that does
    not follow the one above it says after which it was taken."""
    width = len(str(state.steps[-1].number))
    above: int | None = None
    for step in state.steps:
        mark = ">" if step.number == state.head else "*" if step.active else " "
        branch = "" if step.parent == above else f"  (after {step.parent})"
        time = step.time[:19].replace("T", " ")
        yield _printable(f"{mark} {step.number:>{width}}  {time}  {step_text(step, state.subject.layout)}{branch}")
        above = step.number


def cost_text(cost: Cost) -> str:
    """`22 pictures, 9 of them rendered already, about 40 s to go`; where the first pictures decide on further ones
    `at least 22 pictures and at most 96, 9 of them …`."""
    pictures = f"{cost.pictures} picture{'' if cost.pictures == 1 else 's'}"
    if cost.most is not None:
        pictures = f"at least {pictures} and at most {cost.most}"
    elif cost.finished == cost.pictures and not cost.asked:
        return f"{pictures}, all rendered already" if cost.pictures else "all that it takes is there already"
    there = f", {cost.finished} of them rendered already" if cost.finished else ""
    if cost.asked:
        there += f", and questions to the model that take as long as {cost.asked:.1f}"
    least = "" if cost.most is None else "at least "
    time = "no time measured yet" if cost.seconds is None else f"{least}about {duration(cost.seconds)} to go"
    return f"{pictures}{there}, {time}"


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def show_facts(state: TuningState) -> dict[str, object]:
    """The state as plain values."""
    return {
        "version": state.version,
        "head": state.head,
        "name": state.name,
        "lora": {
            "file": state.subject.lora,
            "digest": state.subject.digest,
            "strength": plain_number(state.subject.strength),
            "path": state.lora.path,
            "blocks": list(state.subject.blocks),
        },
        "scenes": [scene_facts(scene) for scene in state.scenes],
        "weights": {**weights_facts(state.weights), "text": state.weights.text()},
        "fixed": list(state.fixed),
        "applied": {block: held.analysis for block, held in state.applied.items()},
        "suggestions": state.analyses[-1].suggestions if state.analyses else {},
        "effects": state.analyses[-1].effects if state.analyses else {},
        "round": None if state.round is None else round_facts(state.round),
        "undo": None if state.undo is None else step_facts(state.undo, state.subject.layout),
        "redo": None if state.redo is None else step_facts(state.redo, state.subject.layout),
        "sequence": state.sequence,
        "missing": state.unplaced,
    }


def scene_facts(scene: Scene) -> dict[str, object]:
    """A scene as plain values, with its label and its checkpoint's file name."""
    return {"label": scene.label, "model": Path(scene.checkpoint.path).name, **scene.facts()}


def round_facts(planned: TunedRound) -> dict[str, object]:
    """A round as plain values, its variants with what was decided."""
    variants = [
        {
            "label": each.label,
            "block": each.block,
            "value": plain_number(each.value),
            "choice": planned.choice(each.label).value,
        }
        for each in planned.variants
    ]
    return {
        "number": planned.number,
        "kind": planned.kind,
        "step": plain_number(planned.step),
        "limits": None if planned.limits is None else list(planned.limits),
        "weights": planned.weights.text(),
        "fixed": list(planned.fixed),
        "open": planned.open,
        "variants": variants,
    }


def step_facts(step: Step, layout: Layout) -> dict[str, object]:
    """A step as plain values."""
    return {
        "number": step.number,
        "time": step.time,
        "kind": step.kind,
        "text": step_text(step, layout),
        "parent": step.parent,
        "active": step.active,
    }


def history_facts(state: TuningState) -> dict[str, object]:
    """Steps and rounds as plain values."""
    return {
        "head": state.head,
        "steps": [step_facts(step, state.subject.layout) for step in state.steps],
        "rounds": [round_step_facts(each) for each in state.rounds],
    }


def round_step_facts(each: RoundStep) -> dict[str, object]:
    """A round in the tree of rounds as plain values."""
    return {**round_facts(each.round), "parent": each.parent, "tip": each.tip, "active": each.active}


def cost_facts(cost: Cost) -> dict[str, object]:
    """A cost as plain values."""
    told: dict[str, object] = {"pictures": cost.pictures, "finished": cost.finished, "seconds": cost.seconds}
    told |= {} if cost.most is None else {"at_most": cost.most}
    return {**told, "asked": round(cost.asked, 2)} if cost.asked else told


def grid_facts(grid: RoundGrid) -> dict[str, object]:
    """A round's grid as plain values."""
    columns = [
        {"label": column.label, "kind": column.kind, "block": column.block, "value": column.value}
        for column in grid.columns
    ]
    return {
        "columns": columns,
        "scenes": [scene_facts(scene) for scene in grid.scenes],
        "keys": [list(row) for row in grid.keys],
        "ready": [list(row) for row in grid.ready],
    }
