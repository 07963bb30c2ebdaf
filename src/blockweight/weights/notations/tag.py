"""The WebUI's prompt tag, `<lora:NAME:te:unet:lbw=…:start=…:stop=…>`, as LoRA Block Weight reads it.

Source: sd-webui-lora-block-weight at b403cb7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.weights.block_weights import BlockWeights
from blockweight.weights.elemental import SHIPPED
from blockweight.weights.numbers import format_weight, is_weight, parse_weight, plain_number

_TAG = re.compile(r"<(?:lora|lyco):([^<>]*)>", re.IGNORECASE)
_OPTIONS = ("te", "unet", "lbw", "w", "lbwe", "x", "start", "stop", "step")
_OLD_FORM = (
    "The block weights stand in their old place, where today's LoRA Block Weight fails with an error; "
    "write them as lbw=… there."
)


@dataclass(frozen=True)
class LoraTag:
    """One tag's content. `weights` is the text after `lbw=` (a vector or a preset's name), empty if there is none;
    `elemental` the name after `lbwe=`; `start` and `stop` are steps, `base` what X stands for. `hint` says what today's
    LoRA Block Weight would make of it otherwise, if anything."""

    name: str
    te: float = 1.0
    unet: float = 1.0
    weights: str = ""
    elemental: str = ""
    base: float | None = None
    start: int | None = None
    stop: int | None = None
    hint: str = ""

    def text(self, weights: str) -> str:
        """The tag with these block weights, a preset's name or a vector, in the form that today's LoRA Block Weight
        reads. BlockweightError for a name that a tag cannot hold."""
        if any(sign in self.name for sign in "<>:"):
            raise BlockweightError(f"A prompt's tag cannot hold the name {quoted(self.name)}; leave out <, > and :.")
        strengths = [self.te] if self.te == self.unet else [self.te, self.unet]
        options = {"lbw": weights, "lbwe": self.elemental, "x": self.base, "start": self.start, "stop": self.stop}
        shown = {
            key: format_weight(value) if isinstance(value, float) else value
            for key, value in options.items()
            if value not in ("", None)
        }
        stated = [f"{key}={value}" for key, value in shown.items()]
        return f"<lora:{':'.join([self.name, *map(format_weight, strengths), *stated])}>"

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON: name, te, unet, and lbwe, start, stop where the tag gives them."""
        given = {"lbwe": self.elemental or None, "start": self.start, "stop": self.stop}
        stated = {key: value for key, value in given.items() if value is not None}
        return {"name": self.name, "te": plain_number(self.te), "unet": plain_number(self.unet), **stated}

    def beside_weights(self) -> list[str]:
        """What the tag says beside its name and weights, as `key=value`; a strength of 1 says nothing."""
        facts = self.facts()
        usual = {"name": self.name, "te": 1, "unet": 1}
        return [f"{key}={value}" for key, value in facts.items() if usual.get(key) != value]


def tags_in(text: str) -> list[str]:
    """The `<lora:…>` and `<lyco:…>` tags of a prompt, in order, as they stand."""
    return [found[0] for found in _TAG.finditer(text)]


def parse_tag(text: str) -> LoraTag:
    """Read one tag.

    Places count from the name, whatever stands in them: the first number is for the text encoder, the second for the
    UNet (one alone is for both, as are `te=` and `unet=`), a third is the base of X or names an elemental preset.
    Options may stand in any order. The old form `<lora:NAME:1:PRESET>` (or a vector there) is read, with a hint.
    BlockweightError for what is no tag, an option that LoRA Block Weight does not know, and what is no number or step.
    """
    found = _TAG.fullmatch(text.strip())
    name, *items = found[1].split(":") if found else [""]
    if not name.strip():
        raise BlockweightError(f"{quoted(text)} is not a LoRA tag; write it as <lora:NAME:1:lbw=…>.")
    options: dict[str, str] = {}
    places = [""] * len(items)
    for place, item in enumerate(items):
        key, equals, value = item.partition("=")
        if not equals:
            places[place] = item.strip()
        elif key.strip().lower() in _OPTIONS:
            options.setdefault(key.strip().lower(), value.strip())
        else:
            known = ", ".join(f"{option}=" for option in _OPTIONS)
            raise BlockweightError(f"The tag's option {quoted(key)} is unknown; LoRA Block Weight has {known}.")
    weights, hint = options.get("lbw", options.get("w", "")), ""
    second, third = ((*places, "", "", "")[place] for place in (1, 2))
    if second and not is_weight(second):
        weights, hint, second = weights or second, _OLD_FORM, ""
    if third and not is_weight(third) and (third not in SHIPPED or "lbwe" in options) and not weights:
        weights, hint, third = third, _OLD_FORM, ""
    if third:
        options.setdefault("x" if is_weight(third) else "lbwe", third)
    te = _strength(options, "te", places[0] if places else "")
    unet = _strength(options, "unet", second)
    start, stop = _steps(options)
    return LoraTag(
        name=name.strip(),
        te=te if te is not None else 1.0 if unet is None else unet,
        unet=unet if unet is not None else 1.0 if te is None else te,
        weights=weights,
        elemental=options.get("lbwe", ""),
        base=parse_weight(options["x"]) if "x" in options else None,
        start=start,
        stop=stop,
        hint=hint,
    )


def write_tag(weights: BlockWeights, tag: LoraTag | None = None) -> str:
    """The tag that applies these weights; the rest of it as in `tag`, else strength 1 and the weights' name as file
    name. BlockweightError for a name that a tag cannot hold."""
    return (tag or LoraTag(weights.name)).text(weights.vector())


def retag(prompt: str, weights: str) -> str:
    """The prompt with the block weights of its tag replaced by `weights`, a preset's name or a vector: `lbw=XYZ`, or
    the old form `:XYZ`, becomes `lbw=Sub`.

    The tag meant is the only one with block weights, or the only one. BlockweightError where that is not clear, and for
    a prompt without a tag.
    """
    found = tags_in(prompt)
    chosen = [tag for tag in found if parse_tag(tag).weights] or found
    if len(chosen) != 1:
        cause = "has several LoRA tags, and it is not clear which is meant" if found else "has no <lora:…> tag"
        raise BlockweightError(f"The prompt {cause}; give one tag block weights, as in <lora:NAME:1:lbw=XYZ>.")
    return prompt.replace(chosen[0], parse_tag(chosen[0]).text(weights), 1)


def _strength(options: dict[str, str], option: str, place: str) -> float | None:
    text = options.get(option, place)
    return parse_weight(text) if text else None


def _steps(options: dict[str, str]) -> tuple[int | None, int | None]:
    start, stop = options.get("start"), options.get("stop")
    if "step" in options:
        ends = options["step"].split("-")
        if len(ends) != 2:
            raise BlockweightError(f"{quoted(options['step'])} is not a range of steps; write it as in step=3-12.")
        start, stop = ends
    return _step(start), _step(stop)


def _step(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        raise BlockweightError(f"{quoted(text)} is not a step; write a whole number, as in start=3.")
    return int(text)
