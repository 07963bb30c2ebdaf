"""A scene's sampler, noise and hires pass from what is typed."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import AUTOMATIC, NOISE_SOURCES, SAMPLERS, UPSCALERS, Hires, SamplingSettings, read_sampler
from blockweight.plan.infotext_numbers import sides_of
from blockweight.workflow.part_options import one_of, within

_PLAIN = Hires()


@dataclass(frozen=True)
class SamplingOptions:
    """The options by their names on the command line, without the sampler; None for those of a hires pass that were not
    given. There is a hires pass if one of them was. `hires_size` is a text such as `1024x768`; a side may be 0."""

    scheduler: str = AUTOMATIC
    noise: str = "CPU"
    variation_seed: int = 0
    variation_strength: float = 0.0
    eta: float | None = None
    hires_upscaler: str | None = None
    hires_scale: float | None = None
    hires_size: str | None = None
    hires_steps: int | None = None
    hires_denoise: float | None = None
    distilled_cfg: float | None = None

    def scene_fields(self, sampler: str) -> dict[str, Any]:
        """What `plan.Scene` takes of them, with this sampler. BlockweightError for what is not known or no number that
        can be used, and for an eta that the sampler does not take."""
        name, scheduler = read_sampler(sampler, self.scheduler)
        strength = within("variation strength", self.variation_strength, 0, 1)
        if self.eta is not None and not SAMPLERS[name].takes_eta:
            raise idle_eta([name])
        return {
            "sampler": name,
            "scheduler": scheduler,
            # Without a strength it decides nothing, so that pictures are not told apart by it.
            "variation_seed": self.variation_seed if strength else 0,
            "variation_strength": strength,
            "eta": None if self.eta is None else within("eta", self.eta, 0, 1),
            "noise_source": one_of("noise source", self.noise, NOISE_SOURCES),
            "hires": self._hires(),
            "guidance": self._guidance(),
        }

    def for_sampler(self, sampler: str) -> SamplingOptions:
        """The same without an eta that this sampler does not take."""
        return self if SAMPLERS[read_sampler(sampler, self.scheduler)[0]].takes_eta else replace(self, eta=None)

    def _guidance(self) -> float | None:
        if self.distilled_cfg is not None and not 0 <= self.distilled_cfg < math.inf:
            raise BlockweightError(f"The distilled CFG scale must be 0 or more, not {self.distilled_cfg:g}.")
        return self.distilled_cfg

    def _hires(self) -> Hires | None:
        upscaler, scale, steps, denoising = (
            self.hires_upscaler, self.hires_scale, self.hires_steps, self.hires_denoise,
        )  # fmt: skip
        if (upscaler, scale, self.hires_size, steps, denoising) == (None,) * 5:
            return None
        if scale is not None and self.hires_size is not None:
            raise BlockweightError(
                "The size of the hires pass was given by a scale and by pixels; give one of the two."
            )
        if scale is not None and not 0 < scale < math.inf:
            raise BlockweightError(f"The scale of the hires pass must be a number above 0, not {scale:g}.")
        sides = (0, 0) if self.hires_size is None else _sides(self.hires_size)
        return Hires(
            _PLAIN.upscaler if upscaler is None else one_of("upscaler", upscaler, UPSCALERS),
            # Pixels leave the scale nothing to say.
            _PLAIN.scale if scale is None else scale,
            *sides,
            _PLAIN.steps if steps is None else steps,
            _PLAIN.denoising if denoising is None else within("denoising strength of the hires pass", denoising, 0, 1),
        )

    def filled(self, found: SamplingSettings, typed: Collection[str]) -> SamplingOptions:
        """These options with what an infotext gives for all that was not typed. A sampler that was typed brings its own
        schedule; of the hires pass, what was typed counts more."""
        news: dict[str, Any] = {
            "scheduler": None if "sampler" in typed else found.scheduler,
            "noise": found.noise_source,
            "variation_seed": found.variation_seed,
            "variation_strength": found.variation_strength,
            "eta": found.eta,
            "distilled_cfg": found.guidance,
            **_hires_options(found.hires, typed),
        }
        return replace(self, **{name: value for name, value in news.items() if name not in typed and value is not None})


def idle_eta(samplers: Sequence[str]) -> BlockweightError:
    """For an eta beside samplers that have none."""
    names = ", ".join(samplers)
    others = ", ".join(name for name, sampler in SAMPLERS.items() if sampler.takes_eta)
    return BlockweightError(f"Eta plays no part with {names}; leave it out, or take a sampler that has it: {others}.")


def _hires_options(hires: Hires | None, typed: Collection[str]) -> dict[str, Any]:
    if hires is None:
        return {}
    sized = bool(hires.width or hires.height)
    resized = {"hires_scale", "hires_size"} & set(typed)
    return {
        "hires_upscaler": hires.upscaler,
        "hires_scale": None if sized or resized else hires.scale,
        "hires_size": f"{hires.width}x{hires.height}" if sized and not resized else None,
        "hires_steps": hires.steps,
        "hires_denoise": hires.denoising,
    }


def _sides(text: str) -> tuple[int, int]:
    sides = sides_of(unicodedata.normalize("NFKC", text).lower())
    if sides is None or not any(sides):
        raise BlockweightError(
            f"{quoted(text)} is not a size; write width and height like 1024x768, with 0 for one that follows."
        )
    return sides
