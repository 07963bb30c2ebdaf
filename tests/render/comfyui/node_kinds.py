"""What a ComfyUI 0.3.64 says of its core nodes, as far as workflows here need them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SAMPLERS = ["euler", "euler_cfg_pp", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast",
            "dpm_adaptive", "dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_2m_sde_heun",
            "dpmpp_3m_sde", "ddpm", "lcm", "ddim", "uni_pc"]  # fmt: skip
SCHEDULERS = ["simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal", "linear_quadratic",
              "kl_optimal"]  # fmt: skip
LATENT = ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]
PIXELS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]

MODEL, CLIP, VAE, IMAGE, LATENTS, CONDITIONING = (
    [name] for name in ("MODEL", "CLIP", "VAE", "IMAGE", "LATENT", "CONDITIONING")
)
TEXT = ["STRING", {"multiline": True}]
SIDE = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]
UPSCALED = ["INT", {"default": 512, "min": 0, "max": 16384}]
STEPS = ["INT", {"default": 20, "min": 1, "max": 10000}]
STEP = ["INT", {"default": 0, "min": 0, "max": 10000}]
CFG = ["FLOAT", {"default": 8.0, "min": 0.0, "max": 100.0}]
SEED = ["INT", {"default": 0, "min": 0, "max": 2**64 - 1}]
STRENGTH = ["FLOAT", {"default": 1.0, "min": -100.0, "max": 100.0}]
SHARE = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0}]
SWITCH = [["enable", "disable"]]

OUTPUTS = ("SaveImage", "PreviewImage")
SAMPLING = {"steps": STEPS, "cfg": CFG, "sampler_name": [SAMPLERS], "scheduler": [SCHEDULERS]}
SAMPLED = {"model": MODEL, "positive": CONDITIONING, "negative": CONDITIONING, "latent_image": LATENTS}


def node_kinds(models: dict[str, Sequence[str]], loras: Sequence[str], pictures: Sequence[str]) -> dict[str, Any]:
    """`/object_info`: kind → its inputs and the types of its outputs. `models` are file names by folder."""

    def listed(folder: str) -> list[Any]:
        # Nodes of the newer kind describe their lists otherwise.
        names = list(models.get(folder, ()))
        return ["COMBO", {"options": names}] if folder == "vae" else [names]

    lora = {"lora_name": [list(loras)], "strength_model": STRENGTH}
    applied = {"positive": CONDITIONING, "negative": CONDITIONING, "control_net": ["CONTROL_NET"], "image": IMAGE}
    kinds: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "CheckpointLoaderSimple": ({"ckpt_name": listed("checkpoints")}, ("MODEL", "CLIP", "VAE")),
        "UNETLoader": ({"unet_name": listed("diffusion_models"), "weight_dtype": [["default"]]}, ("MODEL",)),
        "CLIPLoader": (
            {"clip_name": listed("text_encoders"), "type": [["stable_diffusion", "qwen_image", "lumina2"]]},
            ("CLIP",),
        ),
        "DualCLIPLoader": (
            {
                "clip_name1": listed("text_encoders"),
                "clip_name2": listed("text_encoders"),
                "type": [["sdxl", "sd3", "flux"]],
            },
            ("CLIP",),
        ),
        "TripleCLIPLoader": ({f"clip_name{n}": listed("text_encoders") for n in (1, 2, 3)}, ("CLIP",)),
        "VAELoader": ({"vae_name": listed("vae")}, ("VAE",)),
        "LoraLoader": ({"model": MODEL, "clip": CLIP, **lora, "strength_clip": STRENGTH}, ("MODEL", "CLIP")),
        "LoraLoaderModelOnly": ({"model": MODEL, **lora}, ("MODEL",)),
        "ModelSamplingDiscrete": (
            {"model": MODEL, "sampling": [["eps", "v_prediction", "lcm"]], "zsnr": ["BOOLEAN", {}]},
            ("MODEL",),
        ),
        "CLIPSetLastLayer": (
            {"clip": CLIP, "stop_at_clip_layer": ["INT", {"default": -1, "min": -24, "max": -1}]},
            ("CLIP",),
        ),
        "CLIPTextEncode": ({"text": TEXT, "clip": CLIP}, ("CONDITIONING",)),
        "ConditioningConcat": (
            {"conditioning_to": CONDITIONING, "conditioning_from": CONDITIONING},
            ("CONDITIONING",),
        ),
        "FluxGuidance": (
            {"conditioning": CONDITIONING, "guidance": ["FLOAT", {"min": 0.0, "max": 100.0}]},
            ("CONDITIONING",),
        ),
        "ControlNetLoader": ({"control_net_name": listed("controlnet")}, ("CONTROL_NET",)),
        "ControlNetApplyAdvanced": (
            {**applied, "strength": CFG, "start_percent": SHARE, "end_percent": SHARE},
            ("CONDITIONING", "CONDITIONING"),
        ),
        "EmptyLatentImage": ({"width": SIDE, "height": SIDE, "batch_size": STEPS}, ("LATENT",)),
        "EmptySD3LatentImage": ({"width": SIDE, "height": SIDE, "batch_size": STEPS}, ("LATENT",)),
        "LatentUpscale": (
            {
                "samples": LATENTS,
                "upscale_method": [LATENT],
                "width": UPSCALED,
                "height": UPSCALED,
                "crop": [["disabled", "center"]],
            },
            ("LATENT",),
        ),
        "LatentCrop": ({"samples": LATENTS, "width": SIDE, "height": SIDE, "x": UPSCALED, "y": UPSCALED}, ("LATENT",)),
        "ImageScale": (
            {
                "image": IMAGE,
                "upscale_method": [PIXELS],
                "width": UPSCALED,
                "height": UPSCALED,
                "crop": [["disabled", "center"]],
            },
            ("IMAGE",),
        ),
        "LoadImage": ({"image": [list(pictures)]}, ("IMAGE", "MASK")),
        "VAEEncode": ({"pixels": IMAGE, "vae": VAE}, ("LATENT",)),
        "VAEDecode": ({"samples": LATENTS, "vae": VAE}, ("IMAGE",)),
        "KSampler": ({**SAMPLED, **SAMPLING, "seed": SEED, "denoise": SHARE}, ("LATENT",)),
        "KSamplerAdvanced": (
            {
                **SAMPLED,
                **SAMPLING,
                "add_noise": SWITCH,
                "noise_seed": SEED,
                "start_at_step": STEP,
                "end_at_step": STEP,
                "return_with_leftover_noise": SWITCH,
            },
            ("LATENT",),
        ),
        "SaveImage": ({"images": IMAGE, "filename_prefix": ["STRING", {}]}, ()),
        "PreviewImage": ({"images": IMAGE}, ()),
    }
    return {
        kind: {"input": {"required": inputs, **_optional(kind)}, "output": list(outputs), "name": kind}
        for kind, (inputs, outputs) in kinds.items()
    }


def _optional(kind: str) -> dict[str, Any]:
    return {"optional": {"vae": VAE}} if kind == "ControlNetApplyAdvanced" else {}
