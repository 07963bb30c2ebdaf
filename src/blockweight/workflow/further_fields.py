"""The fields of a scene's form that few scenes need: clip skip, noise, guidance and hires pass, as they
are typed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import NOISE_SOURCES, SAMPLERS, UPSCALERS, Hires, SamplingSettings, Scene
from blockweight.weights import format_weight, parse_weight
from blockweight.workflow.sampling_options import SamplingOptions, idle_eta
from blockweight.workflow.scenes import parse_sampler, sampler_names

USUAL: Mapping[str, str] = {
    "clip_skip": "1",
    "noise": NOISE_SOURCES[0],
    "variation_seed": "0",
    "variation_strength": "0",
    "eta": "",
    "distilled_cfg": "",
    "hires_upscaler": "",
    "hires_scale": "",
    "hires_size": "",
    "hires_steps": "",
    "hires_denoise": "",
}
"""Every field with what it holds at first. Without an upscaler there is no hires pass, whatever stands in its other
fields; empty fields are as usual."""

_TAKES_ETA = "Euler a"
"""A sampler that takes one, so that a wrong one is refused."""

_HIRES = tuple(name for name in USUAL if name.startswith("hires_"))


def choices() -> dict[str, object]:
    """What a scene's form offers: samplers, sources of the noise, upscalers, and what is usual in the fields here."""
    return {"samplers": sampler_names(), "noises": NOISE_SOURCES, "upscalers": UPSCALERS, "usual": dict(USUAL)}


def parse_clip_skip(text: str) -> int:
    """1 to 12; BlockweightError otherwise."""
    return _whole(text or USUAL["clip_skip"], 1, 12, "clip skip")


def _options(typed: Mapping[str, str]) -> SamplingOptions:
    """The options for `scene_fields`; BlockweightError for what is no number."""
    text = {name: unicodedata.normalize("NFKC", typed.get(name, "")).strip() for name in USUAL}
    options = SamplingOptions(
        noise=text["noise"] or USUAL["noise"],
        variation_seed=_whole(text["variation_seed"] or "0", 0, 2**63 - 1, "seed"),
        variation_strength=_number(text["variation_strength"] or "0", "variation strength"),
        eta=_number(text["eta"], "eta") if text["eta"] else None,
        distilled_cfg=_number(text["distilled_cfg"], "distilled CFG scale") if text["distilled_cfg"] else None,
    )
    if not text["hires_upscaler"]:
        return options
    scale, size, steps, denoise = (text[name] for name in _HIRES[1:])
    return replace(
        options,
        hires_upscaler=text["hires_upscaler"],
        hires_scale=_number(scale, "scale for the hires pass") if scale else None,
        hires_size=size or None,
        hires_steps=_whole(steps, 0, 1000, "number of steps") if steps else None,
        hires_denoise=_number(denoise, "denoising strength") if denoise else None,
    )


def read_further(typed: Mapping[str, str]) -> tuple[int, SamplingOptions]:
    """The clip skip, and the options of the sampler, the noise and the hires pass. BlockweightError for what cannot be
    read or used."""
    options = _options(typed)
    options.scene_fields(_TAKES_ETA)
    return parse_clip_skip(typed.get("clip_skip", "")), options


def _alone(name: str) -> Callable[[str], object]:
    """A parser for one field. Those of the hires pass are read as if there is one."""
    upscaler = {"hires_upscaler": UPSCALERS[0]} if name in _HIRES[1:] else {}
    return lambda text: read_further({**upscaler, name: text})


PARSERS: Mapping[str, Callable[[str], object]] = {name: _alone(name) for name in USUAL}
"""What refuses a field's text by itself."""


