"""One tensor key of a LoRA file → the module it changes and the tensor's role in that change.

Dialects read here:
- kohya and LyCORIS: `lora_unet_…`, `lora_te_…`, `lora_te1_…` to `lora_te3_…`, `lycoris_…`; OneTrainer:
  `lora_transformer_…`;
- diffusers and PEFT: `unet.…`, `transformer.…`, `text_encoder.…` to `text_encoder_4.…`, each also with
  `base_model.model.` behind it or in its place;
- the model's own names, as Black Forest Labs, ComfyUI and ai-toolkit write them: `diffusion_model.…`,
  `text_encoders.clip_l.…`, and bare names that begin with a numbered block (`transformer_blocks.0.…`).

Module paths are kept in kohya's underscored form in every dialect, because an underscored name cannot be turned back
into dots without the model at hand, while dots turn into underscores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DENOISERS = ("unet", "transformer", "transformer_2")
"""Components that predict the noise; `transformer_2` is the second expert of Wan 2.2 in diffusers' naming."""

TEXT_ENCODERS = ("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4")
"""The text encoders by the number in the key. A prefix says which one the trainer counted, not which model it is."""


@dataclass(frozen=True, order=True)
class Module:
    """What a LoRA changes: one layer of one component of the model.

    `component` is what the key's prefix says: one of DENOISERS or TEXT_ENCODERS, `text_conditioner` or `connectors`;
    `path` is the layer's name in the model with dots replaced by underscores.
    """

    component: str
    path: str


@dataclass(frozen=True)
class TensorKey:
    """A tensor key, understood: its module, and its role there (`lora_up`, `lora_down`, `alpha`, …; see ROLES)."""

    module: Module
    role: str


_LOHA = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2")
_LOKR = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t1", "lokr_t2")

ROLES: dict[str, str] = {
    # LoRA, LoCon: kohya; PEFT; old diffusers
    "lora_up.weight": "lora_up",
    "lora_down.weight": "lora_down",
    "lora_mid.weight": "lora_mid",
    "lora_B.weight": "lora_up",
    "lora_A.weight": "lora_down",
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
    **{name: name for name in (*_LOHA, *_LOKR)},
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
    # IA3, OFT (oft_r and oft_s until PEFT 0.15), BOFT (PEFT)
    "ia3_l": "ia3_l",
    "oft_R.weight": "oft_R",
    "oft_r": "oft_R",
    "oft_s": "oft_s",
    "boft_R": "boft_R",
    "boft_s": "boft_s",
}
"""Tensor suffix → role. PEFT also writes the adapter's name into it, as in `lora_A.default.weight`."""

_SUFFIX = re.compile(r"\.(" + "|".join(sorted(map(re.escape, ROLES), key=len, reverse=True)) + r")$")
_ADAPTER = re.compile(
    r"(?<=\.)(lora_[AB]|lora_magnitude_vector|oft_[Rrs]|boft_[Rs]|ia3_l|" + "|".join((*_LOHA, *_LOKR)) + r")"
    r"\.(?!(?:weight|bias)$)[\w-]+(\.weight|\.bias)?$"
)
# `to_q_lora.up.weight`: diffusers before PEFT. XLabs' Flux files number them: `qkv_lora1.up.weight`.
_OLD_SUFFIX = re.compile(r"_lora(\d?)\.(up|down)\.weight$", re.ASCII)

_UNDERSCORED = re.compile(
    r"lora_(?P<denoiser>unet|transformer)_+|lora_te(?P<number>[1-4]?)_|(?P<any>lycoris)_", re.ASCII
)
_DOTTED = re.compile(
    r"(?P<component>unet|transformer(?:_2)?|text_encoder(?:_[234])?|text_conditioner|connectors)\."
    r"|(?P<any>(?:model\.)?diffusion_model|base_model\.model)\."
    r"|(?:text_encoders\.)?(?P<encoder>clip_[lgh]|t5\w*)\.(?:transformer\.)?"
    r"|text_encoders\.\w+\.(?:transformer\.)?",
    re.ASCII,
)
_ENCODERS = {"clip_l": "text_encoder", "clip_h": "text_encoder", "clip_g": "text_encoder_2"}
_PEFT = "base_model.model."
_BARE = re.compile(r"\w*?(?:blocks|layers|refiner)\.\d+\.", re.ASCII)

