"""diffusers' nested scales, the `adapter_weights` of a pipeline's `set_adapters`.

`{"text_encoder": BASE, "unet": {"down": {"block_0": [IN01, IN02], …}, "mid": M00, "up": {"block_1": […], …}}}`: one
number per transformer of a UNet with attention, so the blocks of a standard LoRA. Of the convolutions, diffusers scales
the resnets beside a transformer with it, a downsampler or upsampler as the first transformer of its level, and leaves
the middle's resnets and the blocks without attention at 1.
Source: diffusers 0.42, `loaders/unet_loader_utils.py` and `utils/peft_utils.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from blockweight.blocks import Layout
from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.notations.by_name import number_of, weights_by_name
from blockweight.weights.numbers import plain_number

_SECTIONS = ("down", "mid", "up")
_ENCODERS = ("text_encoder", "text_encoder_2")
_LEVELS: dict[str, dict[str, tuple[int, ...]]] = {
    "sd1": {"down": (0, 1, 2), "up": (1, 2, 3)},
    "sd2": {"down": (0, 1, 2), "up": (1, 2, 3)},
    "sdxl": {"down": (1, 2), "up": (0, 1)},
}
"""Family → the levels of its UNet that have transformers: two on the way down, three on the way up."""

_COUNTS = {"down": 2, "up": 3}
_SERIES = {"down": ("IN", 1), "up": ("OUT", 0)}

Scales = dict[str, object]


def is_scales(data: Mapping[str, object]) -> bool:
    """Whether a JSON object is of this kind, by its keys."""
    return bool(data) and set(data) <= {"unet", *_SECTIONS, *_ENCODERS} and not set(data) <= set(_ENCODERS)


def scaled_family(data: Mapping[str, object]) -> str | None:
    """The family whose UNet has transformers at the levels that these scales name; None where SD1's and SDXL's both
    have."""
    unet = data.get("unet", data)
    sections = unet if isinstance(unet, Mapping) else {}
    named = {
        (section, level) for section in _SERIES for level in _named_levels(sections.get(section)) if section in sections
    }
    if "text_encoder_2" in data or ("up", "block_0") in named:
        return "sdxl"
    return "sd1" if named & {("down", "block_0"), ("up", "block_2"), ("up", "block_3")} else None


def _named_levels(levels: object) -> tuple[str, ...]:
    return tuple(map(str, levels)) if isinstance(levels, Mapping) else ()


def transformers(family: str) -> dict[tuple[str, int], tuple[str, ...]]:
    """(section, level) → the blocks of its transformers; BlockweightError for a family whose model is no UNet."""
    if family not in _LEVELS:
        raise BlockweightError(
            f"diffusers takes scales by block for the UNets of sd1, sd2 and sdxl, not for {family}; bake the weights "
            "into the file instead."
        )
    blocks = {}
    for section, levels in _LEVELS[family].items():
        series, base = _SERIES[section]
        for level in levels:
            numbers = range(base + 3 * level, base + 3 * level + _COUNTS[section])
            blocks[section, level] = tuple(f"{series}{number:02}" for number in numbers)
    return blocks


def write_scales(weights: BlockWeights) -> tuple[Scales, tuple[str, ...]]:
    """The nested dict, and the blocks whose weight it cannot say: those that are, wholly or in a part, not what
    diffusers makes of them (1, or the weight of a transformer beside them). A standard LoRA has no such parts."""
    layout = weights.layout
    known = {
        block: plain_number(value) for entry, value in weights.items() for block in weights.layout.stands_for(entry)
    }
    sections: dict[str, dict[str, list[float]]] = {section: {} for section in _SERIES}
    implied = dict.fromkeys(known, 1.0)
    for (section, level), blocks in transformers(weights.layout.family).items():
        sections[section][f"block_{level}"] = [known[block] for block in blocks]
        implied.update({block: known[block] for block in blocks})
        if section == "down":
            implied[f"IN{3 + 3 * level:02}"] = known[blocks[0]]  # the downsampler
    if layout.partial:
        implied.update({"BASE": known["BASE"], "M00": known["M00"]})
    else:
        implied["BASE"] = known["BASE"]  # and the middle's resnets stay at 1
        for section, level in list(transformers(layout.family))[: -1 if layout.family != "sdxl" else None]:
            if section == "up":
                implied[f"OUT{3 * level + 2:02}"] = known[f"OUT{3 * level:02}"]  # the upsampler
    encoders = _ENCODERS if weights.layout.family == "sdxl" else _ENCODERS[:1]
    scales: Scales = dict.fromkeys(encoders, known["BASE"])
    scales["unet"] = {"down": sections["down"], "mid": known["M00"], "up": sections["up"]}
    return scales, tuple(block for block, value in known.items() if implied[block] != value)


def read_scales(name: str, data: Mapping[str, object], family: str, layout: Layout) -> BlockWeights:
    """Weights of `layout`, the family's standard LoRA, from a nested dict; the UNet's part may also stand alone.

    As in diffusers, a single number is for the whole section or level, and what is left out is 1. BlockweightError for
    another shape, or two text encoders with different scales, which our BASE cannot tell apart.
    """
    unet = data.get("unet", {key: value for key, value in data.items() if key in _SECTIONS})
    if not isinstance(unet, Mapping):
        unet = dict.fromkeys(_SECTIONS, unet)
    values: dict[str, object] = {"M00": _one(unet.get("mid", 1.0), "mid")}
    blocks = transformers(family)
    _refuse_unknown(unet, _SECTIONS)
    for section in _SERIES:
        levels = unet.get(section, 1.0)
        if isinstance(levels, Mapping):
            _refuse_unknown(levels, [f"block_{level}" for kind, level in blocks if kind == section])
        for (kind, level), names in blocks.items():
            if kind == section:
                scales = levels.get(f"block_{level}", 1.0) if isinstance(levels, Mapping) else levels
                values.update(zip(names, _each(scales, names), strict=True))
    encoders = {number_of(data[encoder]) for encoder in _ENCODERS if encoder in data}
    if len(encoders) > 1:
        raise BlockweightError("The two text encoders have different scales, but BASE is one block; give them one.")
    values["BASE"] = encoders.pop() if encoders else 1.0
    return weights_by_name(name, values, (layout,), None)[0]


def _each(scales: object, names: Sequence[str]) -> list[object]:
    if not isinstance(scales, Sequence) or isinstance(scales, str):
        return [scales] * len(names)
    if len(scales) != len(names):
        raise BlockweightError(f"{len(scales)} scales were given for {', '.join(names)}; give {len(names)} or one.")
    return list(scales)


def _one(scale: object, place: str) -> object:
    if not isinstance(scale, Sequence) or isinstance(scale, str):
        return scale
    if len(scale) != 1:
        raise BlockweightError(f"{len(scale)} scales were given for {place}; give one.")
    return scale[0]


def _refuse_unknown(given: Mapping[Any, object], known: Sequence[str]) -> None:
    for key in given:
        if key not in known:
            raise BlockweightError(f"diffusers has no part {quoted(str(key))} there; it has {', '.join(known)}.")
