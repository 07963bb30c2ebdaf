"""What a scene can say of an infotext, and a sentence for everything that it cannot."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from blockweight.errors import BlockweightError, quoted
from blockweight.plan.infotext import Infotext
from blockweight.weights import format_weight, parse_weight
from blockweight.weights.notations.tag import LoraTag

MOST_STEPS = 1000

MOST_CLIP_SKIP = 12
"""As many layers as the text encoder of Stable Diffusion 1 has, and the WebUI's setting goes to."""

HONOURED = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Clip skip")
"""The settings that a scene has a field for."""

SAYS_WHAT = (
    "Model", "Model hash", "Lora hashes", "Hashes", "Civitai resources", "Civitai metadata", "Version", "User",
    "Template", "Negative Template", "Batch size", "Batch pos", "Created Date",
)  # fmt: skip
"""Settings that tell what was used or by what, and decide nothing by themselves."""

MOST_NOTES = 20
"""Of notes on settings that nothing more is known of."""


@dataclass(frozen=True)
class Note:
    """One sentence on what a scene cannot honour, and the settings that it is about, or `Prompt`."""

    fields: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class SceneSettings:
    """What a scene takes from an infotext; None where it says nothing, or nothing that can be done here. The prompt is
    without its tags; sizes are pixels."""

    prompt: str
    negative_prompt: str
    seed: int | None
    steps: int | None
    sampler: str | None
    cfg_scale: float | None
    width: int | None
    height: int | None
    clip_skip: int | None
    notes: tuple[Note, ...]


def scene_settings(infotext: Infotext, samplers: Collection[str]) -> SceneSettings:
    """What a scene of a renderer with these samplers (the WebUI's names) takes from an infotext. Every setting is
    taken, tells what was used (SAYS_WHAT), asks for what happens here anyway, or is named in a note."""
    settings, notes = infotext.settings, list(_prompt_notes(infotext))
    size = _size(settings, notes)
    taken = SceneSettings(
        infotext.bare_prompt,
        infotext.negative_prompt,
        _seed(settings, notes),
        _steps(settings, notes),
        _sampler(settings, samplers, notes),
        _cfg_scale(settings, notes),
        *size,
        _whole("Clip skip", settings, range(1, MOST_CLIP_SKIP + 1), f"a number from 1 to {MOST_CLIP_SKIP}", notes),
        notes=(),
    )
    notes += _setting_notes(settings, size)
    if not settings:
        notes.append(Note((), "There is no line of settings (Steps: 20, Sampler: …), so all of the text is prompts."))
    if infotext.unread:
        notes.append(Note((), f"The text below the settings is not understood: {quoted(infotext.unread)}"))
    return replace(taken, notes=tuple(notes))


def _steps(settings: Mapping[str, str], notes: list[Note]) -> int | None:
    return _whole("Steps", settings, range(1, MOST_STEPS + 1), f"a number from 1 to {MOST_STEPS}", notes)


def _seed(settings: Mapping[str, str], notes: list[Note]) -> int | None:
    if settings.get("Seed") == "-1":
        notes.append(Note(("Seed",), "Seed -1 draws a new seed for every picture; choose seeds, so that pictures can "
                          "be compared."))  # fmt: skip
        return None
    return _whole("Seed", settings, range(2**63), "a seed, a whole number from 0 on", notes)


def _cfg_scale(settings: Mapping[str, str], notes: list[Note]) -> float | None:
    text = settings.get("CFG scale")
    if text is None:
        return None
    try:
        value = parse_weight(text)
    except BlockweightError:
        value = 0.0
    if 1 <= value <= 100:
        return value
    notes.append(Note(("CFG scale",), f"The CFG scale {quoted(text)} is not a number from 1 to 100."))
    return None


def _size(settings: Mapping[str, str], notes: list[Note]) -> tuple[int | None, int | None]:
    text = settings.get("Size")
    if text is None:
        return None, None
    found = re.fullmatch(r"([1-9]\d{0,4})\s*[x×]\s*([1-9]\d{0,4})", text.strip(), re.ASCII)
    if found is None:
        notes.append(Note(("Size",), f"{quoted(text)} is not a size such as 512x768."))
        return None, None
    return int(found[1]), int(found[2])


def _whole(name: str, settings: Mapping[str, str], among: range, what: str, notes: list[Note]) -> int | None:
    text = settings.get(name)
    if text is None:
        return None
    value = int(text) if re.fullmatch(r"\d{1,20}", text, re.ASCII) else -1
    if value in among:
        return value
    notes.append(Note((name,), f"{name} {quoted(text)} is not {what}."))
    return None


