"""Graphs as ComfyUI keeps them in pictures."""

from __future__ import annotations

from typing import Any

Graph = dict[str, dict[str, Any]]


def node(kind: str, **inputs: object) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


INSPIRE = node(
    "LoraLoaderBlockWeight //Inspire",
    model=["4", 0], clip=["4", 1], category_filter="All", lora_name="gobuhime.safetensors", strength_model=0.8,
    strength_clip=0.5, inverse=False, seed=0, A=4.0, B=1.0, preset="Preset",
    block_vector="SD-ALL:1,0,0.5,1,1,1,1,1,1,1,1,1,1,1,1,1,1", bypass=False,
)  # fmt: skip

GRAPH: Graph = {
    "3": node("KSampler", seed=156680208700286, steps=20, cfg=8.0, sampler_name="dpmpp_2m", scheduler="karras",
              denoise=1.0, model=["11", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0]),
    "4": node("CheckpointLoaderSimple", ckpt_name="Defmix-v2.0.safetensors"),
    "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
    "6": node("CLIPTextEncode", text="1girl, ゴブ姫", clip=["12", 0]),
    "7": node("CLIPTextEncode", text="blurry", clip=["12", 0]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    "10": INSPIRE,
    "11": node("LoraLoader", model=["10", 0], clip=["10", 1], lora_name="style.safetensors", strength_model=0.25,
               strength_clip=1.0),
    "12": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["11", 1]),
}  # fmt: skip

FLUX: Graph = {
    "1": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
    "2": node("DualCLIPLoader", clip_name1="t5", clip_name2="l", type="flux"),
    "3": node("CLIPTextEncode", text=["13", 0], clip=["2", 0]),
    "4": node("FluxGuidance", guidance=3.5, conditioning=["3", 0]),
    "5": node("BasicGuider", model=["1", 0], conditioning=["4", 0]),
    "6": node("RandomNoise", noise_seed=7),
    "7": node("KSamplerSelect", sampler_name="euler"),
    "8": node("BasicScheduler", scheduler="simple", steps=4, denoise=1.0, model=["1", 0]),
    "9": node("EmptySD3LatentImage", width=1024, height=1024, batch_size=1),
    "10": node("SamplerCustomAdvanced", noise=["6", 0], guider=["5", 0], sampler=["7", 0], sigmas=["8", 0],
               latent_image=["9", 0]),
    "11": node("VAELoader", vae_name="ae.safetensors"),
    "12": node("VAEDecode", samples=["10", 0], vae=["11", 0]),
    "13": node("PrimitiveStringMultiline", value="a fox"),
}  # fmt: skip
