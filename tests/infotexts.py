"""Infotexts as programs write them, and pieces to make others of."""

from __future__ import annotations

from hypothesis import strategies as st

TUTORIAL = """\
1girl, gobuhime, longhair, hairornament, choker <lora:gobuhime-Defmix2:1:XYZ>
Negative prompt: EasyNegative, (nude, nipples: 1.3)
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 8, Seed: -1, Size: 512x512, Model hash: 31c9be0ee8, \
Model: Defmix-v2.0, Denoising strength: 0.6, Clip skip: 2, Hires upscale: 1.5, Hires steps: 15, \
Hires upscaler: Latent (nearest-exact)
"""

FORGE = """\
masterpiece, 1girl,
ゴブ姫、森の中 <lora:gobuhime:0.8:lbw=OUTALL> <lora:style:0.5>
Negative prompt: lowres,
bad hands
Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4021967, Size: 512x768, \
Model hash: 31c9be0ee8, Model: Defmix-v2.0, VAE hash: f921fb3f29, VAE: kl-f8-anime2.ckpt, Clip skip: 2, \
ControlNet 0: "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 1.0, Control Mode: Balanced", \
Hires prompt: "a \\"b\\", c\\nd", Lora hashes: "gobuhime: 0a1b2c3d4e5f, style: 9f8e7d6c5b4a", Version: f2.0.1v1.10.1
"""

PIECES = st.sampled_from(
    ["Steps: 20", "Sampler: Euler", "Seed: 5", "Negative prompt:", "\n", ", ", ": ", '"', "\\", "{", "[", "<lora:", ">",
     "x", ":1", "lbw=", "1,0", "(", ")", "|", "\ud800", "\x00", "BREAK", "\u2028", "٣"]
)  # fmt: skip
