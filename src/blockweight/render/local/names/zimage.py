"""Z-Image's names in ComfyUI, which runs it in its Lumina code. The original's are diffusers'.

Source: `convert_z_image_transformer_checkpoint_to_diffusers` of diffusers' `loaders/single_file_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_ATTENTION = r"((?:layers|noise_refiner|context_refiner)_\d+_attention)_"

ZIMAGE = (
    Name(f"{_ATTENTION}qkv", tuple(rf"\1_to_{part}" for part in "qkv")),
    Name(f"{_ATTENTION}out", (r"\1_to_out_0",)),
    Name("x_embedder", ("all_x_embedder_2-1",)),
    Name(r"final_layer_(linear|adaLN_modulation_1)", (r"all_final_layer_2-1_\1",)),
)
