"""Lumina Image 2.0 (also NetaYume and other finetunes).

Names: `NextDiT` of Alpha-VLLM's original (also in kohya-ss/sd-scripts, `library/lumina_models.py`) and diffusers'
`Lumina2Transformer2DModel`. CR and NR are the refiners of caption and noise, L the layers; 2 + 2 + 26. The text encoder
is Gemma 2.
"""

from __future__ import annotations

from blockweight.blocks.families.shared import TEXT_LAYERS, named, series
from blockweight.blocks.family import Family
from blockweight.blocks.layout import sizes

_ORDER = "BASE IN CR# NR# L# OUT"

LUMINA2 = Family(
    name="lumina2",
    title="Lumina Image 2.0",
    order=_ORDER,
    layouts=sizes("lumina2", _ORDER, ("2B", {"CR": 2, "NR": 2, "L": 26})),
    rules=(
        series(r"context_refiner_(\d+)_", "CR"),
        series(r"noise_refiner_(\d+)_", "NR"),
        series(r"layers_(\d+)_", "L"),
        named("IN", "x_embedder", "t_embedder", "cap_embedder", "time_caption_embed"),
        named("OUT", "norm_final", "final_layer", "norm_out"),
        TEXT_LAYERS,
    ),
    signs=(
        r"^(?:layers|noise_refiner|context_refiner)_\d+_(?:attn_|feed_forward_linear_|norm\d_)",
        r"^(?:layers|noise_refiner)_\d+_adaLN_modulation_1$",
        r"^time_caption_embed_",
    ),
    # Ideogram 4 has layers too.
    foreign=(r"^layers_\d+_(?:attention_o$|adaln_modulation)",),
)
