"""How the LoRAs of a job reach a WebUI: as tags with literal block weights, or as files with these baked in.

LoRA Block Weight, where it is trusted, takes the place of a file for every vector. Its facts, and where it fails
without a word, are those of hako-mikan/sd-webui-lora-block-weight at b403cb7, run on Forge f2.0.1v1.10.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.blocks import REST, Layout, family_by_name, layouts_of_length
from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora
from blockweight.plan import Job, LoraUse
from blockweight.render.webui.discovery import Flavour
from blockweight.weights import BlockWeights, format_weight

_UNET_FAMILIES = ("sd1", "sd2", "sdxl")
_FLUX = "flux1"

_LINEAR = ("lora", "locon", "loha")
"""The kinds of modules that LoRA Block Weight scales in proportion in every WebUI, and none of which it drops."""

_LINEAR_IN_FORGE = (*_LINEAR, "lokr", "dora")
"""Forge multiplies whatever such a module changes, after a magnitude was applied."""

_NOT_IN_TAGS = "<>:=,"


@dataclass(frozen=True)
class Worn:
    """A LoRA with its block weights, as a job wears it."""

    use: LoraUse
    weights: BlockWeights


def worn_by(job: Job) -> tuple[Worn, ...]:
    """The LoRAs of a job, the one that is tuned first."""
    tuned = () if job.variant.weights is None else (Worn(job.lora, job.variant.weights),)
    return (*tuned, *(Worn(each.use, each.weights) for each in job.scene.loras))


def present(lora: Lora, weights: BlockWeights) -> tuple[float, ...]:
    """The weights of the blocks that the LoRA has, REST's last if it has such modules. The layout names them all, as
    `check_use` makes sure."""
    blocks = (*lora.blocks, *((REST,) if lora.rest else ()))
    return tuple(weights.weight(block) for block in blocks)


def is_plain(lora: Lora, weights: BlockWeights) -> bool:
    """Whether the LoRA works as it is: every weight is 1."""
    return all(value == 1 for value in present(lora, weights))


def is_off(lora: Lora, weights: BlockWeights) -> bool:
    """Whether nothing is left of the LoRA."""
    return not any(present(lora, weights))


def why_not_live(loras: Sequence[tuple[Lora, BlockWeights]], flavour: Flavour) -> str:
    """Why LoRA Block Weight cannot do these LoRAs together, empty if it can as far as is known without a picture."""
    for lora, weights in loras:
        family, name = lora.family.name, quoted(lora.path.name)
        if family not in _UNET_FAMILIES and not (family == _FLUX and flavour == "Forge"):
            return f"LoRA Block Weight knows no blocks of {family_by_name(family).title} ({name})"
        odd = {lora.algorithm(module) for module in lora.modules}.difference(
            _LINEAR_IN_FORGE if flavour == "Forge" else _LINEAR
        )
        if odd:
            return f"LoRA Block Weight does not scale modules of the kind '{min(odd)}' in proportion ({name})"
        if lora.rest and weights.rest != 1:
            return f"LoRA Block Weight leaves what no block claims (REST) at 1 ({name})"
    # It pairs weights with LoRAs by their order among those that change a module, so that one which lacks it shifts the
    # others (its issue 191, and each module's list where the WebUI is built like reForge).
    if any(lora.modules.keys() != loras[0][0].modules.keys() for lora, _ in loras):
        return "LoRA Block Weight mixes up the weights of LoRAs that change different modules"
    return ""


def plain_tag(name: str, use: LoraUse, steps: str = "") -> str:
    """The tag of a LoRA as it is, with both strengths. BlockweightError for a name that a tag cannot hold."""
    if any(sign in name for sign in _NOT_IN_TAGS):
        raise BlockweightError(
            f"A prompt's tag cannot hold the name {quoted(name)}; rename the LoRA where the WebUI has it, without any "
            f"of {' '.join(_NOT_IN_TAGS)}."
        )
    return f"<lora:{name}:te={format_weight(use.in_texts)}:unet={format_weight(use.strength)}{steps}>"


def live_tag(name: str, worn: Worn, flavour: Flavour, *, weighted: bool) -> str:
    """The tag for LoRA Block Weight, with the block weights as a literal vector of its longest layout if `weighted`.
    BlockweightError as `plain_tag`, and for steps where the WebUI counts them otherwise."""
    use = worn.use
    steps = "".join(
        [*([f":start={use.start}"] if use.start > 1 else []), *([] if use.stop is None else [f":stop={use.stop}"])]
    )
    if steps and flavour == "Forge":
        raise BlockweightError(
            "LoRA Block Weight counts start and stop otherwise in Forge, and leaves the text encoders off for good; "
            "leave them out, or render on this machine."
        )
    vector = f":lbw={literal(worn.weights)}" if weighted else ""
    return plain_tag(name, use, f"{vector}{steps}")


def literal(weights: BlockWeights) -> str:
    """The numbers for every block of LoRA Block Weight's longest layout of the family, 1 for blocks that the weights do
    not name: shorter vectors would be 0 there. Never a preset's name, which nothing proves the server to have."""
    longest = _layout(weights.layout)
    known = dict(weights.items())
    return ",".join(format_weight(known.get(block, 1.0)) for block in longest.blocks)


def _layout(layout: Layout) -> Layout:
    family = "flux1" if layout.family == _FLUX else "sd1"
    (found,) = (each for each in layouts_of_length(61 if family == _FLUX else 26) if each.family == family)
    return found
