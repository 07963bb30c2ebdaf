"""What is wrong with a LoRA file, and what some program will read otherwise than another.

What loaders do was measured or read in ComfyUI, A1111's `extensions-builtin/Lora`, sd-scripts' `LoRAInfModule`,
LyCORIS, and diffusers 0.31 to 0.42 (`loaders/lora_conversion_utils.py`, `utils/peft_utils.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from blockweight.blocks import DENOISERS
from blockweight.lora.dtypes import numpy_dtype
from blockweight.lora.file import Lora, Roles, module_name
from blockweight.lora.health import Health
from blockweight.lora.inspect import LoraFacts, ModuleFacts
from blockweight.lora.strength import Basis

MOST_SUBNORMAL = 0.1
"""The share of subnormal numbers in a tensor beyond which it is worth a word."""

_UNETS = ("sd1", "sd2", "sdxl")

Kind = Literal["module", "tensor", "metadata key"]


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing: a `code` that stays the same, a `title`, a sentence that says what follows from it, and
    the `names` of the modules, tensors or metadata keys (`kind`) that it is about, none if it is about the file.
    A `fault` is damage; the rest is what loaders do differently."""

    code: str
    title: str
    text: str
    kind: Kind
    names: tuple[str, ...]
    fault: bool = False


@dataclass(frozen=True)
class _Rule:
    """A finding about every module that `fits`, which gets the module and its tensors by role."""

    code: str
    title: str
    text: str
    fits: Callable[[ModuleFacts, Roles], bool]
    fault: bool = False


def _misfit(module: ModuleFacts, roles: Roles) -> bool:
    broken = any(health.broken for health in module.health.values())
    otherwise = broken or module.algorithm == "incomplete" or _unreadable(module, roles)
    return module.strength.basis is Basis.BROKEN and not otherwise


def _unreadable(_: ModuleFacts, roles: Roles) -> bool:
    return any(numpy_dtype(info.dtype) is None for info in roles.values())


_MODULE_RULES = (
    _Rule(
        "misfit",
        "Tensors that do not fit each other",
        "ComfyUI leaves such a module out, A1111 stops with an error; get the file again.",
        _misfit,
        fault=True,
    ),
    _Rule(
        "format",
        "Stored in a format that this program cannot calculate with",
        "The strength is not known, and baking can only keep or drop such a module; save the file in F16, BF16 or F32.",
        _unreadable,
    ),
    _Rule(
        "orphan-alpha",
        "An alpha without factors",
        "diffusers refuses the whole file, the others leave the module out.",
        lambda _, roles: roles.keys() == {"alpha"},
        fault=True,
    ),
    _Rule(
        "incomplete",
        "Tensors missing, or of a kind that is not read here",
        "Most loaders leave such a module out, diffusers refuses the whole file.",
        lambda module, roles: module.algorithm == "incomplete" and roles.keys() != {"alpha"},
        fault=True,
    ),
    _Rule(
        "no-change",
        "No change at all",
        "A factor or alpha is 0.",
        lambda module, _: module.strength.norm == 0,
    ),
    _Rule(
        "alpha-zero",
        "Alpha 0",
        "It means no change in ComfyUI and A1111, but full strength in sd-scripts and LyCORIS.",
        lambda module, _: module.alpha == 0,
    ),
    _Rule(
        "alpha-negative",
        "Negative alpha",
        "diffusers never finishes loading such a Flux LoRA, and merging tools take the root of it.",
        lambda module, _: module.alpha is not None and module.alpha < 0,
    ),
    _Rule(
        "peft-alpha",
        "Alpha beside lora_A and lora_B",
        "A1111 ignores it, and so does diffusers for SD and SDXL.",
        lambda _, roles: "alpha" in roles and any(".lora_A." in info.name for info in roles.values()),
    ),
    _Rule(
        "dora",
        "DoRA",
        "sd-scripts and diffusers drop dora_scale and load a plain LoRA in its place.",
        lambda _, roles: "dora_scale" in roles,
    ),
    _Rule(
        "lycoris",
        "LoHa, LoKr or norm",
        "sd-scripts leaves it out, diffusers refuses the whole file.",
        lambda _, roles: any(role.startswith(("hada_", "lokr_")) or role.endswith("_norm") for role in roles),
    ),
    _Rule(
        "peft-kind",
        "IA3, OFT or BOFT in PEFT's names",
        "PEFT loads it; diffusers and readers of LyCORIS's names (oft_blocks, on_input) do not know these.",
        lambda _, roles: not roles.keys().isdisjoint(("ia3_l", "oft_R", "boft_R")),
    ),
    _Rule(
        "tucker",
        "Tucker core (lora_mid)",
        "sd-scripts does not know it, diffusers refuses the whole file.",
        lambda _, roles: "lora_mid" in roles,
    ),
)


