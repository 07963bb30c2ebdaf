"""An infotext's VAE, the strength that an img2img picture was drawn over with, and its ControlNets.

Sources: `create_infotext` of `modules/processing.py` in AUTOMATIC1111/stable-diffusion-webui 1.10 (`VAE`, `VAE hash`);
`modules/processing.py` of lllyasviel/stable-diffusion-webui-forge (`Module 1`); `internal_controlnet/args.py` of
Mikubill/sd-webui-controlnet (`ControlNet 0: "Module: canny, Model: …"`), and the forms that its earlier versions wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from blockweight.errors import quoted
from blockweight.plan.infotext_numbers import number_of
from blockweight.plan.infotext_sampling import HIRES
from blockweight.plan.notes import Note
from blockweight.plan.parts import CONTROL_MODES, RESIZE_MODES

_IDLE = ("", "None", "Automatic")

MOST_CONTROLS = 10
"""As many units as the extension's setting goes to."""

CONTROL_PICTURE = "ControlNet picture"
"""What notes on the missing map of a ControlNet are about."""

_MODULE = re.compile(r"Module \d{1,2}")
_CONTROL = re.compile(r"ControlNet(?:[ -](\d{1,2}))?(?: ([A-Za-z][\w ]*))?", re.ASCII)
_ITEM = re.compile(r"\s*([^:,]{1,40}):\s*(\([^)]*\)|[^,]*?)\s*(?:,|$)")
_HASHED = re.compile(r"(.*?)\s*\[([0-9a-f]{6,64})\]", re.DOTALL)
_RANGE = re.compile(r"\(\s*([\d.]+)\s*,\s*([\d.]+)\s*\)", re.ASCII)

_ALIASES = {"preprocessor": "module", "guidance strength": "guidance end", "guidance": "guidance end"}
_OF_THE_MAP = (
    "processor res",
    "threshold a",
    "threshold b",
    "pixel perfect",
    "preprocessor params",
    "preprocess",
    "rgb to bgr",
)
"""What decides the map that a preprocessor makes."""
_OF_THE_MACHINE = ("enabled", "low vram", "lowvram", "low v ram")
_OTHER_KINDS = re.compile(r"t2i|adapter|lllite|control-?lora|instant_?id|pulid|union|sparsectrl", re.IGNORECASE)
"""Models of the extension that are no ControlNets, or other ones, by their names."""
_WITHOUT_MAPS = re.compile(r"reference|revision|ip-adapter|clip_vision|inpaint|instant_?id|pulid|recolor_?fix|colorfix")
"""Preprocessors that are more than a map."""


@dataclass(frozen=True)
class ControlSettings:
    """A unit of the ControlNet extension: its place in the infotext, the preprocessor (empty for none), the model's
    name and hash, and what `plan.Control` says of the rest."""

    name: str
    module: str
    model: str
    model_hash: str
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    mode: str = CONTROL_MODES[0]
    resize: str = RESIZE_MODES[1]


@dataclass(frozen=True)
class PartsSettings:
    """What an infotext says of files beside the checkpoint: the VAE's name and hash, empty if it is the model's own;
    files that Forge loads beside it; how far an img2img picture was drawn over, None if it was none; ControlNets."""

    vae: str = ""
    vae_hash: str = ""
    modules: tuple[str, ...] = ()
    denoising: float | None = None
    controls: tuple[ControlSettings, ...] = ()


def is_part(name: str) -> bool:
    """Whether a setting is one that is read here."""
    return name in ("VAE", "VAE hash") or bool(_MODULE.fullmatch(name) or _CONTROL.fullmatch(name))


def parts_settings(settings: Mapping[str, str], notes: list[Note]) -> PartsSettings:
    """The parts; a note for all that a scene cannot have of them."""
    vae = settings.get("VAE", "")
    named = "" if vae in _IDLE else vae
    if not named and "VAE hash" in settings:
        short = settings["VAE hash"]
        notes.append(Note(("VAE hash",), f"The VAE is not named, only its hash {quoted(short)}; choose it."))
    modules = tuple(value for name, value in settings.items() if _MODULE.fullmatch(name) and value not in _IDLE)
    return PartsSettings(
        named,
        settings.get("VAE hash", "") if named else "",
        modules,
        _denoising(settings, notes),
        tuple(_controls(settings, notes)),
    )


def _denoising(settings: Mapping[str, str], notes: list[Note]) -> float | None:
    if "Denoising strength" not in settings or any(name in settings for name in HIRES[:4]):
        return None
    found = number_of("Denoising strength", settings, 0, 1, notes)
    if found is not None:
        notes.append(Note(("Denoising strength",), "The infotext does not hold the picture that was drawn over "
                          "(img2img), so pictures are drawn from noise; give it (--init-image)."))  # fmt: skip
    return found


