"""What can stand on an axis: for every kind how its values are read, and what a value changes of a picture.

Names are those of the commands' options; the WebUI's X/Y/Z plot's and LoRA Block Weight's are known too.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import split_numbers, split_values, swapped
from blockweight.weights import parse_weight
from blockweight.weights.notations.tag import parse_tag
from blockweight.workflow.further_fields import parse_clip_skip
from blockweight.workflow.plots.shots import NO_LORA, Shot
from blockweight.workflow.renderers import check_renderer
from blockweight.workflow.scenes import parse_cfg, parse_sampler, parse_seeds, parse_steps

FIRST, SECOND, LAST = 0, 1, 3
"""Turns (`AxisKind.turn`)."""

Change = Callable[[Shot, str], Shot]
"""A picture with one value of an axis, which stands there as it was typed. BlockweightError if it is none."""


@dataclass(frozen=True)
class AxisKind:
    """One kind of axis. `name` is its option's; `title` is for people; `split` takes the typed values apart; `change`
    makes a value of them count; `others` are the names that other programs have for it. Where values are `files`, they
    are called without folder and ending, others as `label_of` says. `turn` is when it counts among the axes of a
    picture: prompts before what is searched in them, and so on."""

    name: str
    title: str
    change: Change
    split: Callable[[str], Sequence[str]] = split_values
    others: tuple[str, ...] = ()
    files: bool = False
    turn: int = 2
    label_of: Callable[[str], str] = str

    def label(self, value: str) -> str:
        """What a value is called beside the pictures."""
        return file_label(value) if self.files else self.label_of(value)


def file_label(path: str) -> str:
    """A file's name without folder and ending."""
    return Path(path.replace("\\", "/")).name.removesuffix(".safetensors") or path


def find_kind(name: str) -> AxisKind:
    """The kind of this name, or of one of the names that other programs have for it, in any case. BlockweightError for
    another, with the nearest."""
    plain = _plain(name)
    for kind in KINDS:
        if plain in map(_plain, (kind.name, kind.title, *kind.others)):
            return kind
    names = [*(kind.name for kind in KINDS), "round"]
    near = difflib.get_close_matches(plain.replace(" ", "-"), names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}."
    raise BlockweightError(f"Nothing called {quoted(name)} can stand on an axis: {hint}")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()


# ----- values


def _number(shot: Shot, value: str, put: Callable[[Shot, float], Shot]) -> Shot:
    return put(shot, parse_weight(unicodedata.normalize("NFKC", value)))


def _numbered(put: Callable[[Shot, float], Shot]) -> Change:
    return lambda shot, value: _number(shot, value, put)


def _whole(what: str, least: int, put: Callable[[Shot, int], Shot]) -> Change:
    def change(shot: Shot, value: str) -> Shot:
        plain = unicodedata.normalize("NFKC", value).strip()
        if not re.fullmatch(r"\d{1,6}", plain, re.ASCII) or int(plain) < least:
            raise BlockweightError(f"{quoted(value)} is no {what}; write a whole number from {least}.")
        return put(shot, int(plain))

    return change


_VECTOR = re.compile(r"\s*([^,:\"]+:)?\s*[+-]?[\d.]+\s*(,\s*[+-]?[\d.]+\s*)+")
"""One `NAME:v,v,…`."""


def _weights(text: str) -> Sequence[str]:
    """Block weights, of which many have commas: lines and semicolons part them, else commas outside of quotation
    marks."""
    lines = [part.strip() for part in re.split(r"[;\n]", text)]
    if len(lines) == 1 and _VECTOR.fullmatch(text):
        return [text.strip()]
    values = [part for part in lines if part] if len(lines) > 1 else list(split_values(text))
    alone = next((value for value in values if re.fullmatch(r"[+-]?\d*\.?\d+", value)), None)
    if alone is not None:
        raise BlockweightError(
            f"{quoted(alone)} is a single number, no block weights; put quotation marks around weights that have "
            'commas, as in "1,0,0.5,…", or semicolons between them.'
        )
    return values