def findings_of(facts: LoraFacts) -> tuple[Finding, ...]:
    """All findings about a file, damage first."""
    found = [*_numbers(facts), *_by_module(facts), *_uneven_alphas(facts), *_names(facts.lora), *_stamps(facts)]
    return tuple(sorted(found, key=lambda finding: not finding.fault))


def _by_module(facts: LoraFacts) -> Iterator[Finding]:
    for rule in _MODULE_RULES:
        names = [
            module_name(module.module)
            for module in facts.modules
            if rule.fits(module, facts.lora.modules[module.module])
        ]
        if names:
            yield Finding(rule.code, rule.title, rule.text, "module", tuple(names), rule.fault)


def _numbers(facts: LoraFacts) -> Iterator[Finding]:
    def keys(fits: Callable[[Health], bool]) -> tuple[str, ...]:
        return tuple(key for module in facts.modules for key, health in module.health.items() if fits(health))

    if broken := keys(lambda health: health.broken > 0):
        text = "Pictures turn black or grey; train or download the LoRA again."
        yield Finding("not-finite", "NaN or Inf", text, "tensor", broken, fault=True)
    if small := keys(lambda health: health.subnormal_share > MOST_SUBNORMAL):
        title = f"More than {MOST_SUBNORMAL:.0%} of the numbers below fp16's normal range (6.1e-5)"
        text = "Digits are lost there, and small block weights lose more; bake from an fp32 file if there is one."
        yield Finding("subnormal", title, text, "tensor", small)


def _names(lora: Lora) -> Iterator[Finding]:
    if lora.unknown_keys:
        text = "They change nothing here and are copied when baking; a loader may know them."
        yield Finding("unknown-keys", "Names of no dialect", text, "tensor", lora.unknown_keys)


def _stamps(facts: LoraFacts) -> Iterator[Finding]:
    if facts.wrong_stamps:
        text = "The file was changed after it was stamped, or its writer computes another hash."
        yield Finding("stale-hash", "Not the hash of the data", text, "metadata key", facts.wrong_stamps)


def _uneven_alphas(facts: LoraFacts) -> Iterator[Finding]:
    ranked = [module for module in facts.modules if module.rank is not None]
    bare = tuple(module_name(module.module) for module in ranked if "alpha" not in facts.lora.modules[module.module])
    if 0 < len(bare) < len(ranked):
        text = "That means alpha = rank, but diffusers takes the most common alpha of the others."
        yield Finding("partial-alpha", "No alpha, while other modules have one", text, "module", bare)
    alphas = _alphas_by_part(facts, ranked)
    if any(len(values) > 1 for values in alphas.values()):
        shown = sorted(set().union(*alphas.values()))
        title = f"Alpha differs between modules ({', '.join(f'{value:g}' for value in shown[:6])})"
        text = (
            "diffusers 0.32 and later gives the most common one to attention layers and to text encoders, which makes "
            "them too strong or too weak."
        )
        yield Finding("mixed-alpha", title, text, "module", ())


def _alphas_by_part(facts: LoraFacts, ranked: Iterable[ModuleFacts]) -> dict[bool, set[float]]:
    """The alphas in the denoiser and in the text encoders, where diffusers takes one for many: in kohya's names for the
    U-Nets. For other families its converters multiply alpha into the factors."""
    alphas: dict[bool, set[float]] = {}
    if facts.lora.family.name in _UNETS and {"kohya", "lycoris"} & facts.dialects.keys():
        for module in ranked:
            if module.alpha is not None:
                alphas.setdefault(module.module.component in DENOISERS, set()).add(module.alpha)
    return alphas
