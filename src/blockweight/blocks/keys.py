"""One tensor key of a LoRA file → the module it changes and the tensor's role in that change.

Dialects read here: kohya and LyCORIS (`lora_unet_…`, `lora_te_…`, `lycoris_…`) and diffusers/PEFT
(`unet.down_blocks.…`, `text_encoder.…`). Module paths are kept in kohya's underscored form in every dialect, because
an underscored name cannot be turned back into dots without the model at hand, while dots turn into underscores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Module:
    """What a LoRA changes: one layer of one component of the model.

    `component` is `unet`, `transformer`, `text_encoder`, `text_encoder_2` or `text_encoder_3`; `path` is the layer's
    name in the model with dots replaced by underscores.
    """

    component: str
    path: str


@dataclass(frozen=True)
class TensorKey:
    """A tensor key, understood: its module, and its role there (`lora_up`, `lora_down`, `alpha`, …; see ROLES)."""

    module: Module
    role: str


ROLES: dict[str, str] = {
    # LoRA, LoCon: kohya; PEFT; old diffusers
    "lora_up.weight": "lora_up",
    "lora_down.weight": "lora_down",
    "lora_mid.weight": "lora_mid",
    "lora_B.weight": "lora_up",
    "lora_A.weight": "lora_down",
    "lora_B.default.weight": "lora_up",
    "lora_A.default.weight": "lora_down",
    "lora_B.bias": "lora_up_bias",
    "lora.up.weight": "lora_up",
    "lora.down.weight": "lora_down",
    "lora_linear_layer.up.weight": "lora_up",
    "lora_linear_layer.down.weight": "lora_down",
    "alpha": "alpha",
    # DoRA
    "dora_scale": "dora_scale",
    "lora_magnitude_vector": "dora_scale",
    "lora_magnitude_vector.weight": "dora_scale",
    # LoHa, LoKr (LyCORIS)
    **{name: name for name in ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")},
    **{
        name: name
        for name in ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2")
    },
    # GLoRA, IA3, OFT/BOFT, full difference, norm (LyCORIS)
    **{f"{name}.weight": f"glora_{name}" for name in ("a1", "a2", "b1", "b2")},
    "weight": "ia3_weight",
    "on_input": "ia3_on_input",
    "oft_blocks": "oft_blocks",
    "oft_diag": "oft_diag",
    "rescale": "oft_rescale",
    "diff": "diff",
    "diff_b": "diff_b",
    "w_norm": "w_norm",
    "b_norm": "b_norm",
}
"""Tensor suffix → role."""

_SUFFIX = re.compile(r"\.(" + "|".join(sorted(map(re.escape, ROLES), key=len, reverse=True)) + r")$")

_PREFIXES: tuple[tuple[str, str], ...] = (
    ("lora_unet_", "unet"),
    ("lora_te1_", "text_encoder"),
    ("lora_te2_", "text_encoder_2"),
    ("lora_te3_", "text_encoder_3"),
    ("lora_te_", "text_encoder"),
    ("lycoris_", "unet"),
    ("unet.", "unet"),
    ("text_encoder_2.", "text_encoder_2"),
    ("text_encoder.", "text_encoder"),
)

# Old diffusers files name an attention's layers through its processor: `attn1.processor.to_q_lora`, and `to_out`
# without the index that the layer has in the model.
_PROCESSOR = re.compile(r"_processor_(to_(?:q|k|v|out))(?:_lora)?$")


def module_of(name: str) -> Module | None:
    """The module that a LoRA module name (a key without its tensor suffix) stands for, or None.

    >>> module_of("lora_unet_mid_block_attentions_0_proj_in")
    Module(component='unet', path='mid_block_attentions_0_proj_in')
    >>> module_of("unet.mid_block.attentions.0.proj_in") == module_of("lora_unet_mid_block_attentions_0_proj_in")
    True
    """
    for prefix, component in _PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            path = name.removeprefix(prefix).replace(".", "_")
            path = _PROCESSOR.sub(lambda m: f"_{m[1]}_0" if m[1] == "to_out" else f"_{m[1]}", path)
            return Module(component, path)
    return None


def parse_key(key: str) -> TensorKey | None:
    """Split a tensor key into module and role; None if the suffix or the prefix is not one that we know.

    >>> parse_key("lora_unet_conv_in.lora_up.weight")
    TensorKey(module=Module(component='unet', path='conv_in'), role='lora_up')
    """
    suffix = _SUFFIX.search(key)
    if suffix is None:
        return None
    module = module_of(key[: suffix.start()])
    return None if module is None else TensorKey(module, ROLES[suffix[1]])