def _sampler(settings: Mapping[str, str], samplers: Collection[str], notes: list[Note]) -> str | None:
    """The sampler's name with its schedule.

    WebUIs from 1.9 on write the schedule by itself, and leave it to the sampler as `Automatic`: that of DPM++ 2M is
    Karras, that of the others here is their own (`sd_samplers_kdiffusion.py`). Earlier ones write it into the name.
    """
    sampler, schedule = settings.get("Sampler"), settings.get("Schedule type", "")
    if sampler is None:
        if schedule:
            notes.append(Note(("Schedule type",), f"The schedule {quoted(schedule)} stands without a sampler."))
        return None
    known = {name.lower(): name for name in samplers}
    name, kind = sampler.strip().lower(), schedule.strip().lower()
    if kind == "automatic":
        kind = "karras" if name == "dpm++ 2m" else ""
    elif kind == "uniform" or (kind and name.endswith(f" {kind}")):
        kind = ""
    wanted = f"{name} {kind}".strip()
    if wanted in known:
        return known[wanted]
    fields = ("Sampler", "Schedule type") if schedule else ("Sampler",)
    shown = f"{sampler}, {schedule}" if schedule else sampler
    notes.append(Note(fields, f"There is no sampler {quoted(shown)} here; choose one of {', '.join(samplers)}."))
    return None


def _prompt_notes(infotext: Infotext) -> Iterator[Note]:
    meant = infotext.lora
    for tag in infotext.tags:
        if tag.problem:
            yield Note(("Prompt",), f"The tag {quoted(tag.text)} cannot be read and is left out: {tag.problem}")
        elif tag.lora is None:
            yield Note(("Prompt",), f"{quoted(tag.text)} is left out: only LoRAs are applied.")
        elif tag.lora is not meant:
            yield Note(("Prompt",), f"The LoRA {quoted(tag.lora.name)} is left out: a scene has no other LoRA than the "
                       "project's.")  # fmt: skip
    if meant is not None:
        yield from (Note(("Prompt",), text) for text in _tag_sentences(meant))


def _tag_sentences(tag: LoraTag) -> Iterator[str]:
    if tag.te != tag.unet:
        te, unet = format_weight(tag.te), format_weight(tag.unet)
        yield (
            f"The LoRA's strength is {te} for the text encoder and {unet} for the UNet; a project has one, so {unet} "
            "is taken for both."
        )
    if tag.elemental:
        yield f"The elemental preset {quoted(tag.elemental)} (lbwe=) is not applied; bake it in with --elemental."
    if tag.start is not None or tag.stop is not None:
        yield "The LoRA works in all steps: start=, stop= and step= of its tag play no part."


def _rule(pattern: str, sentence: str, *idle: str) -> tuple[re.Pattern[str], str, tuple[str, ...]]:
    return re.compile(pattern), sentence, idle


_RULES = (
    _rule("VAE( hash)?|Module \\d+", "The VAE is not loaded: pictures are decoded by the model's own.", "None",
          "Automatic"),
    _rule("ENSD|Eta.*|Sigma .*|Schedule (max|min) sigma|Schedule rho|Discard penultimate sigma|SGM noise multiplier",
          "The sampler's own settings stay as they are.", "0"),
    _rule("Variation seed.*|Seed resize from.*", "The noise comes from the seed alone, without variation."),
    _rule("ControlNet.*", "ControlNet is not applied."),
    _rule("Refiner.*", "There is no second model: the refiner is left out."),
    _rule("Face restoration", "Faces are not restored afterwards.", "None"),
    _rule("TI hashes|Used embeddings", "Textual inversion embeddings are loaded from a folder that is named "
          "(--embeddings); without it, their names are read as words."),
    _rule("Hypernet.*", "Hypernetworks are not applied."),
    _rule("AddNet .*", "The LoRAs of Additional Networks are left out; name the one that is meant as the project's."),
    _rule("Mask.*|Inpaint.*|Conditional mask weight|Init image hash|Image CFG scale|Denoising strength",
          "Pictures are drawn from noise, not from another picture (img2img)."),
    _rule("RNG", "Noise is drawn by the CPU, so that the same seed gives another picture.", "CPU"),
)  # fmt: skip
"""Settings' names, what a note says of them, and values that ask for what happens here anyway. From the code of the
WebUI (see `infotext`) and its extensions ControlNet and Additional Networks."""

_HIRES = re.compile(r"Hires.*|First pass size")


def _setting_notes(settings: Mapping[str, str], size: tuple[int | None, int | None]) -> Iterator[Note]:
    left = [name for name in settings if name not in (*HONOURED, *SAYS_WHAT)]
    hires = [name for name in left if _HIRES.fullmatch(name)]
    if hires:
        hires += [name for name in left if name == "Denoising strength"]
        shown = "the size of the first pass" if None in size else f"{size[0]}×{size[1]} pixels"
        yield Note(tuple(hires), f"There is no hires pass: pictures have {shown}.")
        left = [name for name in left if name not in hires]
    for pattern, sentence, idle in _RULES:
        of_it = [name for name in left if pattern.fullmatch(name)]
        left = [name for name in left if name not in of_it]
        said = tuple(name for name in of_it if settings[name] not in idle)
        if said:
            yield Note(said, sentence)
    if "RNG" not in settings and settings.get("Seed", "-1") != "-1":
        yield Note(("Seed",), "The text does not say RNG: CPU. Most WebUIs then draw the noise on the graphics card; "
                   "here the CPU does, so that the same seed gives another picture.")  # fmt: skip
    for name in left[:MOST_NOTES]:
        yield Note((name,), f"{quoted(f'{name}: {settings[name]}')} plays no part here.")
    if len(left) > MOST_NOTES:
        yield Note(tuple(left[MOST_NOTES:]), f"{len(left) - MOST_NOTES} more settings play no part here.")
