"""The values of a chip with block weights: presets, hints, steps of the history, the current weights, rounds, and any
notation, one a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from blockweight.errors import BlockweightError
from blockweight.plan import MOST_VALUES
from blockweight.weights import BlockWeights, convert_for
from blockweight.workflow.hint_table import load_hints
from blockweight.workflow.plots.axes import Edit, Typed, typed_values
from blockweight.workflow.plots.axis_kinds import find_kind
from blockweight.workflow.plots.reading import round_lines
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import Shot
from blockweight.workflow.tuning_project import TuningProject, family_of

NO_LORA, CURRENT = "no LoRA", "current"

_STEP = re.compile(r"step\s+(\d{1,15})", re.ASCII | re.IGNORECASE)
_HINT = re.compile(r"hint\s+(.+)", re.IGNORECASE)
_ROUND = re.compile(r"round\s+([\w-]+)(?:\s*:?\s*([\d.]+))?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class _Weights(Typed):
    """Lines of weights, some of which stand for others that are known already."""

    known: tuple[BlockWeights | None, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)

    def edit(self, number: int) -> Edit:
        """What the line of this number changes."""
        weights = self.known[number]
        if weights is None:
            return super().edit(number)
        if weights.rest != 1:  # which no text has
            return lambda shot: shot.with_lora(current=weights)
        text = weights.text()
        return lambda shot: self.kind.change(shot, text)

    def label(self, number: int) -> str:
        """What it is called."""
        weights = self.known[number]
        name = super().label(number) if weights is None else weights.name
        return self.words.get(name, name)


def weights_values(
    tuning: TuningProject, text: str, shot: Shot, resolver: Resolver, fill: float | None, words: Mapping[str, str]
) -> Typed:
    """The lines of the text: `no LoRA`, `current`, `hint NAME`, `step 12`, `round sub 0.25`, and weights in any
    notation, presets by name among them; `fill` for blocks that
    a hint lacks. `words` are those of the page's language for the first two. BlockweightError
    for a hint, a step or a round that there is not."""
    kind = find_kind("weights")
    lines = list(_lines(tuning, text, shot, resolver, fill))
    if len(lines) > MOST_VALUES:
        raise BlockweightError(f"There are {len(lines)} weights, more than {MOST_VALUES}; give fewer.")
    typed = typed_values(kind, tuple(line for line, _ in lines))
    said = {name: words.get(name, name) for name in (NO_LORA, CURRENT)}
    return _Weights(typed.kind, typed.values, tuple(known for _, known in lines), said)


def _lines(
    tuning: TuningProject, text: str, shot: Shot, resolver: Resolver, fill: float | None
) -> Iterator[tuple[str, BlockWeights | None]]:
    read: Callable[[str], list[str]] = lambda kind: round_lines(kind, shot, resolver)  # noqa: E731
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.casefold() == NO_LORA.casefold():
            yield NO_LORA, None
        elif line.casefold() == CURRENT:
            state = tuning.state()
            yield CURRENT, state.weights.with_weights({}, CURRENT)
        elif found := _STEP.fullmatch(line):
            name = f"step {int(found[1])}"
            yield name, tuning.log.weights_at(int(found[1])).with_weights({}, name)
        elif found := _HINT.fullmatch(line):
            yield line, _hint(tuning, found[1].strip(), fill)
        elif found := _ROUND.fullmatch(line):
            kept = ",".join(tuning.state().fixed)
            yield from ((each, None) for each in read(f"{found[1]}:{found[2] or '0.5'}:{kept}"))
        else:
            yield line, None


def _hint(tuning: TuningProject, name: str, fill: float | None) -> BlockWeights:
    state, hint = tuning.state(), load_hints().find(name)
    return convert_for(hint.weights, family_of(state).layout, state.subject.blocks, fill).weights
