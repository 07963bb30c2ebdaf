"""The scenes of a person's own pictures, from what is typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import SAMPLERS, OtherLora, Scene, check_sides, read_sampler
from blockweight.weights import parse_weight
from blockweight.workflow.identities import Identities
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.prompt_loras import PromptLoras, prompt_tags, scene_label
from blockweight.workflow.sampling_options import SamplingOptions

MOST_SEEDS = 1000
MOST_STEPS = 1000

_PLAIN = SamplingOptions()
_NO_PARTS = PartOptions()


def parse_seeds(text: str) -> list[int]:
    """Seeds from `1,2,3` and `1-3`, each 0…2⁶⁴ − 1, at most MOST_SEEDS; BlockweightError otherwise."""
    seeds: dict[int, None] = {}
    for item in filter(None, re.split(r"[,、\s]+", unicodedata.normalize("NFKC", text).strip())):
        found = re.fullmatch(r"(\d{1,20})(?:-(\d{1,20}))?", item, re.ASCII)
        if found is None:
            raise BlockweightError(f"{quoted(item)} is not a seed; write seeds like 1,2,3 or 1-3.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last >= 2**63:
            raise BlockweightError(f"{quoted(item)} is not a seed below 2^63 or a rising range of them, like 1-3.")
        seeds.update(dict.fromkeys(range(first, min(last, first + MOST_SEEDS) + 1)))
        if len(seeds) > MOST_SEEDS:
            raise BlockweightError(f"There are more than {MOST_SEEDS} seeds in {quoted(text)}; give fewer.")
    if not seeds:
        raise BlockweightError("No seed was given; write seeds like 1,2,3 or 1-3.")
    return list(seeds)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from `512x768`, both above 0; BlockweightError otherwise."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*[x×,]\s*(\d{1,5})\s*", unicodedata.normalize("NFKC", text).lower(), re.ASCII)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (width and height):
        raise BlockweightError(f"{quoted(text)} is not a size; write width and height like 512x768.")
    return width, height


def size_for(model: Path, text: str) -> tuple[int, int]:
    """Width and height that the model can draw, as far as its files tell; BlockweightError otherwise, with the nearest
    ones."""
    from blockweight.render import size_step  # noqa: PLC0415 - numpy is not needed for --help

    width, height = parse_size(text)
    check_sides(width, height, size_step(model))
    return width, height


def parse_prompt(text: str) -> str:
    """The prompt itself; BlockweightError for bytes that the terminal passed on although they are not text, and for a
    tag that cannot be read. Whether its LoRA is there is not looked at."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BlockweightError(f"The prompt {quoted(text)} holds bytes that are not UTF-8 text; retype it.")
    prompt_tags(text)
    return text


def parse_negative(text: str) -> str:
    """The negative prompt itself; BlockweightError as `parse_prompt`, and for any LoRA's tag, which counts in the
    prompt alone."""
    if prompt_tags(parse_prompt(text))[0]:
        raise BlockweightError(f"The negative prompt {quoted(text)} has a LoRA's tag; write it into the prompt.")
    return text


def found_prompts(text: str, loras: PromptLoras) -> tuple[str, ...]:
    """`parse_prompts`, of which every LoRA is there. BlockweightError otherwise."""
    prompts = parse_prompts(text)
    for prompt in prompts:
        loras.read(prompt)
    return prompts


def parse_prompts(text: str) -> tuple[str, ...]:
    """Prompts from lines, each once; BlockweightError if there is none, and as `parse_prompt`."""
    prompts = tuple(dict.fromkeys(parse_prompt(line) for line in map(str.strip, text.splitlines()) if line))
    if not prompts:
        raise BlockweightError("There is no prompt; write one a line.")
    return prompts


