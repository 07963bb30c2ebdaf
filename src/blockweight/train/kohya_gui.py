"""kohya_ss, the graphical interface to sd-scripts: keys of its configuration file, to open there or to merge into one's
own.

It has fields for the UNets' three lists and for Flux.1's block indices, not for `network_reg_lrs`; what a person writes
into its additional parameters would replace all other network arguments. Source: bmaltais/kohya_ss at 45088f04,
`kohya_gui/lora_gui.py`.
"""

from __future__ import annotations

import json

from blockweight.errors import BlockweightError
from blockweight.train.sd_scripts import script
from blockweight.train.training import Arguments, Training, check_masks

FAMILIES = ("sd1", "sd2", "sdxl", "flux1")

_MODEL = {"sd2": {"v2": True}, "sdxl": {"sdxl": True}, "flux1": {"flux1_checkbox": True}}
_FIELDS = (
    "down_lr_weight",
    "mid_lr_weight",
    "up_lr_weight",
    "train_double_block_indices",
    "train_single_block_indices",
)
_INSTEAD = "or use --for sd-scripts-toml, which gives Flux.1 a rate per block"


def gui_config(training: Training) -> Arguments:
    """The interface's keys as a JSON object. BlockweightError for Flux.1 weights other than 0 and 1, for T5 without
    CLIP, which the interface refuses, and for text encoders alone. KeyError for a family not of FAMILIES."""
    if training.family == "flux1":
        blocks = [block for block in training.blocks if block not in ("IN", "OUT")]
        check_masks(training, "kohya_ss", blocks, _INSTEAD)
        if training.rate("T5") > 0 and training.rate("CLIP") == 0:
            raise BlockweightError("kohya_ss trains T5 only together with CLIP; give CLIP a weight above 0 or T5 0.")
    plan = script(training)
    if plan.only == "network_train_text_encoder_only":
        raise BlockweightError(
            "kohya_ss trains the text encoder alone only at a UNet rate of 0; use --for sd-scripts-toml for that."
        )
    arguments = dict(plan.network_args)
    conv = training.conv_dim is not None and training.family != "flux1"
    standard = "Flux1" if training.family == "flux1" else "Standard"
    keys: dict[str, object] = {"LoRA_type": "Kohya LoCon" if conv else standard, **_MODEL.get(training.family, {})}
    keys["unet_lr"] = training.unet_lr
    # The interface itself leaves the text encoder out at a rate of 0.
    keys["text_encoder_lr"] = plan.text_rates[0] if plan.text_rates else 0.0
    if "train_t5xxl" in arguments:
        keys |= {"t5xxl_lr": plan.text_rates[1], "train_t5xxl": True}
    keys |= {key: arguments[key] for key in _FIELDS if key in arguments}
    if training.family != "flux1":
        # One that is still in the field would take small weights for 0.
        keys["block_lr_zero_threshold"] = ""
    for key, value in (("network_dim", training.network_dim), ("network_alpha", training.network_alpha)):
        if value is not None:
            keys[key] = value
    if conv:
        keys |= {"conv_dim": training.conv_dim, "conv_alpha": training.conv_alpha}
    return Arguments("kohya-gui", json.dumps(keys, indent=2), plan.fates, plan.notes)
