"""A scene as the body of a request to txt2img or img2img, and why some scenes cannot be one.

Every field that decides the picture is sent, also where it is a WebUI's default: the defaults of the API, of a
person's settings and of what an earlier request left behind differ. Options are sent only where the server knows them,
since an unknown one is an error. Measured with Forge f2.0.1v1.10.1; fields and options as in
AUTOMATIC1111/stable-diffusion-webui 1.10, `modules/processing.py`, `modules/shared_options.py`, `modules/api/api.py`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import RESIZE_MODES, Part, Scene
from blockweight.render.webui.discovery import API, LBW, ServerModel, Site, base_name

_PLAIN_OPTIONS: dict[str, object] = {
    "samples_format": "png",
    "eta_noise_seed_delta": 0,
    "eta_ddim": 0.0,
    "eta_ancestral": 1.0,
    "s_min_uncond": 0.0,
    "token_merging_ratio": 0.0,
    "token_merging_ratio_img2img": 0.0,
    "token_merging_ratio_hr": 0.0,
    "emphasis": "Original",
    "always_discard_next_to_last_sigma": False,
    "img2img_color_correction": False,
    "img2img_fix_steps": False,
    "initial_noise_multiplier": 1.0,
    "sd_hypernetwork": "None",
    "lora_add_hashes_to_infotext": True,
    "add_model_hash_to_infotext": True,
    "add_vae_hash_to_infotext": True,
}
"""What a scene means where it says nothing, and what an answer is checked by."""

_USUAL_GUIDANCE = 3.5
"""Forge's."""

_WITH_OWN_PARTS = ("sd1", "sd2", "sdxl")
"""Families whose checkpoints have their VAE and text encoders in them."""


@dataclass(frozen=True)
class Asked:
    """A request: where it goes, its body, its steps in all, what the answer has to say (setting → value) of it, and
    what it has to say if it says anything."""

    path: str
    body: dict[str, Any]
    steps: int
    said: dict[str, str]
    where_said: dict[str, str]


def check_scene(scene: Scene, site: Site) -> None:
    """BlockweightError for a scene that the WebUI cannot draw, or would draw otherwise than it says."""
    sampler, scheduler = sampling_names(scene, site)
    if sampler not in site.samplers:
        raise BlockweightError(
            f"The WebUI has no sampler {quoted(sampler)}; it has {', '.join(sorted(site.samplers))}."
        )
    if scheduler and scheduler not in (site.schedulers or ()):
        raise BlockweightError(
            f"The WebUI has no schedule type {quoted(scheduler)}; it has {', '.join(site.schedulers or ())}."
        )
    if not scene.scheduler:
        raise BlockweightError(
            "This scene was written down before schedule types were, and no WebUI draws it as it was drawn then; "
            "render it on this machine."
        )
    if scene.controls:
        raise BlockweightError("ControlNets are not sent to a WebUI; render this scene on this machine.")
    if scene.guidance is not None and site.flavour != "Forge":
        raise BlockweightError("This WebUI knows no distilled CFG scale; leave it out, or use Forge.")
    if scene.noise_source != "GPU" and "randn_source" not in site.options:
        raise BlockweightError("This WebUI draws its noise on the GPU alone; use --noise GPU.")
    missing = [each.name for each in scene.embeddings if each.name not in site.embeddings]
    if missing:
        raise BlockweightError(
            f"The WebUI has no embedding {quoted(missing[0])}; copy it into the WebUI's folder, and refresh it there."
        )
    if scene.hires is not None and site.upscalers and scene.hires.upscaler not in site.upscalers:
        raise BlockweightError(
            f"The WebUI has no upscaler {quoted(scene.hires.upscaler)}; it has {', '.join(sorted(site.upscalers))}."
        )
    if scene.vae is not None:
        _vae_choice(scene.vae, site)


def sampling_names(scene: Scene, site: Site) -> tuple[str, str]:
    """The sampler and the schedule type by this WebUI's names; the latter empty where samplers have it in theirs."""
    if site.schedulers is not None:
        by_name = {label.lower(): label for label in site.schedulers}
        return scene.sampler, by_name.get(scene.scheduler.lower(), scene.scheduler)
    plain = scene.scheduler in ("Uniform", "Automatic")
    return (scene.sampler if plain else f"{scene.sampler} {scene.scheduler}"), ""


