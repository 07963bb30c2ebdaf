"""A scene and block weights as a workflow of ComfyUI's core nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import HiresSize, Job, Scene, check_sides, hires_size
from blockweight.render.comfyui.conditions import Conditions, add_controls, read_prompts
from blockweight.render.comfyui.graph import Graph, Link, Nodes
from blockweight.render.comfyui.kinds import NodeKinds
from blockweight.render.comfyui.loras import Unrest, add_loras
from blockweight.render.comfyui.models import KINDS, Kind, Loaded, load_model
from blockweight.render.comfyui.samplers import Sampling, sampling_of
from blockweight.render.comfyui.uploads import LoraShelf, Upload, picture_upload

OUTPUT = "picture"
"""The node that the finished picture comes from."""

_LATENT_METHODS = {"Latent": "bilinear", "Latent (bicubic)": "bicubic", "Latent (nearest-exact)": "nearest-exact"}
_PIXEL_METHODS = {"None": "lanczos", "Lanczos": "lanczos"}
"""Upscalers that enlarge by the same filter in both programs."""

_MOST_DENOISING = 0.999
_TO_THE_END = 10000


@dataclass(frozen=True)
class Workflow:
    """What is sent for a job: the `nodes`, the name of the node that the picture comes from, the files that must be
    there, and how many steps each sampling node takes, in their order."""

    nodes: Nodes
    output: str
    uploads: tuple[Upload, ...]
    steps: Mapping[str, int]


@dataclass(frozen=True)
class _Pass:
    """What both passes of a picture share."""

    scene: Scene
    sampling: Sampling
    model: Link
    steps: dict[str, int]


def build(job: Job, kinds: NodeKinds, shelf: LoraShelf, unrest: Unrest) -> Workflow:
    """The workflow of a job. BlockweightError for what ComfyUI's core nodes cannot do, and models that the server has
    not."""
    scene, family = job.scene, family_of(job, shelf)
    kind = _kind(family)
    _check_scene(scene, kind, family)
    check_sides(scene.width, scene.height, kind.side)
    sampling = sampling_of(scene)
    graph = Graph()
    loaded = load_model(graph, kinds, scene.checkpoint.path, family, scene.vae)
    model, clip, uploads = add_loras(graph, job, shelf, unrest, loaded.model, loaded.clip)
    assert clip is not None
    if sampling.consistent:
        model = graph.add("consistency", "ModelSamplingDiscrete", model=model, sampling="lcm", zsnr=False)
    # The other Stable Diffusions' encoders end one layer early by themselves, whatever a scene says.
    if family == "sd1" and scene.clip_skip > 1:
        clip = graph.add("clip-skip", "CLIPSetLastLayer", clip=clip, stop_at_clip_layer=-scene.clip_skip)
    conditions = read_prompts(graph, scene, clip, kind, family)
    drawing = _Pass(scene, sampling, model, {})
    latents, more = _first(graph, kinds, drawing, conditions, loaded, kind)
    uploads += more
    if scene.hires is not None and scene.hires.denoising:
        latents, more = _second(graph, kinds, drawing, conditions, loaded, latents)
        uploads += more
    elif scene.hires is not None:
        latents = _enlarged(graph, scene, loaded, latents)
    decoded = graph.add("decoded", "VAEDecode", samples=latents, vae=loaded.vae)
    # A preview's file goes away with the server's next start; a saved one would stay.
    graph.add(OUTPUT, "PreviewImage", images=decoded)
    return Workflow(graph.nodes, OUTPUT, tuple(dict.fromkeys(uploads)), drawing.steps)


def family_of(job: Job, shelf: LoraShelf) -> str:
    """The family that a job's model must be of: that of its LoRA."""
    weights = job.variant.weights
    return shelf.take(job.lora)[0].family.name if weights is None else weights.layout.family


def _kind(family: str) -> Kind:
    kind = KINDS.get(family)
    if kind is None:
        raise BlockweightError(
            f"There is no ready workflow for models of the family {family} (there is one for {', '.join(KINDS)}); use "
            "a workflow of your own (docs/comfyui.md)."
        )
    return kind


def _check_scene(scene: Scene, kind: Kind, family: str) -> None:
    if scene.noise_source != "CPU":
        raise BlockweightError(
            f"ComfyUI draws noise on the CPU, not as {quoted(scene.noise_source)}; choose CPU for the scene's noise."
        )
    if scene.variation_strength:
        raise BlockweightError(
            "ComfyUI's core nodes know no variation seed; leave it out, or use a workflow of your own."
        )
    if not kind.distilled and scene.guidance is not None:
        raise BlockweightError(
            f"Models of the family {family} take no distilled CFG scale; leave it out and use the CFG scale."
        )
    for what, there in (
        ("a hires pass", scene.hires is not None),
        ("a clip skip", scene.clip_skip != 1),
        ("textual inversion embeddings", bool(scene.embeddings)),
        ("a picture to draw over", scene.start is not None),
        ("ControlNets", bool(scene.controls)),
    ):
        if there and not kind.weighs:
            raise BlockweightError(
                f"The scene {quoted(scene.label)} asks for {what}, which the ready workflow for models of the family "
                f"{family} does not have; leave it out, or use a workflow of your own."
            )


