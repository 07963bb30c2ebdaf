"""How well pictures that were put together from single blocks' effects foretell the rendered ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.measure.gains import Gain, Mean, gain_of, mean_of
from blockweight.measure.least_weights import LoweredScene
from blockweight.measure.pictures import Picture, mean_difference


@dataclass(frozen=True)
class LoweredFigures:
    """What pictures show beside their sources, over the scenes. `kept` and `gone` are shares as in `Gain`, None where
    they cannot be told; `inside` and `outside` the change from the source in mean levels."""

    kept: Mean | None
    gone: Mean | None
    inside: Mean
    outside: Mean


@dataclass(frozen=True)
class PredictionError:
    """Mean |predicted − rendered| over the scenes, in levels, inside and outside the mask."""

    inside: Mean
    outside: Mean


def lowered_figures(scenes: Sequence[LoweredScene], pictures: Sequence[Picture]) -> LoweredFigures:
    """The figures of one picture a scene (predicted or rendered), in the scenes' order."""
    pairs = list(zip(scenes, pictures, strict=True))
    gains = [
        Gain(None, None) if scene.without is None else gain_of(picture, scene.without, scene.source, scene.inside)
        for scene, picture in pairs
    ]
    return LoweredFigures(
        kept=mean_of([gain.kept for gain in gains]),
        gone=mean_of([gain.gone for gain in gains]),
        inside=Mean(tuple(mean_difference(picture, scene.source, scene.inside) for scene, picture in pairs)),
        outside=Mean(tuple(mean_difference(picture, scene.source, ~scene.inside) for scene, picture in pairs)),
    )


def prediction_error(
    scenes: Sequence[LoweredScene], predicted: Sequence[Picture], rendered: Sequence[Picture]
) -> PredictionError:
    """How far the predictions are from what was rendered."""
    rows = list(zip(scenes, predicted, rendered, strict=True))
    return PredictionError(
        inside=Mean(tuple(mean_difference(told, made, scene.inside) for scene, told, made in rows)),
        outside=Mean(tuple(mean_difference(told, made, ~scene.inside) for scene, told, made in rows)),
    )