# The layers of a UNet, in diffusers' and in the original names. What is not among them is a transformer's.
_UNET_PATH = re.compile(
    r"(?:(?:input|output|down|up)_blocks|middle_block|mid_block|conv_in|conv_out|conv_norm_out|time_embedding_linear"
    r"|time_embed_[02]|add_embedding|class_embedding|label_emb|out_[02])(?:_|$)",
    re.ASCII,
)
_TEXT_PATH = re.compile(r"text_model_|text_projection$", re.ASCII)

# Old diffusers files name an attention's layers through its processor: `attn1.processor.to_q_lora`, and `to_out`
# without the index that the layer has in the model; in text encoders they say `to_q` for `q_proj`.
_PROCESSOR = re.compile(r"_processor_(to_(?:q|k|v|out))(?:_lora)?$")
_TEXT_ATTENTION = re.compile(r"_self_attn_to_(q|k|v|out)(?:_lora)?$")


def _by_path(path: str) -> str:
    """The component of a path whose prefix names none."""
    if _UNET_PATH.match(path):
        return "unet"
    return "text_encoder" if _TEXT_PATH.match(path) else "transformer"


def _split(name: str) -> tuple[str | None, str] | None:
    """The component that a name's prefix tells (None for one that stands for any) and the rest of the name; None for a
    prefix that is not one that we know."""
    if found := _UNDERSCORED.match(name):
        number = found["number"]
        numbered = f"text_encoder_{number}" if number in tuple("234") else "text_encoder"
        return None if found["any"] else found["denoiser"] or numbered, name[found.end() :]
    found, start = _DOTTED.match(name), 0
    if found is None:
        return (None, name) if _BARE.match(name) else None
    while found is not None and found["any"]:
        # Such a prefix can also stand before the component's own name, or before another of its kind.
        start = found.end()
        found = _DOTTED.match(name, start)
    if found is None:
        return None, name[start:]
    encoder = found["encoder"]
    component = found["component"] or _ENCODERS.get(encoder, "text_encoder_3" if encoder else "text_encoder")
    return component, name[found.end() :].removeprefix(_PEFT)


def module_of(name: str) -> Module | None:
    """The module that a LoRA module name (a key without its tensor suffix) stands for, or None.

    >>> module_of("lora_unet_mid_block_attentions_0_proj_in")
    Module(component='unet', path='mid_block_attentions_0_proj_in')
    >>> module_of("unet.mid_block.attentions.0.proj_in") == module_of("lora_unet_mid_block_attentions_0_proj_in")
    True
    """
    split = _split(name)
    if split is None or not split[1]:
        return None
    component, rest = split
    path = rest.replace(".", "_")
    component = component or _by_path(path)
    if component in TEXT_ENCODERS:
        path = _TEXT_ATTENTION.sub(r"_self_attn_\1_proj", path)
    else:
        path = _PROCESSOR.sub(lambda m: f"_{m[1]}_0" if m[1] == "to_out" else f"_{m[1]}", path)
    return Module(component, path)


def parse_key(key: str) -> TensorKey | None:
    """Split a tensor key into module and role; None if the suffix or the prefix is not one that we know.

    >>> parse_key("lora_unet_conv_in.lora_up.weight")
    TensorKey(module=Module(component='unet', path='conv_in'), role='lora_up')
    """
    key = _ADAPTER.sub(r"\1\2", key)
    if old := _OLD_SUFFIX.search(key):
        number = f"_lora{old[1]}" if old[1] else ""
        name, role = key[: old.start()] + number, f"lora_{old[2]}"
    elif suffix := _SUFFIX.search(key):
        name, role = key[: suffix.start()], ROLES[suffix[1]]
    else:
        return None
    module = module_of(name)
    return None if module is None else TensorKey(module, role)


def parse_name(name: str) -> tuple[Module, str | None] | None:
    """A tensor key or the bare name of a module: its module, and the tensor's role or None; None if neither.

    An underscored name has no dots, so one with a suffix that is not known is not taken for a module.
    """
    if understood := parse_key(name):
        return understood.module, understood.role
    if _UNDERSCORED.match(name) and "." in name:
        return None
    module = module_of(name)
    return None if module is None else (module, None)