def _first(
    graph: Graph, kinds: NodeKinds, drawing: _Pass, conditions: Conditions, loaded: Loaded, kind: Kind
) -> tuple[Link, list[Upload]]:
    scene = drawing.scene
    size = (scene.width, scene.height)
    conditions, uploads = add_controls(graph, kinds, scene, conditions, loaded.vae, size, "first")
    if scene.start is None:
        empty = graph.add("empty", kind.latent, width=scene.width, height=scene.height, batch_size=1)
        return _sampled(graph, drawing, "first", conditions, empty, scene.steps, scene.steps), uploads
    picture = picture_upload(scene.start.picture, scene.start.resize, *size)
    loader = graph.add("start", "LoadImage", image=picture.name)
    encoded = graph.add("encoded", "VAEEncode", pixels=loader, vae=loaded.vae)
    # As the WebUI reckons without img2img_fix_steps: modules/sd_samplers_common.py.
    taken = int(min(scene.start.denoising, _MOST_DENOISING) * scene.steps) + 1
    return _sampled(graph, drawing, "first", conditions, encoded, scene.steps, taken), [*uploads, picture]


def _second(
    graph: Graph, kinds: NodeKinds, drawing: _Pass, conditions: Conditions, loaded: Loaded, latents: Link
) -> tuple[Link, list[Upload]]:
    scene = drawing.scene
    assert scene.hires is not None
    controlled, uploads = add_controls(graph, kinds, scene, conditions, loaded.vae, scene.picture_size, "second")
    larger = _enlarged(graph, scene, loaded, latents)
    steps = scene.hires.steps or scene.steps
    whole = int(steps / min(scene.hires.denoising, _MOST_DENOISING))
    return _sampled(graph, drawing, "second", controlled, larger, whole, steps), uploads


def _enlarged(graph: Graph, scene: Scene, loaded: Loaded, latents: Link) -> Link:
    hires = scene.hires
    assert hires is not None
    size: HiresSize = hires_size(scene.width, scene.height, hires)
    method, in_pixels = _LATENT_METHODS.get(hires.upscaler), _PIXEL_METHODS.get(hires.upscaler)
    if method is not None:
        larger = graph.add(
            "larger",
            "LatentUpscale",
            samples=latents,
            upscale_method=method,
            width=size.width // 8 * 8,
            height=size.height // 8 * 8,
            crop="disabled",
        )
    elif in_pixels is not None:
        decoded = graph.add("small", "VAEDecode", samples=latents, vae=loaded.vae)
        scaled = graph.add(
            "scaled",
            "ImageScale",
            image=decoded,
            upscale_method=in_pixels,
            width=size.width,
            height=size.height,
            crop="disabled",
        )
        larger = graph.add("larger", "VAEEncode", pixels=scaled, vae=loaded.vae)
    else:
        known = ", ".join((*_LATENT_METHODS, *_PIXEL_METHODS))
        raise BlockweightError(
            f"ComfyUI's core nodes have no upscaler {quoted(hires.upscaler)}; choose one of: {known}."
        )
    if not (size.crop_x or size.crop_y):
        return larger
    columns, rows = size.latents()
    left, top = size.crop_x // 2 * 8, size.crop_y // 2 * 8
    return graph.add("cut", "LatentCrop", samples=larger, width=columns * 8, height=rows * 8, x=left, y=top)


def _sampled(
    graph: Graph, drawing: _Pass, name: str, conditions: Conditions, latents: Link, whole: int, taken: int
) -> Link:
    """The last `taken` steps of a schedule of `whole` ones over the latents."""
    scene, sampling = drawing.scene, drawing.sampling
    drawing.steps[name] = taken
    shared = {
        "model": drawing.model,
        "steps": whole,
        "cfg": scene.cfg_scale,
        "sampler_name": sampling.sampler,
        "scheduler": sampling.scheduler,
        "positive": conditions.positive,
        "negative": conditions.negative,
        "latent_image": latents,
    }
    if whole == taken and name == "first":
        return graph.add(name, "KSampler", seed=scene.seed, denoise=1.0, **shared)
    return graph.add(
        name,
        "KSamplerAdvanced",
        add_noise="enable",
        noise_seed=scene.seed,
        start_at_step=whole - taken,
        end_at_step=_TO_THE_END,
        return_with_leftover_noise="disable",
        **shared,
    )