def _prompt_lines(text: str) -> Sequence[str]:
    """Prompts are full of commas: one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _seeds(text: str) -> Sequence[str]:
    return [str(seed) for seed in parse_seeds(text)]


def _prompt(shot: Shot, value: str) -> Shot:
    return replace(shot, prompt=value)


def _negative(shot: Shot, value: str) -> Shot:
    return replace(shot, negative=value)


def _scheduler(shot: Shot, value: str) -> Shot:
    return shot.with_sampling(scheduler=value)


def _tag(shot: Shot, value: str) -> Shot:
    """A further LoRA. The same tag twice is one, so that of LoRAs in pairs each is also seen alone."""
    if value in ("", NO_LORA):
        return shot
    parse_tag(value)
    return replace(shot, tags=tuple(sorted({*shot.tags, value})))


def _tag_label(value: str) -> str:
    if value in ("", NO_LORA):
        return value
    tag = parse_tag(value)
    said = "" if tag.te == tag.unet == 1 else f" {tag.unet:g}"
    weights = "" if "," in tag.weights else tag.weights
    return "\n".join(filter(None, (f"{file_label(tag.name)}{said}", weights)))


def _name(weights: str) -> str:
    """The name of `NAME:numbers`."""
    name, colon, numbers = weights.rpartition(":")
    return name if colon and "," in numbers else weights


def _plain_weights(shot: Shot, value: str) -> Shot:
    if value in (NO_LORA, "no LoRA"):  # NONE is a preset
        return shot.with_lora(off=True)
    return shot.with_lora(weights=(*shot.lora.weights, value))


def _lora(shot: Shot, value: str) -> Shot:
    return shot.with_lora(off=True) if value == NO_LORA else shot.with_lora(name=value)


def _vae(shot: Shot, value: str) -> Shot:
    """Automatic is the model's own, as in the WebUI."""
    return replace(shot, vae="" if value.casefold() in ("none", "automatic") else value)


def _sampler(shot: Shot, value: str) -> Shot:
    """A name with a schedule type counts more than that of the other pictures; one without leaves it."""
    name, scheduler = parse_sampler(value)
    own = value.strip().casefold() != name.casefold()
    moved = replace(shot, sampler=value if own else name)
    return moved.with_sampling(scheduler=scheduler) if own else moved


def _control_weight(shot: Shot, value: str) -> Shot:
    if not shot.parts.control:
        raise BlockweightError(
            "An axis has weights of a ControlNet, but there is none; give the picture one (--control)."
        )
    return _number(shot, value, lambda made, number: made.with_parts(control_weight=(number,)))


def _control_picture(shot: Shot, value: str) -> Shot:
    if len(shot.parts.control) != 1:
        raise BlockweightError("An axis with ControlNet pictures needs one ControlNet; give it with --control.")
    return shot.with_parts(control_picture=(Path(value),))


def _denoise(shot: Shot, value: str) -> Shot:
    """Of the pass that there is: over a picture, or the hires pass."""

    def put(made: Shot, number: float) -> Shot:
        over = made.parts.init_image is not None
        if not over:
            _needs_hires(made)
        return made.with_parts(denoise=number) if over else made.with_sampling(hires_denoise=number)

    return _number(shot, value, put)


def _hires_steps(shot: Shot, value: str) -> Shot:
    _needs_hires(shot)
    return _whole("number of steps", 0, lambda made, number: made.with_sampling(hires_steps=number))(shot, value)


def _needs_hires(shot: Shot) -> None:
    """BlockweightError without a hires pass: an axis must not turn one on that nobody asked for."""
    hires = shot.sampling
    if (hires.hires_upscaler, hires.hires_scale, hires.hires_size) == (None, None, None):
        raise BlockweightError(
            "There is no hires pass and no picture to draw over; give one with --hires-upscaler or --init-image."
        )


def _renderer(shot: Shot, value: str) -> Shot:
    check_renderer(value)
    return replace(shot, renderer=value)


def _clip_skip(shot: Shot, value: str) -> Shot:
    return replace(shot, clip_skip=parse_clip_skip(value))


def _swap(_shot: Shot, _value: str) -> Shot:
    raise AssertionError("what is searched for is the axis's first value")


SWAP = AxisKind("sr", "Prompt S/R", _swap, others=("Prompt SR", "S/R"), turn=SECOND)
"""Its change needs the first value as well (`swap`)."""


