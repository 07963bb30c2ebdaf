"""Z-Image (Turbo, Base, Edit).

Names: `ZImageTransformer2DModel` of the original and of diffusers (`attention.to_q`), and ComfyUI's, which runs it in
its Lumina code (`attention.qkv`, `attention.out`). CR and NR are the refiners of caption and noise, L the layers;
2 + 2 + 30. The Omni version also has refiners of reference images, SR. The text encoder is not trained.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "IN NR# CR# SR# L# OUT"

ZIMAGE = Family(
    name="zimage",
    title="Z-Image",
    order=_ORDER,
    layouts=sizes("zimage", _ORDER, ("6B", {"NR": 2, "CR": 2, "L": 30})),
    rules=(
        series(r"noise_refiner_(\d+)_", "NR"),
        series(r"context_refiner_(\d+)_", "CR"),
        series(r"siglip_refiner_(\d+)_", "SR"),
        series(r"layers_(\d+)_", "L"),
        named("IN", "x_embedder", "all_x_embedder", "t_embedder", "cap_embedder", "siglip_embedder"),
        named("OUT", "all_final_layer", "final_layer", "norm_final"),
    ),
    signs=(
        r"^(?:layers|noise_refiner|context_refiner|siglip_refiner)_\d+_attention_to_",
        r"^(?:layers|noise_refiner)_\d+_adaLN_modulation_0$",
        r"^all_(?:x_embedder|final_layer)_",
    ),
    # Ideogram 4 has layers too.
    foreign=(r"^layers_\d+_(?:attention_o$|adaln_modulation)",),
)
