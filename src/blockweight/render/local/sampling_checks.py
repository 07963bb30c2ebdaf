"""What the local renderer refuses of a scene's sampler, noise, passes and ControlNets."""

from __future__ import annotations

import math
from collections.abc import Collection

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import (
    AUTOMATIC,
    CONTROL_MODES,
    MOST_PIXELS,
    NOISE_SOURCES,
    RESIZE_MODES,
    SAMPLERS,
    SCHEDULES,
    UPSCALERS,
    Control,
    Hires,
    Scene,
    Start,
)
from blockweight.render.local.earlier import EARLIER_SAMPLERS
from blockweight.render.local.sampling import LEAST_UNIPC_STEPS, steps_over, whole_steps

MOST_STEPS = 1000


def check_sampling(scene: Scene) -> None:
    """Raise BlockweightError for names that are not known, numbers out of their range, and, in a scene without a
    schedule type, for a sampler or a field that such scenes do not have."""
    if not scene.scheduler:
        _check_earlier(scene)
        return
    _check_known("sampler", scene.sampler, SAMPLERS)
    automatic = SAMPLERS[scene.sampler].automatic
    _check_known("schedule type", scene.scheduler, (AUTOMATIC,) if automatic is None else SCHEDULES)
    _check_known("noise source", scene.noise_source, NOISE_SOURCES)
    _check_share("variation strength", scene.variation_strength)
    if scene.eta is not None:
        _check_share("eta", scene.eta)
    if not 0 <= scene.variation_seed < 2**63:
        raise BlockweightError(
            f"The variation seed must be a whole number from 0 to {2**63 - 1}, not {scene.variation_seed}."
        )
    _check_enough(scene.sampler, scene.steps)
    for control in scene.controls:
        _check_control(control)
    if scene.start is not None:
        _check_start(scene, scene.start)
    if scene.hires is not None:
        _check_hires(scene, scene.hires)


def _check_earlier(scene: Scene) -> None:
    noise = scene.variation_strength or scene.eta is not None or scene.noise_source != "CPU"
    later = noise or scene.hires is not None or scene.start is not None or scene.controls
    if scene.sampler not in EARLIER_SAMPLERS or later:
        raise BlockweightError(
            f"The scene {quoted(scene.label)} names no schedule type, so its sampler must be one of "
            f"{', '.join(EARLIER_SAMPLERS)}, without variation, eta, noise source, hires pass, picture to draw over or "
            "ControlNet; name a schedule type."
        )


def _check_control(control: Control) -> None:
    _check_known("control mode", control.mode, CONTROL_MODES)
    _check_known("resize mode", control.resize, RESIZE_MODES)
    if not 0 <= control.weight <= 2:
        raise BlockweightError(f"The weight of a ControlNet must be a number from 0 to 2, not {control.weight}.")
    if not 0 <= control.start <= control.end <= 1:
        raise BlockweightError(
            f"A ControlNet works from one share of the steps to a later one, 0 to 1, not from {control.start} to "
            f"{control.end}."
        )


def _check_start(scene: Scene, start: Start) -> None:
    if scene.hires is not None:
        raise BlockweightError(
            f"The scene {quoted(scene.label)} is drawn over a picture, so it can have no hires pass; leave one out."
        )
    _check_known("resize mode", start.resize, RESIZE_MODES)
    _check_share("denoising strength", start.denoising)
    _check_enough(scene.sampler, steps_over(scene.steps, start.denoising) - 1)


def _check_hires(scene: Scene, hires: Hires) -> None:
    _check_known("upscaler", hires.upscaler, UPSCALERS)
    _check_share("denoising strength of the hires pass", hires.denoising)
    if not 0 <= hires.steps <= MOST_STEPS:
        raise BlockweightError(f"The hires pass takes 0 to {MOST_STEPS} steps, not {hires.steps}; 0 is as many again.")
    if not (math.isfinite(hires.scale) and hires.width >= 0 and hires.height >= 0):
        raise BlockweightError(
            f"The size of the hires pass must be finite, not {hires.scale} times or {hires.width}×{hires.height}."
        )
    width, height = scene.picture_size
    if min(width, height) < 8 or max(width, height) > MOST_PIXELS:
        raise BlockweightError(
            f"The hires pass would make {width}×{height} pixels; choose a size with sides of 8 to {MOST_PIXELS}."
        )
    steps = hires.steps or scene.steps
    if hires.denoising and whole_steps(steps, hires.denoising) > MOST_STEPS:
        raise BlockweightError(
            f"{steps} steps at a denoising strength of {hires.denoising:g} are the end of more than {MOST_STEPS}; take "
            "fewer steps, or a higher strength."
        )
    if hires.denoising:
        _check_enough(scene.sampler, steps - 1)


def _check_enough(sampler: str, steps: int) -> None:
    if sampler == "UniPC" and steps < LEAST_UNIPC_STEPS:
        raise BlockweightError(
            f"UniPC needs {LEAST_UNIPC_STEPS} steps, {LEAST_UNIPC_STEPS + 1} in a hires pass or over a picture; take "
            "more, or another sampler."
        )


def _check_known(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise BlockweightError(f"There is no {what} {quoted(name)} here; use one of: {', '.join(known)}.")


def _check_share(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise BlockweightError(f"The {what} must be a number from 0 to 1, not {value}.")