def swap(shot: Shot, searched: str, value: str) -> Shot:
    """Prompt S/R in both prompts, before any tag is read."""
    prompt, negative = swapped(shot.prompt, shot.negative, searched, value)
    return replace(shot, prompt=prompt, negative=negative)


KINDS: tuple[AxisKind, ...] = (
    AxisKind("prompt", "Prompt", _prompt, _prompt_lines, ("Prompts",), turn=FIRST),
    AxisKind("negative", "Negative prompt", _negative, _prompt_lines, turn=FIRST),
    AxisKind("tag", "LoRA tag", _tag, label_of=_tag_label),
    SWAP,
    AxisKind("weights", "Block weights", _plain_weights, _weights, ("Original Weights", "Preset"), label_of=_name),
    AxisKind("blocks", "Blocks", lambda shot, value: shot.with_lora(blocks=value), others=("Block ID",)),
    AxisKind(
        "values",
        "Weight of the blocks",
        _numbered(lambda shot, number: shot.with_lora(value=number)),
        split_numbers,
        ("Value", "Values"),
    ),
    AxisKind("lora", "LoRA", _lora, files=True, others=("LoRAs",)),
    AxisKind(
        "strength",
        "LoRA strength",
        _numbered(lambda shot, number: shot.with_lora(te=number, unet=number)),
        split_numbers,
        ("Weight", "LoRA weight"),
        turn=SECOND,  # of both; te and unet say one of them
    ),
    AxisKind("te", "Text-encoder strength", _numbered(lambda shot, n: shot.with_lora(te=n)), split_numbers),
    AxisKind("unet", "UNet strength", _numbered(lambda shot, n: shot.with_lora(unet=n)), split_numbers),
    AxisKind(
        "start", "LoRA from step", _whole("step", 0, lambda shot, step: shot.with_lora(start=step)), split_numbers
    ),
    AxisKind(
        "stop", "LoRA until step", _whole("step", 0, lambda shot, step: shot.with_lora(stop=step)), split_numbers
    ),
    AxisKind(
        "model", "Model", lambda shot, value: replace(shot, model=value), others=("Checkpoint name", "Checkpoint"),
        files=True,
    ),
    AxisKind("vae", "VAE", _vae, files=True),
    AxisKind("renderer", "Renderer", _renderer),
    AxisKind("seed", "Seed", lambda shot, value: replace(shot, seed=int(value)), _seeds, ("Seeds",)),
    AxisKind("sampler", "Sampler", _sampler, others=("Samplers",)),
    AxisKind("scheduler", "Schedule type", _scheduler, others=("Schedule",), turn=LAST),
    AxisKind("steps", "Steps", lambda shot, value: replace(shot, steps=parse_steps(value)), split_numbers),
    AxisKind("cfg", "CFG scale", lambda shot, value: replace(shot, cfg=parse_cfg(value)), split_numbers),
    AxisKind(
        "distilled-cfg", "Distilled CFG Scale", _numbered(lambda shot, n: shot.with_sampling(distilled_cfg=n)),
        split_numbers,
    ),
    AxisKind(
        "clip-skip", "Clip skip", _clip_skip, split_numbers,
    ),
    AxisKind("size", "Size", lambda shot, value: replace(shot, size=value)),
    AxisKind("denoise", "Denoising strength", _denoise, split_numbers, ("Denoising",), turn=LAST),
    AxisKind(
        "hires-upscaler", "Hires upscaler", lambda shot, value: shot.with_sampling(hires_upscaler=value),
        others=("Upscaler",),
    ),
    AxisKind(
        "hires-steps", "Hires steps", _hires_steps, split_numbers, turn=LAST,
    ),
    AxisKind("variation", "Variation seed strength", _numbered(lambda s, n: s.with_sampling(variation_strength=n)),
             split_numbers, ("Var. strength", "Variation strength")),
    AxisKind("eta", "Eta", _numbered(lambda shot, number: shot.with_sampling(eta=number)), split_numbers),
    AxisKind("init-image", "Picture drawn over",
             lambda shot, value: shot.with_parts(init_image=Path(value)), files=True),
    AxisKind("control-weight", "ControlNet weight", _control_weight, split_numbers, ("[ControlNet] Weight",)),
    AxisKind("control-picture", "ControlNet picture", _control_picture, files=True),
)  # fmt: skip