def parse_steps(text: str) -> int:
    """Denoising steps, 1 to 1000; BlockweightError otherwise."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"\d{1,4}", plain, re.ASCII) or not 1 <= int(plain) <= MOST_STEPS:
        raise BlockweightError(f"{quoted(text)} is no number of steps; write a whole number from 1 to {MOST_STEPS}.")
    return int(plain)


def parse_cfg(text: str) -> float:
    """The CFG scale, 1 to 100; BlockweightError otherwise."""
    try:
        value = parse_weight(unicodedata.normalize("NFKC", text))
    except BlockweightError:
        value = 0.0
    if not 1 <= value <= 100:
        raise BlockweightError(f"{quoted(text)} is no CFG scale; write a number from 1 to 100, such as 7.")
    return value


def sampler_names() -> tuple[str, ...]:
    """The samplers that this program renders with, by the WebUI's names: each with its usual schedule type, and those
    that have one also with Karras'. The first is the usual one."""
    plain = tuple(SAMPLERS)
    karras = (f"{name} Karras" for name, sampler in SAMPLERS.items() if sampler.automatic not in (None, "Karras"))
    return (*plain, *karras)


def parse_sampler(text: str) -> tuple[str, str]:
    """A sampler's name and its schedule type, of one text such as `DPM++ 2M Karras`. BlockweightError for one that
    there is not."""
    return read_sampler(unicodedata.normalize("NFKC", text))


def scenes_of(
    model: Path,
    prompts: Sequence[str],
    negative: str,
    seeds: str,
    steps: int,
    cfg: float,
    sampler: str,
    size: str,
    sampling: SamplingOptions = _PLAIN,
    *,
    clip_skip: int = 1,
    embeddings: Path | None = None,
    parts: PartOptions = _NO_PARTS,
    loras: tuple[OtherLora, ...] = (),
    named: PromptLoras | None = None,
    bare: bool = False,
    files: Identities | None = None,
) -> list[Scene]:
    """A scene for every prompt with every seed; `embeddings` is a folder of textual inversion embeddings, of which
    every scene takes those that its prompts name. `loras` work in every scene beside the one that is tuned, and so do
    those of a prompt's `<lora:…>` tags, as `named` finds them (None: paths, and names in the folders of the settings);
    a `bare` prompt has none, whatever its words look like. What `files` know is not read again."""
    from blockweight.render import find_embeddings  # noqa: PLC0415 - numpy is not needed for --help

    known = Identities() if files is None else files
    width, height = size_for(model, size)
    numbers = parse_seeds(seeds)
    texts = list(dict.fromkeys(prompts))
    if not bare:
        texts = [parse_prompt(prompt) for prompt in texts]
        parse_negative(negative)
    finder = PromptLoras(files=known) if named is None else named
    read = {text: (text, ()) if bare else finder.read(text) for text in texts}
    held = {text: () if embeddings is None else find_embeddings(embeddings, (text, negative)) for text in texts}
    further = {**sampling.scene_fields(sampler), **parts.scene_fields(known)}
    if further["start"] is not None and further["hires"] is not None:
        raise BlockweightError(
            "A picture that is drawn over another (--init-image) has no hires pass; leave one of the two out."
        )
    checkpoint = known.checkpoint(model)
    return [
        Scene(
            label=scene_label(*read[prompt]),
            checkpoint=checkpoint,
            prompt=read[prompt][0],
            negative_prompt=negative,
            seed=seed,
            steps=steps,
            cfg_scale=cfg,
            width=width,
            height=height,
            clip_skip=clip_skip,
            embeddings=held[prompt],
            loras=(*loras, *read[prompt][1]),
            **further,
        )
        for prompt in texts
        for seed in numbers
    ]


def typed_errors(typed: Mapping[str, str], parsers: Mapping[str, Callable[[str], object]]) -> dict[str, str]:
    """Which fields of a form cannot be read: the field's name → the sentence that says why."""
    errors = {}
    for name, parse in parsers.items():
        try:
            parse(typed[name])
        except BlockweightError as error:
            errors[name] = str(error)
    return errors
