"""What a scene can say of an infotext, and a sentence for everything that it cannot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from blockweight.errors import quoted
from blockweight.plan.infotext import (
    MODEL_HASH,
    OWN_DECIDED,
    OWN_MODEL_HASH,
    OWN_NEGATIVE,
    OWN_PROMPT,
    OWN_TAGS,
    Infotext,
)
from blockweight.plan.infotext_loras import TaggedLoras, is_own_setting, tagged_loras
from blockweight.plan.infotext_numbers import number_of, sides_of, whole_of
from blockweight.plan.infotext_parts import PartsSettings, is_part, parts_settings
from blockweight.plan.infotext_sampling import HIRES, MOST_STEPS, SamplingSettings, sampling_settings
from blockweight.plan.infotext_sampling import HONOURED as SAMPLING
from blockweight.plan.notes import Note

MOST_CLIP_SKIP = 12
"""As many layers as the text encoder of Stable Diffusion 1 has, and the WebUI's setting goes to."""

HONOURED = ("Steps", "CFG scale", "Seed", "Size", "Clip skip", *SAMPLING)
"""The settings that a scene has a field for, besides those of its hires pass."""

SAYS_WHAT = (
    "Model", MODEL_HASH, OWN_MODEL_HASH, "Lora hashes", "Hashes", "Civitai resources", "Civitai metadata", "Version",
    "User", "Template", "Negative Template", "Batch size", "Batch pos", "Created Date", OWN_PROMPT, OWN_NEGATIVE,
    OWN_TAGS, OWN_DECIDED,
)  # fmt: skip
"""Settings that tell what was used or by what, and decide nothing by themselves."""

MOST_NOTES = 20
"""Of notes on settings that nothing more is known of."""


@dataclass(frozen=True)
class SceneSettings:
    """What a scene takes from an infotext; None where it says nothing, or nothing that can be done here. The prompt is
    without its tags, `loras` are what those say; sizes are pixels."""

    prompt: str
    negative_prompt: str
    seed: int | None
    steps: int | None
    cfg_scale: float | None
    width: int | None
    height: int | None
    clip_skip: int | None
    sampling: SamplingSettings
    parts: PartsSettings
    loras: TaggedLoras
    notes: tuple[Note, ...]


def scene_settings(infotext: Infotext) -> SceneSettings:
    """What a scene takes from an infotext. Every setting is taken, tells what was used (SAYS_WHAT), asks for what
    happens here anyway, or is named in a note."""
    settings, notes = infotext.settings, list(_prompt_notes(infotext))
    size = _size(settings, notes)
    taken = SceneSettings(
        infotext.bare_prompt,
        infotext.negative_prompt,
        _seed(settings, notes),
        _steps(settings, notes),
        number_of("CFG scale", settings, 1, 100, notes),
        *size,
        whole_of("Clip skip", settings, range(1, MOST_CLIP_SKIP + 1), f"a number from 1 to {MOST_CLIP_SKIP}", notes),
        sampling=sampling_settings(settings, notes),
        parts=parts_settings(settings, notes),
        loras=tagged_loras(infotext, notes),
        notes=(),
    )
    notes += _setting_notes(settings, taken.sampling)
    if not settings:
        notes.append(Note((), "There is no line of settings (Steps: 20, Sampler: …), so all of the text is prompts."))
    if infotext.unread:
        notes.append(Note((), f"The text below the settings is not understood: {quoted(infotext.unread)}"))
    return replace(taken, notes=tuple(notes))


def _steps(settings: Mapping[str, str], notes: list[Note]) -> int | None:
    return whole_of("Steps", settings, range(1, MOST_STEPS + 1), f"a number from 1 to {MOST_STEPS}", notes)


def _seed(settings: Mapping[str, str], notes: list[Note]) -> int | None:
    if settings.get("Seed") == "-1":
        notes.append(Note(("Seed",), "Seed -1 draws a new seed for every picture; choose seeds, so that pictures can "
                          "be compared."))  # fmt: skip
        return None
    return whole_of("Seed", settings, range(2**63), "a seed, a whole number from 0 on", notes)


def _size(settings: Mapping[str, str], notes: list[Note]) -> tuple[int | None, int | None]:
    text = settings.get("Size")
    if text is None:
        return None, None
    sides = sides_of(text)
    if sides is None or not all(sides):
        notes.append(Note(("Size",), f"{quoted(text)} is not a size such as 512x768."))
        return None, None
    return sides


