"""The names of modules in LoRA files: kohya's underscored ones and PEFT's dotted ones, and from one to the other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from blockweight.blocks import Family, Module
from blockweight.blocks.keys import TEXT_ENCODERS
from blockweight.errors import BlockweightError
from blockweight.lora.file import Lora, module_name
from blockweight.lora.layer_names import FAMILIES, kohya_name, layer_of, peft_name

Dialect = Literal["kohya", "peft"]

DOWN: Mapping[Dialect, str] = {"kohya": ".lora_down.weight", "peft": ".lora_A.weight"}
UP: Mapping[Dialect, str] = {"kohya": ".lora_up.weight", "peft": ".lora_B.weight"}

_SUFFIX = re.compile(
    r"(?:\.(?:lora|lora_linear_layer)\.(?:up|down)\.weight|_lora\d?\.(?:up|down)\.weight"
    r"|\.(?:lora_up|lora_down|lora_mid)\.weight|\.lora_[AB](?:\.(?!weight$|bias$)[\w-]+)?\.(?:weight|bias)"
    r"|\.[ab][12]\.weight|\.oft_R\.weight|\.lora_magnitude_vector(?:\.[\w-]+)?(?:\.weight)?|\.[^.]+)$",
    re.ASCII,
)
_KOHYA = re.compile(r"(?:lora_(?:unet|transformer|te[1-4]?)|lycoris)_", re.ASCII)


def stem(tensor: str) -> str:
    """A tensor's name without the part that says which tensor of its module it is."""
    return _SUFFIX.sub("", tensor)


def dialect_of(lora: Lora) -> Dialect:
    """kohya if most modules' names are underscored, else PEFT."""
    names = [next(iter(roles.values())).name for roles in lora.modules.values()]
    underscored = sum(_KOHYA.match(name) is not None for name in names)
    return "kohya" if 2 * underscored >= len(names) else "peft"


def own_name(lora: Lora, module: Module) -> str:
    """The module's name as the file itself has it."""
    return stem(next(iter(lora.modules[module].values())).name)


def is_in(dialect: Dialect, name: str) -> bool:
    """Whether a module's name is one of this dialect."""
    return (_KOHYA.match(name) is not None) == (dialect == "kohya")


def name_in(dialect: Dialect, family: Family, lora: Lora, module: Module) -> str:
    """The module's name in a dialect, for the LoRA that has it.

    Layers of SD1, SD2 and SDXL by their known names; in other families a name that already is of the dialect stays, and
    a dotted one gets kohya's underscores. BlockweightError for an underscored name of another family, of which nobody
    can tell where its dots were.
    """
    if family.name in FAMILIES and (layer := layer_of(module)):
        return kohya_name(layer, family.name) if dialect == "kohya" else peft_name(layer)
    own = own_name(lora, module)
    if is_in(dialect, own):
        return own
    if dialect == "peft":
        raise BlockweightError(
            f"The module {module_name(module)} of '{lora.path}' cannot get a dotted name: only the layers of Stable "
            "Diffusion 1, 2 and XL are known by both names, and underscores do not tell where dots were; keep kohya's "
            "names."
        )
    if module.component == "unet":
        return f"lora_unet_{module.path}"
    if module.component == "transformer":
        # diffusers' own block names go by lora_transformer_ (OneTrainer, ComfyUI), original ones by lora_unet_.
        prefix = "lora_transformer_" if own.startswith("transformer.") else "lora_unet_"
        return f"{prefix}{module.path}"
    if module.component not in TEXT_ENCODERS:
        raise BlockweightError(
            f"The module {module_name(module)} of '{lora.path}' is in a part for which kohya's names have no prefix; "
            "keep PEFT's names."
        )
    return f"lora_te{1 + TEXT_ENCODERS.index(module.component)}_{module.path}"
