"""Krea 2's names in krea-ai's `krea2_mmdit.py`.

Source: `convert_krea2_transformer_checkpoint_to_diffusers` of diffusers' `loaders/single_file_utils.py`.
"""

from __future__ import annotations

from blockweight.render.local.places import Name

_SERIES = {
    r"blocks_(\d+)": r"transformer_blocks_\1",
    r"txtfusion_((?:layerwise|refiner)_blocks_\d+)": r"text_fusion_\1",
}

KREA2 = (
    Name("first", ("img_in",)),
    Name("tmlp_0", ("time_embed_linear_1",)),
    Name("tmlp_2", ("time_embed_linear_2",)),
    Name("tproj_1", ("time_mod_proj",)),
    Name("txtmlp_1", ("txt_in_linear_1",)),
    Name("txtmlp_3", ("txt_in_linear_2",)),
    Name("txtfusion_projector", ("text_fusion_projector",)),
    *(Name(rf"{theirs}_attn_w([qkv])", (rf"{ours}_attn_to_\2",)) for theirs, ours in _SERIES.items()),
    *(Name(rf"{theirs}_attn_wo", (rf"{ours}_attn_to_out_0",)) for theirs, ours in _SERIES.items()),
    *(Name(rf"{theirs}_attn_gate", (rf"{ours}_attn_to_gate",)) for theirs, ours in _SERIES.items()),
    *(Name(rf"{theirs}_mlp_(gate|up|down)", (rf"{ours}_ff_\2",)) for theirs, ours in _SERIES.items()),
    Name("last_linear", ("final_layer_linear",)),
)
