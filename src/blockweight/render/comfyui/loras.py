"""The LoRAs of a job as chains of nodes: one a piece, with its strength times its block's weight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.render.comfyui.graph import Graph, Link
from blockweight.render.comfyui.uploads import LoraPiece, LoraShelf, Upload
from blockweight.render.wanted import Wanted, check_use, check_uses, wanted_of

Unrest = Mapping[tuple[str, str], int]
"""A LoRA's digest and a block → how many weights the block has among the jobs."""


def unrest_of(jobs: Iterable[Job]) -> Unrest:
    """How often each block's weight changes among the jobs."""
    seen: dict[tuple[str, str], set[float]] = defaultdict(set)
    for job in jobs:
        for each in wanted_of(job):
            for block, value in (*each.weights.items(), ("REST", each.weights.rest)):
                seen[each.use.digest, block].add(value)
    return {key: len(values) for key, values in seen.items()}


def check_loras(job: Job, shelf: LoraShelf) -> None:
    """Refuse LoRAs that cannot be read or have changed, weights that do not name their blocks, ranges of steps, and
    strengths of OFT that ComfyUI squares."""
    check_uses(job)
    for each in wanted_of(job):
        if not each.use.always:
            raise BlockweightError(
                f"'{each.use.path}' begins or stops working in a step, which ComfyUI's loaders cannot; let it work in "
                "all of them, or render on this machine."
            )
        lora, _ = shelf.take(each.use)
        check_use(lora, each)
        _check_turning(each, shelf)


def _check_turning(wanted: Wanted, shelf: LoraShelf) -> None:
    # ComfyUI 0.3.64 takes the strength of OFT twice.
    for block in shelf.turning(wanted.use):
        weight = wanted.weights.weight(block)
        for strength in (wanted.use.strength * weight, wanted.use.in_texts * weight):
            if strength not in (0, 1):
                raise BlockweightError(
                    f"'{wanted.use.path}' turns weights in {block} (OFT), where ComfyUI squares strengths: only 0 and 1"
                    f" are right there, not {strength:g}; render on this machine."
                )


def add_loras(
    graph: Graph, job: Job, shelf: LoraShelf, unrest: Unrest, model: Link, clip: Link | None
) -> tuple[Link, Link | None, list[Upload]]:
    """Chain the job's LoRAs behind the outputs with the model and its text encoders; returns the chains' ends and the
    files that they load.

    The two chains have nothing to do with each other, so that what was read of a prompt stays when a block of the
    denoiser changes. Of the denoiser's, the blocks that change the most often are the last, so that ComfyUI begins
    there. Weights of 0 have no node: ComfyUI would pass the model on as it is.
    """
    uploads: list[Upload] = []
    start = model
    wanted = wanted_of(job)
    # The LoRA that is tuned is the last.
    for number, each in enumerate([*wanted[1:], *wanted[:1]] if job.variant.weights is not None else wanted):
        for index, piece in _ordered(each, shelf, unrest):
            weight = each.weights.weight(piece.piece.block)
            strength = weight * (each.use.in_texts if piece.piece.in_texts else each.use.strength)
            if not strength:
                continue
            if piece.piece.in_texts and clip is None:
                raise BlockweightError(
                    f"'{each.use.path}' changes text encoders in {piece.piece.block}, but the node %lora% has "
                    "none; take a loader with a clip there, or set this block to 0."
                )
            uploads.append(piece.upload)
            side = "texts" if piece.piece.in_texts else "model"
            name = f"lora{number}-{side}-{piece.piece.block}-{index}"
            if piece.piece.in_texts:
                made = graph.add(
                    name,
                    "LoraLoader",
                    model=start,
                    clip=clip,
                    lora_name=piece.upload.name,
                    strength_model=0.0,
                    strength_clip=strength,
                )
                clip = Link(made.node, 1)
            else:
                model = graph.add(
                    name, "LoraLoaderModelOnly", model=model, lora_name=piece.upload.name, strength_model=strength
                )
    return model, clip, uploads


def _ordered(wanted: Wanted, shelf: LoraShelf, unrest: Unrest) -> Sequence[tuple[int, LoraPiece]]:
    """The LoRA's pieces with their numbers, those of restless blocks last."""
    _, pieces = shelf.take(wanted.use)
    return sorted(enumerate(pieces), key=lambda each: unrest.get((wanted.use.digest, each[1].piece.block), 1))