def asked_for(scene: Scene, model: ServerModel, sha256: str, tags: str, family: str, site: Site, *, lbw: bool) -> Asked:
    """The request for a scene with LoRAs' tags behind its prompt; `lbw` if LoRA Block Weight has to act.
    BlockweightError for a picture to start from that cannot be read."""
    sampler, scheduler = sampling_names(scene, site)
    prompt = f"{scene.prompt} {tags}" if tags else scene.prompt
    body: dict[str, Any] = {
        "prompt": prompt,
        "negative_prompt": scene.negative_prompt,
        "styles": [],
        "seed": scene.seed,
        "subseed": scene.variation_seed,
        "subseed_strength": scene.variation_strength,
        "seed_resize_from_w": 0,
        "seed_resize_from_h": 0,
        "steps": scene.steps,
        "cfg_scale": scene.cfg_scale,
        "width": scene.width,
        "height": scene.height,
        "sampler_name": sampler,
        "batch_size": 1,
        "n_iter": 1,
        "tiling": False,
        "restore_faces": False,
        "s_churn": 0.0,
        "s_tmin": 0.0,
        "s_noise": 1.0,
        "send_images": True,
        "save_images": False,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
        "override_settings": _options(scene, model, family, site),
        "override_settings_restore_afterwards": True,
        # Switched on by default, which a person may have changed on the page; no text keeps the presets.
        "alwayson_scripts": {LBW: {"args": [None, True]}} if lbw else {},
    }
    if scheduler:
        body["scheduler"] = scheduler
    if scene.eta is not None:
        body["eta"] = scene.eta
    if site.flavour == "Forge":
        body["distilled_cfg_scale"] = _USUAL_GUIDANCE if scene.guidance is None else scene.guidance
    steps = scene.steps
    if scene.hires is not None:
        hires = scene.hires
        steps += hires.steps or scene.steps
        body |= {
            "enable_hr": True,
            "hr_scale": hires.scale,
            "hr_resize_x": hires.width,
            "hr_resize_y": hires.height,
            "hr_upscaler": hires.upscaler,
            "hr_second_pass_steps": hires.steps,
            "denoising_strength": hires.denoising,
            # Forge's API takes 1 and nothing for these two, and fails or forgets the negative prompt.
            "hr_cfg": scene.cfg_scale,
            "hr_additional_modules": ["Use same choices"],
            "hr_distilled_cfg": body.get("distilled_cfg_scale", _USUAL_GUIDANCE),
        }
    if scene.start is not None:
        body |= {
            "init_images": [base64.b64encode(_read(scene.start.picture)).decode()],
            "denoising_strength": scene.start.denoising,
            "resize_mode": RESIZE_MODES.index(scene.start.resize),
        }
    said = {
        "Steps": str(scene.steps),
        "Sampler": sampler,
        **({"Schedule type": scheduler} if scheduler else {}),
        "Seed": str(scene.seed),
        "Size": f"{scene.width}x{scene.height}",
        "CFG scale": str(scene.cfg_scale),
        "Model hash": sha256[:10],
        "Clip skip": str(scene.clip_skip),
        **({} if scene.vae is None else _vae_said(scene.vae, site)),
    }
    return Asked(f"{API}/{'txt2img' if scene.start is None else 'img2img'}", body, steps, said, _where_said(scene))


def _where_said(scene: Scene) -> dict[str, str]:
    found = {"RNG": scene.noise_source}
    if scene.variation_strength:
        found |= {
            "Variation seed": str(scene.variation_seed),
            "Variation seed strength": str(scene.variation_strength),
        }
    if scene.start is not None:
        found["Denoising strength"] = str(scene.start.denoising)
    if scene.hires is not None:
        hires = scene.hires
        found |= {"Hires upscaler": hires.upscaler, "Denoising strength": str(hires.denoising)}
        if hires.width or hires.height:
            found["Hires resize"] = f"{hires.width}x{hires.height}"
        else:
            found["Hires upscale"] = str(hires.scale)
    return found


def _options(scene: Scene, model: ServerModel, family: str, site: Site) -> dict[str, object]:
    wanted = {
        **_PLAIN_OPTIONS,
        "sd_model_checkpoint": model.title,
        # A server keeps what it was once sent if its settings do not hold the key, so it goes with every request.
        "CLIP_stop_at_last_layers": scene.clip_skip,
        "randn_source": scene.noise_source,
    }
    if site.flavour != "Forge":
        wanted["sd_vae"] = "None" if scene.vae is None else _vae_choice(scene.vae, site)
    elif scene.vae is not None:
        wanted["forge_additional_modules"] = [_vae_choice(scene.vae, site)]
    else:
        chosen = site.options["forge_additional_modules"]
        wanted["forge_additional_modules"] = [] if family in _WITH_OWN_PARTS else chosen
    return {name: value for name, value in wanted.items() if name in site.options}


def _vae_choice(vae: Part, site: Site) -> str:
    name = base_name(vae.path)
    if name not in site.vaes:
        raise BlockweightError(
            f"The WebUI has no VAE {quoted(name)}; copy the file into the WebUI's folder, and refresh the list there."
        )
    return site.vaes[name]


def _vae_said(vae: Part, site: Site) -> dict[str, str]:
    if site.flavour == "Forge":
        return {"Module 1": base_name(vae.path).removesuffix(".safetensors")}
    return {"VAE hash": vae.digest[:10]}


def _read(part: Part) -> bytes:
    try:
        return Path(part.path).read_bytes()
    except OSError as error:
        raise BlockweightError(f"'{part.path}' cannot be read ({error.strerror}); check the path.") from None
