"""An infotext's sampler, noise and hires pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan.hires import MOST_PIXELS, UPSCALERS, Hires
from blockweight.plan.infotext_numbers import number_of, sides_of, whole_of
from blockweight.plan.notes import Note
from blockweight.plan.samplers import AUTOMATIC, SAMPLERS, SCHEDULES, read_sampler
from blockweight.plan.scenes import NOISE_SOURCES

HONOURED = (
    "Sampler",
    "Schedule type",
    "Variation seed",
    "Variation seed strength",
    "Eta",
    "Eta DDIM",
    "RNG",
    "Distilled CFG Scale",
)
"""The settings that are read here, besides those of HIRES."""

HIRES = ("Hires upscale", "Hires resize", "Hires steps", "Hires upscaler", "Denoising strength")
"""Those of the hires pass. Without one, the last says how far an img2img picture was drawn over."""

MOST_STEPS = 1000
MOST_SCALE = 16.0
MOST_GUIDANCE = 100.0

_UPSCALER_WITHOUT_MODEL = "Lanczos"


@dataclass(frozen=True)
class SamplingSettings:
    """What a scene takes of an infotext for its fields of these names; None where it says nothing that can be used."""

    sampler: str | None = None
    scheduler: str | None = None
    variation_seed: int | None = None
    variation_strength: float | None = None
    eta: float | None = None
    noise_source: str | None = None
    hires: Hires | None = None
    guidance: float | None = None


def sampling_settings(settings: Mapping[str, str], notes: list[Note]) -> SamplingSettings:
    """The sampler, the noise and the hires pass; a note for all of them that cannot be had."""
    sampler, scheduler = _sampler(settings, notes)
    seed = whole_of("Variation seed", settings, range(2**63), "a seed, a whole number from 0 on", notes)
    strength = number_of("Variation seed strength", settings, 0, 1, notes)
    varied = seed is not None and bool(strength)
    return SamplingSettings(
        sampler,
        scheduler,
        seed if varied else None,
        strength if varied else None,
        _eta(settings, sampler, notes),
        _noise_source(settings, notes),
        _hires(settings, notes),
        number_of("Distilled CFG Scale", settings, 0, MOST_GUIDANCE, notes),
    )


def _sampler(settings: Mapping[str, str], notes: list[Note]) -> tuple[str | None, str | None]:
    """WebUIs from 1.9 on write the schedule by itself; earlier ones have it in the sampler's name, and one that they do
    not name is Uniform."""
    sampler, schedule = settings.get("Sampler"), settings.get("Schedule type", "")
    if sampler is None:
        if schedule:
            notes.append(Note(("Schedule type",), f"The schedule {quoted(schedule)} stands without a sampler."))
        return None, None
    try:
        # Automatic, if it is said, is one of the schedules; nothing said is another.
        return read_sampler(sampler, schedule or AUTOMATIC, AUTOMATIC if schedule else "Uniform")
    except BlockweightError:
        pass
    fields = ("Sampler", "Schedule type") if schedule else ("Sampler",)
    shown = f"{sampler}, {schedule}" if schedule else sampler
    notes.append(Note(fields, f"There is no sampler {quoted(shown)} here; choose one of {', '.join(SAMPLERS)}, and as "
                      f"schedule type {AUTOMATIC} or one of {', '.join(SCHEDULES)}."))  # fmt: skip
    return None, None


def _eta(settings: Mapping[str, str], sampler: str | None, notes: list[Note]) -> float | None:
    found = [number_of(name, settings, 0, 1, notes) for name in ("Eta", "Eta DDIM")]
    if sampler is not None and not SAMPLERS[sampler].takes_eta:
        return None
    return found[1] if sampler == "DDIM" else found[0]


def _noise_source(settings: Mapping[str, str], notes: list[Note]) -> str | None:
    """The WebUI writes it only if it is not the device's own generator, its default."""
    text = settings.get("RNG")
    if text in NOISE_SOURCES:
        return text
    if text is not None:
        notes.append(Note(("RNG",), f"RNG {quoted(text)} is not one of {', '.join(NOISE_SOURCES)}."))
        return None
    if settings.get("Seed", "-1") == "-1":
        return None
    notes.append(Note(("Seed",), "The text does not say RNG, so the device that renders draws the noise, as in the "
                      "WebUI; for a picture that was made on an NVIDIA card, choose the noise NV."))  # fmt: skip
    return "GPU"


def _hires(settings: Mapping[str, str], notes: list[Note]) -> Hires | None:
    if not any(name in settings for name in HIRES[:4]):
        return None
    plain = Hires()
    wrong: list[Note] = []
    scale = number_of("Hires upscale", settings, 0.05, MOST_SCALE, wrong)
    steps = whole_of("Hires steps", settings, range(MOST_STEPS + 1), f"a number from 0 to {MOST_STEPS}", wrong)
    denoising = number_of("Denoising strength", settings, 0, 1, wrong)
    sides = sides_of(settings["Hires resize"]) if "Hires resize" in settings else (0, 0)
    if sides is None or not max(sides) <= MOST_PIXELS:
        wrong.append(Note(("Hires resize",), f"Hires resize {quoted(settings['Hires resize'])} is not a size such as "
                          "1024x768."))  # fmt: skip
    if wrong or sides is None:
        fields = tuple(name for name in HIRES if name in settings)
        notes.append(Note(fields, f"There is no hires pass: {wrong[0].text}"))
        return None
    upscaler = settings.get("Hires upscaler", plain.upscaler)
    if upscaler not in UPSCALERS:
        said = f"The upscaler {quoted(upscaler)} is not here; {_UPSCALER_WITHOUT_MODEL} enlarges the picture instead."
        notes.append(Note(("Hires upscaler",), said))
        upscaler = _UPSCALER_WITHOUT_MODEL
    return Hires(
        upscaler,
        plain.scale if scale is None else scale,
        *sides,
        steps or 0,
        plain.denoising if denoising is None else denoising,
    )
