"""The WebUI's samplers and schedule types by name. What they do is the renderer's affair."""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted

AUTOMATIC = "Automatic"
"""The schedule type that leaves the choice to the sampler."""


@dataclass(frozen=True)
class Sampler:
    """A sampler's other names, and the schedule that `Automatic` means for it; None for one that walks through
    timesteps of its own, whatever the schedule. `takes_eta` says whether eta changes anything."""

    aliases: tuple[str, ...]
    automatic: str | None = "Uniform"
    takes_eta: bool = False


SAMPLERS: dict[str, Sampler] = {
    "DPM++ 2M": Sampler(("k_dpmpp_2m",), "Karras"),
    "DPM++ SDE": Sampler(("k_dpmpp_sde",), "Karras", takes_eta=True),
    "DPM++ 2M SDE": Sampler(("k_dpmpp_2m_sde",), "Exponential", takes_eta=True),
    "DPM++ 2M SDE Heun": Sampler(("k_dpmpp_2m_sde_heun",), "Exponential", takes_eta=True),
    "DPM++ 2S a": Sampler(("k_dpmpp_2s_a",), "Karras", takes_eta=True),
    "DPM++ 3M SDE": Sampler(("k_dpmpp_3m_sde",), "Exponential", takes_eta=True),
    "Euler a": Sampler(("k_euler_a", "k_euler_ancestral"), takes_eta=True),
    "Euler": Sampler(("k_euler",)),
    "LMS": Sampler(("k_lms",)),
    "Heun": Sampler(("k_heun",)),
    "DPM2": Sampler(("k_dpm_2",), "Karras"),
    "DPM2 a": Sampler(("k_dpm_2_a",), "Karras", takes_eta=True),
    "Restart": Sampler(("restart",), "Karras"),
    "DDIM": Sampler(("ddim",), None, takes_eta=True),
    "PLMS": Sampler(("plms",), None),
    "UniPC": Sampler(("unipc",), None),
    "LCM": Sampler(("k_lcm",)),
}
"""By the WebUI's names, in its order. Source: the tables of `modules/sd_samplers_*.py` in
AUTOMATIC1111/stable-diffusion-webui 1.10."""

SCHEDULES: dict[str, tuple[str, ...]] = {
    "Uniform": ("uniform",),
    "Karras": ("karras", "ka"),
    "Exponential": ("exponential", "exp"),
    "Polyexponential": ("polyexponential",),
    "SGM Uniform": ("sgm_uniform", "SGMUniform"),
    "KL Optimal": ("kl_optimal",),
    "Align Your Steps": ("align_your_steps",),
    "Simple": ("simple",),
    "Normal": ("normal",),
    "DDIM": ("ddim",),
    "Beta": ("beta",),
    "Turbo": ("turbo",),
}
"""Schedule types and their other names, from `modules/sd_schedulers.py` there; Turbo is Forge's. The short ones are
endings of old samplers' names (`k_dpmpp_2m_ka`)."""

_SAMPLERS = {other.lower(): name for name, one in SAMPLERS.items() for other in (name, *one.aliases)}
_AUTOMATIC = AUTOMATIC.lower()
_SCHEDULES = {other.lower(): name for name, others in SCHEDULES.items() for other in (name, *others)}


def read_sampler(name: str, schedule: str = AUTOMATIC, unnamed: str = AUTOMATIC) -> tuple[str, str]:
    """The names of a sampler and its schedule, from names in any case, aliases, and names such as `DPM++ 2M Karras`
    that end in the schedule. `unnamed` is the schedule if neither says which. `Automatic` becomes the schedule that it
    means; samplers that walk through timesteps of their own keep it. BlockweightError for names that are not known, and
    two schedules."""
    asked, kind = _plain(name), _plain(schedule)
    if kind not in _SCHEDULES and kind != _AUTOMATIC:
        raise BlockweightError(
            f"There is no schedule type {quoted(schedule)}; use one of: {', '.join((AUTOMATIC, *SCHEDULES))}."
        )
    found, end = _split(asked)
    if found is None:
        raise BlockweightError(f"There is no sampler {quoted(name)}; use one of: {', '.join(SAMPLERS)}.")
    if end is not None and kind != _AUTOMATIC and _SCHEDULES[kind] != end:
        raise BlockweightError(
            f"The sampler {quoted(name)} has the schedule {end} in its name, but {quoted(schedule)} was asked for; "
            "name one of the two."
        )
    automatic = SAMPLERS[found].automatic
    if automatic is None:
        return found, AUTOMATIC
    said = end or _SCHEDULES.get(kind) or _SCHEDULES.get(_plain(unnamed))
    return found, said or automatic


def _split(asked: str) -> tuple[str | None, str | None]:
    """A sampler and the schedule that its name ends in."""
    if asked in _SAMPLERS:
        return _SAMPLERS[asked], None
    ends = (end for end in _SCHEDULES if asked.endswith((f" {end}", f"_{end}")) and asked[: -len(end) - 1] in _SAMPLERS)
    end = max(ends, key=len, default=None)
    return (None, None) if end is None else (_SAMPLERS[asked[: -len(end) - 1]], _SCHEDULES[end])


def _plain(name: str) -> str:
    return " ".join(name.split()).lower()
