"""What a search found out of weights, in short: for a file into which they are baked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blockweight.lora import Recipe
from blockweight.measure import parse_wishes
from blockweight.project import CHOSEN, PREFERRED, TuningState
from blockweight.project.plain import layout_from, weights_from
from blockweight.weights import BlockWeights

_LABEL = 60
"""Letters of a scene's label: the whole prompt may be long, and nobody's business."""

_DIGITS = 4


def search_evidence(state: TuningState, weights: BlockWeights, recipe: Recipe) -> dict[str, object]:
    """What the latest step that took these weights from a search, or as preferred, knows of them; empty without one,
    and where the recipe does something else than the pictures showed. By `search`: the `objectives`, scenes and held
    scenes (label and seed), for each objective its mean and the ends of its 95 % interval (None where nothing tells
    them) in both, and the further LoRA that stood beside. By `preference`: the rounds, the two chances, the scenes."""
    if recipe.strength != state.subject.strength or recipe.te is not None or recipe.elemental is not None:
        return {}
    for step in reversed(state.steps):
        if step.active and step.kind in (CHOSEN, PREFERRED) and _same(weights, step.body):
            told = step.body["evidence"]
            return _found(step.body, told) if step.kind == CHOSEN else _preferred(told)
    return {}


def _same(weights: BlockWeights, body: Mapping[str, Any]) -> bool:
    taken = weights_from(body, weights.layout) if len(body["values"]) == len(weights.values) else None
    return taken is not None and (taken.values, taken.rest) == (weights.values, weights.rest)


def _found(body: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, object]:
    wishes = parse_wishes(told["objectives"])
    evidence: dict[str, object] = {
        "by": "search",
        "objectives": told["objectives"],
        "scenes": _scenes(told["scenes"]),
        "searched": {wish.text: _rounded(span) for wish, span in zip(wishes, told["searched"], strict=True)},
        "held_scenes": _scenes(told["held_scenes"]),
        "held": {wish.text: _rounded(span) for wish, span in zip(wishes, told["held"], strict=True)},
        "seed": told["seed"],
    }
    if "also" in body:
        also = body["also"]
        evidence["beside"] = {"lora": also["lora"], "weights": weights_from(also, layout_from(also["layout"])).text()}
    return evidence


def _preferred(told: Mapping[str, Any]) -> dict[str, object]:
    names = ("rounds", "best_of_shown", "better_elsewhere", "seed")
    return {"by": "preference", **{name: told[name] for name in names}, "scenes": _scenes(told["scenes"])}


def _scenes(scenes: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{_short(each['label'])}, seed {each['seed']}" for each in scenes]


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"


def _rounded(span: Sequence[float | None]) -> list[float | None]:
    return [None if each is None else round(each, _DIGITS) for each in span]
