"""The form in which a transfer is asked for: which weights, and where else they are tried."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.model_library import ModelFile, ModelLibrary
from blockweight.workflow.settings import load_settings
from blockweight.workflow.suggest_view import ShownSuggestion, latest_suggestion, shown_suggestion
from blockweight.workflow.transfer import TransferAsked, analysis_masks, changes_anything
from blockweight.workflow.tuning_project import TuningProject

CURRENT, SUGGESTED, OTHER = "current", "suggested", "other"
"""Which weights: the project's, those of its latest suggestion, or typed ones."""

PROMPTS_FILE = "other-prompts.txt"
"""The file of prompts in a command."""

FIRST_SEEDS = "101-104"
"""What stands in the field for seeds at first: few projects have these, and four tell something."""


@dataclass(frozen=True)
class TypedTransfer:
    """A form as it is typed: `which` weights (CURRENT, SUGGESTED, OTHER, for which `weights` are, in any notation), the
    seeds, prompts one a line, paths of models in the folders of the settings, and whether home's mask is for all."""

    which: str = CURRENT
    weights: str = ""
    seeds: str = ""
    prompts: str = ""
    models: tuple[str, ...] = ()
    home_mask: bool = False


@dataclass(frozen=True)
class TransferChoices:
    """What there is to choose from: the weights as texts (`suggested` None without a suggestion), the weights that are
    chosen at first, the models but the project's own, and whether home has a mask."""

    current: str
    suggested: str | None
    first: str
    models: tuple[ModelFile, ...]
    masked: bool


def asked_transfer(tuning: TuningProject, typed: TypedTransfer) -> TransferAsked:
    """What the form asks for. BlockweightError for weights that there are not, and a model that lies in none of the
    folders of the settings; what else is wrong `plan_transfer` says."""
    models = ModelLibrary(load_settings().models)
    weights, rest = _weights(tuning, typed)
    return TransferAsked(
        weights=weights,
        rest=rest,
        seeds=typed.seeds,
        prompt_lines=typed.prompts,
        models=tuple(map(models.open_path, dict.fromkeys(typed.models))),
        home_mask=typed.home_mask,
    )


def transfer_command(asked: TransferAsked) -> str:
    """The lines of a shell that ask for the same in the project's folder; empty where a weight of REST would be lost,
    for which the command has no place. Prompts are written to a file first."""
    if asked.rest not in (None, 1):
        return ""
    parts = ["blockweight", "transfer", "--project", "."]
    lines = []
    if asked.weights.strip():
        parts += ["--weights", asked.weights.strip()]
    if asked.seeds.strip():
        parts += ["--seeds", asked.seeds.strip()]
    prompts = [line.strip() for line in asked.prompt_lines.splitlines() if line.strip()]
    if prompts:
        lines.append(f"printf '%s\\n' {shlex.join(prompts)} > {PROMPTS_FILE}")
        parts += ["--prompts", PROMPTS_FILE]
    for model in asked.models:
        parts += ["--model", str(model)]
    if asked.home_mask:
        parts.append("--home-mask")
    return "\n".join([*lines, shlex.join(parts)])


def transfer_choices(tuning: TuningProject) -> TransferChoices:
    """What the form offers. A suggestion that cannot be read is none."""
    state = tuning.state()
    try:
        found = _suggested(tuning)
    except BlockweightError:
        found = None
    try:
        masked = bool(analysis_masks(tuning, state))
    except BlockweightError:
        masked = False  # a mask that is gone
    own = {scene.checkpoint.path for scene in state.scenes}
    models = tuple(each for each in ModelLibrary(load_settings().models).files() if str(each.path) not in own)
    suggested = None if found is None else found.weights
    first = CURRENT if suggested is None or changes_anything(state, state.weights) else SUGGESTED
    return TransferChoices(state.weights.text(), suggested, first, models, masked)


def _weights(tuning: TuningProject, typed: TypedTransfer) -> tuple[str, float | None]:
    """The weights as a text, empty for the project's, and that of REST, which no text holds."""
    if typed.which == CURRENT:
        return "", None
    if typed.which == SUGGESTED:
        found = _suggested(tuning)
        if found is None:
            raise BlockweightError("No weights are suggested yet; suggest them first, or choose others.")
        return found.weights, found.rest
    if typed.which != OTHER:
        raise BlockweightError(f"{quoted(typed.which)} are no weights to choose; load the page anew.")
    if not typed.weights.strip():
        raise BlockweightError("No other weights are typed; write them in any notation, or choose the project's.")
    return typed.weights, None


def _suggested(tuning: TuningProject) -> ShownSuggestion | None:
    number = latest_suggestion(tuning)
    return None if number is None else shown_suggestion(tuning, number)