def _controls(settings: Mapping[str, str], notes: list[Note]) -> Iterator[ControlSettings]:
    """The units that can be had."""
    units = _units(settings)
    for number, (name, (fields, said)) in enumerate(units.items()):
        if said.get("enabled", "True") != "True":
            continue
        if number >= MOST_CONTROLS:
            notes.append(Note(fields, f"{name} is left out: there are no more than {MOST_CONTROLS}."))
            continue
        found = _control(name, fields, said, notes)
        if found is not None:
            yield found


def _units(settings: Mapping[str, str]) -> dict[str, tuple[tuple[str, ...], dict[str, str]]]:
    """Name of a unit → its settings, and what they say by lower-case names."""
    units: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
    for name, value in settings.items():
        found = _CONTROL.fullmatch(name)
        if found is None:
            continue
        unit = f"ControlNet {found[1] or 0}"
        fields, said = units.get(unit, ((), {}))
        items = _ITEM.findall(value) if found[2] is None else [(found[2], value)]
        more = {_plain(key): text.strip() for key, text in items}
        units[unit] = (*fields, name), {**said, **more}
    return units


def _plain(key: str) -> str:
    name = " ".join(key.split()).lower()
    return _ALIASES.get(name, name)


def _control(name: str, fields: tuple[str, ...], said: Mapping[str, str], notes: list[Note]) -> ControlSettings | None:
    """A unit as far as it can be had, None if it cannot; all that cannot is noted."""
    hashed = _HASHED.fullmatch(said.get("model", ""))
    model, short = (hashed[1], hashed[2]) if hashed else (said.get("model", ""), "")
    module = "" if said.get("module", "none").lower() == "none" else said["module"]
    left_out = _left_out(model, module)
    if left_out:
        notes.append(Note(fields, f"{name} is left out: {left_out}"))
        return None
    wrong: list[Note] = []
    weight = number_of("weight", said, 0, 2, wrong)
    first, last = (number_of(f"guidance {end}", said, 0, 1, wrong) for end in ("start", "end"))
    pair = _RANGE.fullmatch(said.get("starting/ending", ""))
    if pair:
        ends = {"guidance start": pair[1], "guidance end": pair[2]}
        first, last = (number_of(end, ends, 0, 1, wrong) for end in ends)
    mode = _one_of(said, "control mode", CONTROL_MODES, wrong)
    resize = _one_of(said, "resize mode", RESIZE_MODES, wrong)
    start, end = 0.0 if first is None else first, 1.0 if last is None else last
    if wrong or start > end:
        said_why = wrong[0].text if wrong else "it ends before it begins."
        notes.append(Note(fields, f"{name} is left out: {said_why}"))
        return None
    map_of = f" as {quoted(module)} makes it" if module else ""
    notes.append(Note((CONTROL_PICTURE,), f"{name} works by a picture that the infotext does not hold; give it{map_of} "
                      "(--control-picture), or it is left out."))  # fmt: skip
    notes += _further(name, said)
    return ControlSettings(name, module, model, short, 1.0 if weight is None else weight, start, end, mode, resize)


_READ = (
    "module",
    "model",
    "weight",
    "guidance start",
    "guidance end",
    "starting/ending",
    "control mode",
    "resize mode",
)


def _further(name: str, said: Mapping[str, str]) -> Iterator[Note]:
    """Notes on what a unit says beyond what is read."""
    known = (*_READ, *_OF_THE_MAP, *_OF_THE_MACHINE)
    left = {key: value for key, value in said.items() if key not in known}
    if left.get("hr option") == "Both":
        del left["hr option"]
    for key, value in left.items():
        yield Note((f"{name} {key}",), f"{quoted(f'{key}: {value}')} of {name} plays no part here.")


def _left_out(model: str, module: str) -> str:
    """Why a unit cannot be had, in the end of a sentence; empty if it can."""
    if _WITHOUT_MAPS.search(module):
        return f"{quoted(module)} is more than a map for a ControlNet."
    if model in _IDLE:
        return "it names no model."
    return f"{quoted(model)} is another kind of model." if _OTHER_KINDS.search(model) else ""


def _one_of(said: Mapping[str, str], name: str, known: tuple[str, ...], wrong: list[Note]) -> str:
    """A name among those that are known, in any case and as earlier versions had them; the usual one without it."""
    usual = known[0] if known is CONTROL_MODES else known[1]
    text = said.get(name, usual)
    found = {one.lower(): one for one in known} | _EARLIER
    if text.lower() in found:
        return found[text.lower()]
    wrong.append(Note((name,), f"{name} {quoted(text)} is not one of {', '.join(known)}."))
    return usual


_EARLIER = {
    "inner fit (scale to fit)": RESIZE_MODES[1],
    "scale to fit (inner fit)": RESIZE_MODES[1],
    "outer fit (shrink to fit)": RESIZE_MODES[2],
    "envelope (outer fit)": RESIZE_MODES[2],
}
