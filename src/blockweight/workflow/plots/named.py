"""The tutorial's plots by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from blockweight.errors import BlockweightError
from blockweight.plan import join_values
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.plots.axes import Axis, Place, read_typed
from blockweight.workflow.plots.planning import PlotAsk
from blockweight.workflow.plots.reading import TypedPlot, read_plot
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import NO_LORA

TRAINED_ON = "ss_sd_model_name"
"""Where sd-scripts writes the file that a LoRA was trained on."""


def matrix(typed: TypedPlot, loras: str, models: str, resolver: Resolver) -> PlotAsk:
    """Columns: LoRAs by the model that they were trained on, as their metadata say; rows: the models that they are used
    on; both as CSV. BlockweightError as `read_plot`, and for fewer than one of each."""
    columns = read_typed(f"lora={loras}").values if loras.strip() else ()
    if not columns or not models.strip():
        raise BlockweightError("A matrix needs LoRAs and models; give both, as in --train-loras A,B --models M,N.")
    ask = read_plot(replace(typed, x=(f"lora={loras}",), y=(f"model={models}",)), resolver)
    baseline = ask.x.places[: len(ask.x.places) - len(columns)]
    places = tuple(
        replace(place, label=f"{place.label}{_trained_on(name, resolver)}")
        for place, name in zip(ask.x.places[len(baseline) :], columns, strict=True)
    )
    x = Axis("LoRA, and the model it was trained on", ask.x.kinds, (*baseline, *places))
    return replace(ask, x=x, y=replace(ask.y, title="Model it is used on"))


def _trained_on(name: str, resolver: Resolver) -> str:
    if name == NO_LORA:
        return ""
    model = resolver.lora_at(name).header.metadata.get(TRAINED_ON, "")
    return f"\n({Path(model).stem})" if model else ""


def combos(typed: TypedPlot, loras: Sequence[str], resolver: Resolver) -> PlotAsk:
    """Every LoRA with every other, each alone where it meets itself, and none at all. A LoRA is `NAME`, `NAME=WEIGHTS`,
    or a whole tag. BlockweightError as `read_plot`, and for fewer than two."""
    if len(loras) < 2:
        raise BlockweightError("Combinations need two LoRAs or more; give --with for each of them.")
    tags = join_values((NO_LORA, *(_tag_of(lora) for lora in loras)))
    ask = read_plot(replace(typed, x=(f"tag={tags}",), y=(f"tag={tags}",)), resolver)
    return replace(ask, x=_plain(ask.x), y=_plain(ask.y))


def _plain(axis: Axis) -> Axis:
    first, *others = axis.places
    return Axis("LoRA", axis.kinds, (Place("no LoRA", first.edits, baseline=True), *others))


def _tag_of(text: str) -> str:
    if text.startswith("<"):
        return text
    name, equals, weights = text.partition("=")
    return LoraTag(name.strip()).text(weights.strip()) if equals else f"<lora:{name.strip()}:1>"


def before_after(typed: TypedPlot, weights: Sequence[str], maps: str, resolver: Resolver) -> PlotAsk:
    """Rows: the scenes, with each of the ControlNet's `maps` (CSV) if there are any; columns: without the LoRA, with
    all of it, and with each of these block weights. BlockweightError as `read_plot`, and without a LoRA."""
    resolver.weights_of(typed.shot)
    columns = "\n".join((NO_LORA, "ALL", *weights))
    rows = (f"control-picture={maps}",) if maps.strip() else ()
    ask = read_plot(replace(typed, x=(f"weights={columns}",), y=rows), resolver)
    without, whole, *others = ask.x.places
    named = (replace(without, label="no LoRA", baseline=True), replace(whole, label="the LoRA as it is"), *others)
    return replace(ask, x=Axis("", ask.x.kinds, named))
