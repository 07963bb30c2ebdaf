"""Everything that one copies from a project into other tools: weights in every notation, and trainers' arguments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.train import TRAINERS
from blockweight.weights import BlockWeights
from blockweight.workflow.train_arguments import train_arguments
from blockweight.workflow.tuning_project import TuningProject, family_of, typed_weights
from blockweight.workflow.weight_sheet import FIRST_STEP, Output, Outputs, Sheet, parse_step


@dataclass(frozen=True)
class Copies:
    """What there is to copy: for tools that render, and the arguments with which each trainer learns."""

    tools: Outputs
    trainers: tuple[Output, ...]


def copy_texts(tuning: TuningProject, text: str, fill: float | None = None) -> Copies:
    """What there is to copy for weights in any notation. BlockweightError for what cannot be read."""
    state = tuning.state()
    weights, _ = typed_weights(state, text, fill)
    sheet = Sheet(Path(state.lora.path), family_of(state), frozenset(state.subject.blocks))
    return Copies(sheet.outputs(weights, state.fixed, parse_step(FIRST_STEP)), trainer_texts(weights))


def trainer_texts(weights: BlockWeights) -> tuple[Output, ...]:
    """The arguments for every trainer by its name, or why it cannot represent these weights."""
    texts = []
    for trainer in TRAINERS:
        try:
            made = train_arguments(weights.text(), weights.layout.family, trainer.name)
        except BlockweightError as error:
            texts.append(Output(trainer.name, "", refused=str(error)))
        else:
            texts.append(Output(trainer.name, made.arguments.text, made.notes))
    return tuple(texts)
