"""The base of a plot from the options of a command, and where its files are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.places import check_places
from blockweight.workflow.plots.project_shots import project_shots
from blockweight.workflow.plots.reading import TypedPlot
from blockweight.workflow.plots.resolver import Resolver
from blockweight.workflow.plots.shots import LoraEdit, Shot
from blockweight.workflow.sampling_options import SamplingOptions
from blockweight.workflow.tuning_project import open_project


def typed_plot(
    *,
    lora: str,
    weights: str,
    model: str,
    project: Path | None,
    prompt: Sequence[str] | None,
    seeds: str,
    negative: str,
    steps: int,
    cfg: float,
    sampler: str,
    size: str,
    clip_skip: int,
    embeddings: Path | None,
    strength: float,
    fill: float | None,
    book: Path | None,
    folder: Sequence[Path] | None,
    parts: Mapping[str, Any],
    **sampling: Any,
) -> tuple[TypedPlot, Resolver]:
    """A plot without axes, of the options by their names, and what finds its files: in the folders that are given,
    beside the LoRA, and in those of the settings. What is left of the options is SamplingOptions'. With a `project`,
    the plot of its LoRA in its scenes, of which the options of a picture say nothing."""
    for place in folder or ():
        if not place.is_dir():
            raise BlockweightError(f"There is no folder {quoted(str(place))} to look in; check the path of --folder.")
    if project is not None:
        if lora or model or prompt or seeds:
            raise BlockweightError(
                "A project has its own LoRA, model, prompts and seeds; leave --lora, --model, --prompt and --seeds "
                "out, or put others on an axis."
            )
        return _of_project(project, weights, fill, book, folder or ())
    given = dict(parts)
    vae = given.pop("vae", None)
    edit = LoraEdit(
        name=lora,
        beside=bool(lora),
        te=strength if lora and strength != 1 else None,
        unet=strength if lora and strength != 1 else None,
        base=weights,
    )
    if strength != 1 and not lora:
        raise BlockweightError(
            "A strength was given without a LoRA; give it with --lora, or write the strength into the prompt's tag."
        )
    shot = Shot(
        prompt=prompt[0] if prompt else "",
        negative=negative,
        seed=0,
        model=model,
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        size=size,
        sampling=SamplingOptions(**sampling),
        clip_skip=clip_skip,
        vae="" if vae is None else str(vae),
        parts=PartOptions(**given),
        embeddings=embeddings,
        lora=edit,
    )
    places = [*(folder or ()), *([Path(lora).parent] if lora and Path(lora).is_file() else [])]
    return TypedPlot(shot, tuple(prompt or ()), seeds), Resolver(folders=places, fill=fill, book=book)


def _of_project(
    folder: Path, weights: str, fill: float | None, book: Path | None, places: Sequence[Path]
) -> tuple[TypedPlot, Resolver]:
    with open_project(folder) as tuning:
        state = check_places(tuning.log)
    scenes = project_shots(state)
    if weights:
        scenes = tuple((label, shot.with_lora(base=weights)) for label, shot in scenes)
    return TypedPlot(scenes[0][1], scenes=scenes), Resolver(folders=places, fill=fill, book=book)