def _prompt_notes(infotext: Infotext) -> Iterator[Note]:
    for tag in infotext.tags:
        if tag.problem:
            yield Note(("Prompt",), f"The tag {quoted(tag.text)} cannot be read and is left out: {tag.problem}")
        elif tag.lora is None:
            yield Note(("Prompt",), f"{quoted(tag.text)} is left out: only LoRAs are applied.")
        elif tag.lora.elemental:
            yield Note(("Prompt",), f"The elemental preset {quoted(tag.lora.elemental)} (lbwe=) is not applied; bake "
                       "it in with --elemental.")  # fmt: skip


def _rule(pattern: str, sentence: str, *idle: str) -> tuple[re.Pattern[str], str, tuple[str, ...]]:
    return re.compile(pattern), sentence, idle


_RULES = (
    _rule("Script|(Fixed )?[XYZ] (Type|Values)", "The picture is a grid of several, as an X/Y/Z plot draws it; the "
          "rest is what its first picture has."),
    _rule("ENSD|Eta .*|Sigma .*|Schedule (max|min) sigma|Schedule rho|Discard penultimate sigma|SGM noise multiplier|"
          "UniPC .*|Beta schedule.*", "The sampler's own settings stay as they are.", "0", "0.6"),
    _rule("Seed resize from.*", "The noise is drawn in the size of the picture."),
    _rule("ControlNet.*", "These settings of ControlNet play no part here."),
    _rule("Refiner.*", "There is no second model: the refiner is left out."),
    _rule("Face restoration", "Faces are not restored afterwards.", "None"),
    _rule("TI hashes|Used embeddings", "Textual inversion embeddings are loaded from a folder that is named "
          "(--embeddings); without it, their names are read as words."),
    _rule("Hypernet.*", "Hypernetworks are not applied."),
    _rule("AddNet .*", "The LoRAs of Additional Networks are left out; name the one that is meant as the project's."),
    _rule("Mask.*|Inpaint.*|Conditional mask weight", "Nothing is masked: all of a picture is drawn (no inpainting)."),
    _rule("Init image hash", "The hash of the picture that was drawn over is not compared."),
    _rule("Noise multiplier|Extra noise|Image CFG scale", "Pictures are drawn over with the WebUI's usual noise."),
    _rule("First pass size", "The size is that of the first pass: there is none below it."),
)  # fmt: skip
"""Settings' names, what a note says of them, and values that ask for what happens here anyway. From the code of the
WebUI (see `infotext`) and its extensions ControlNet and Additional Networks."""

_HIRES = re.compile(r"Hires.*")
_AS_BEFORE = ("Use same sampler", "Use same scheduler", "Use same checkpoint", "Use same choices", "Built-in")


def _is_read(name: str) -> bool:
    return name in (*HONOURED, *SAYS_WHAT, *HIRES) or is_part(name) or is_own_setting(name)


def _setting_notes(settings: Mapping[str, str], sampling: SamplingSettings) -> Iterator[Note]:
    # Hires settings and parts are read, or named as wrong already.
    left = [name for name in settings if not _is_read(name)]
    same = {"Hires CFG Scale": settings.get("CFG scale"), "Hires sampler": sampling.sampler,
            "Hires schedule type": sampling.scheduler}  # fmt: skip
    hires = [name for name in left if _HIRES.fullmatch(name)]
    left = [name for name in left if name not in hires]
    other = tuple(name for name in hires if settings[name] not in (same.get(name), *_AS_BEFORE))
    if other:
        yield Note(other, "A hires pass has the first one's model, prompts, sampler and CFG scale.")
    for pattern, sentence, idle in _RULES:
        of_it = [name for name in left if pattern.fullmatch(name)]
        left = [name for name in left if name not in of_it]
        said = tuple(name for name in of_it if settings[name] not in idle)
        if said:
            yield Note(said, sentence)
    for name in left[:MOST_NOTES]:
        yield Note((name,), f"{quoted(f'{name}: {settings[name]}')} plays no part here.")
    if len(left) > MOST_NOTES:
        yield Note(tuple(left[MOST_NOTES:]), f"{len(left) - MOST_NOTES} more settings play no part here.")