def further_errors(typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with these fields: a field's name → why, in one sentence."""
    errors = {}
    # Without an upscaler the rest of the hires pass says nothing.
    for name in (
        USUAL if typed.get("hires_upscaler", "").strip() else [name for name in USUAL if name not in _HIRES[1:]]
    ):
        try:
            PARSERS[name](typed.get(name, ""))
        except BlockweightError as error:
            errors[name] = str(error)
    if "eta" not in errors and typed.get("eta", "").strip() and (sampler := _sampler(typed)) is not None:
        errors |= {} if SAMPLERS[sampler].takes_eta else {"eta": str(idle_eta([sampler]))}
    if not errors:
        try:
            read_further(typed)
        except BlockweightError as error:  # each by itself is right: a scale and a size
            errors["hires_size"] = str(error)
    return errors


def _sampler(typed: Mapping[str, str]) -> str | None:
    """The sampler of the form; None if there is none that is known, which is said elsewhere."""
    try:
        return parse_sampler(typed.get("sampler", ""))[0]
    except BlockweightError:
        return None


def further_fields(scene: Scene) -> dict[str, str]:
    """These fields of a scene as its form shows them."""
    return {
        "clip_skip": str(scene.clip_skip),
        "noise": scene.noise_source,
        "variation_seed": str(scene.variation_seed),
        "variation_strength": format_weight(scene.variation_strength),
        "eta": "" if scene.eta is None else format_weight(scene.eta),
        "distilled_cfg": "" if scene.guidance is None else format_weight(scene.guidance),
        **_hires_fields(scene.hires),
    }


def found_fields(clip_skip: int | None, found: SamplingSettings) -> dict[str, str]:
    """These fields as an infotext gives them. It names none of them where the picture was made as usual, but for the
    noise."""
    strength = found.variation_strength
    return {
        "clip_skip": str(clip_skip or USUAL["clip_skip"]),
        **({} if found.noise_source is None else {"noise": found.noise_source}),
        "variation_seed": str(found.variation_seed or 0),
        "variation_strength": format_weight(strength) if strength else USUAL["variation_strength"],
        "eta": "" if found.eta is None else format_weight(found.eta),
        "distilled_cfg": "" if found.guidance is None else format_weight(found.guidance),
        **_hires_fields(found.hires),
    }


def _hires_fields(hires: Hires | None) -> dict[str, str]:
    if hires is None:
        return dict.fromkeys(_HIRES, "")
    sized = bool(hires.width or hires.height)
    return {
        "hires_upscaler": hires.upscaler,
        "hires_scale": "" if sized else format_weight(hires.scale),
        "hires_size": f"{hires.width}x{hires.height}" if sized else "",
        "hires_steps": str(hires.steps) if hires.steps else "",
        "hires_denoise": format_weight(hires.denoising),
    }


def merged(fields: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """A scene's fields with what was typed over them. A scale for the hires pass takes the place of a size, and a size
    that of a scale; and whoever types one of its fields wants one. A sampler leaves out an eta that it does not
    take."""
    made = {**fields, **typed}
    name = _sampler(made)
    if "eta" not in typed and name is not None and not SAMPLERS[name].takes_eta:
        made["eta"] = ""
    for name, other in (("hires_scale", "hires_size"), ("hires_size", "hires_scale")):
        if typed.get(name) and other not in typed:
            made[other] = ""
    if "hires_upscaler" not in typed and any(typed.get(name) for name in _HIRES):
        made["hires_upscaler"] = made["hires_upscaler"] or UPSCALERS[0]
    return made


def changed_scene(base: Scene, typed: Mapping[str, str]) -> dict[str, Any]:
    """What of a scene these fields and its sampler change. What nobody touches stays as it is, also in a scene that was
    made before there were schedule types."""
    clip_skip, options = read_further(typed)
    further = further_fields(base)
    same = all((typed[name] or USUAL[name]) == text for name, text in further.items() if name != "clip_skip")
    if typed["sampler"] == base.sampler_name and same:
        return {"clip_skip": clip_skip}
    found = options.scene_fields(typed["sampler"])
    sampler, scheduler = parse_sampler(typed["sampler"])
    if typed["sampler"] == base.sampler_name and base.scheduler:
        sampler, scheduler = base.sampler, base.scheduler
    return {**found, "clip_skip": clip_skip, "sampler": sampler, "scheduler": scheduler}


def further_text(scene: Scene) -> str:
    """What is not as usual, as an end of a line: `, clip skip 2, hires pass Latent`."""
    told = []
    if scene.clip_skip != 1:
        told.append(f"clip skip {scene.clip_skip}")
    if scene.variation_strength:
        told.append(f"variation {scene.variation_seed} by {scene.variation_strength:g}")
    if scene.eta is not None:
        told.append(f"eta {scene.eta:g}")
    if scene.guidance is not None:
        told.append(f"distilled CFG {scene.guidance:g}")
    if scene.noise_source != "CPU":
        told.append(f"noise {scene.noise_source}")
    if scene.hires is not None:
        width, height = scene.picture_size
        told.append(f"hires pass {scene.hires.upscaler} to {width}x{height}")
    return "".join(f", {each}" for each in told)


def _number(text: str, what: str) -> float:
    try:
        return parse_weight(text)
    except BlockweightError:
        raise BlockweightError(f"{quoted(text)} is no {what}; write a number such as 0.5.") from None


def _whole(text: str, least: int, most: int, what: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not re.fullmatch(r"\d{1,19}", plain, re.ASCII) or not least <= int(plain) <= most:
        raise BlockweightError(f"{quoted(text)} is no {what}; write a whole number from {least} to {most}.")
    return int(plain)
