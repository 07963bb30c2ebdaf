"""Which nodes load a family's models, and what a family is drawn with."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.plan import SERVER_MODEL, Checkpoint, Part
from blockweight.render.comfyui.graph import Graph, Link
from blockweight.render.comfyui.kinds import NodeKinds, on_server
from blockweight.render.remote import Address, Server, ServerError, find_credentials


@dataclass(frozen=True)
class Kind:
    """How a family's models are drawn: whether prompts are in the WebUI's language (`weighs`); the node that makes the
    `latent`s of a picture, whose sides are multiples of `side` pixels; whether there is a distilled guidance
    (`distilled`). `encoders` and `vae` say what goes with a file that holds the denoiser alone: the loader of text
    encoders, its type, and patterns of the files' names."""

    weighs: bool = False
    latent: str = "EmptySD3LatentImage"
    side: int = 16
    distilled: bool = False
    encoders: tuple[str, str, tuple[str, ...]] | None = None
    vae: str = ""


_STABLE = Kind(weighs=True, latent="EmptyLatentImage", side=8)
_AE = r"(?:^|[\\/])ae\.|flux.*vae|vae.*flux"

KINDS: dict[str, Kind] = {
    "sd1": _STABLE,
    "sd2": _STABLE,
    "sdxl": _STABLE,
    "sd3": Kind(encoders=("TripleCLIPLoader", "", ("clip_l", "clip_g", "t5")), vae=r"sd3.*vae|vae.*sd3"),
    "flux1": Kind(distilled=True, encoders=("DualCLIPLoader", "flux", ("clip_l", "t5")), vae=_AE),
    "qwen-image": Kind(encoders=("CLIPLoader", "qwen_image", (r"qwen.?2\.?5.?vl",)), vae="qwen.?image.*vae"),
    "zimage": Kind(encoders=("CLIPLoader", "lumina2", ("qwen.?3.?4b",)), vae=_AE),
    "lumina2": Kind(encoders=("CLIPLoader", "lumina2", ("gemma.?2.?2b",)), vae=_AE),
}
"""Source: the loaders of `nodes.py` and `comfy_extras/nodes_sd3.py` in ComfyUI 0.3.64, and the file names that its
documentation gives to these models' parts."""


@dataclass(frozen=True)
class Loaded:
    """The outputs that hold the model, its text encoders and its autoencoder."""

    model: Link
    clip: Link
    vae: Link


def load_model(graph: Graph, kinds: NodeKinds, path: str, family: str, vae: Part | None) -> Loaded:
    """Load the model at `path` by whatever the server has of it: a whole checkpoint, or the denoiser with the files
    that go with it. BlockweightError if it has neither, or several files could go with it."""
    whole = kinds.options("CheckpointLoaderSimple", "ckpt_name")
    alone = kinds.options("UNETLoader", "unet_name")
    encoders = KINDS[family].encoders
    if encoders is None or not _has(path, alone):
        name = on_server(path, whole, "checkpoint")
        made = graph.add("checkpoint", "CheckpointLoaderSimple", ckpt_name=name)
        own = Link(made.node, 2)
        return Loaded(made, Link(made.node, 1), own if vae is None else _vae(graph, kinds, vae.path))
    name = on_server(path, alone, "diffusion model")
    model = graph.add("denoiser", "UNETLoader", unet_name=name, weight_dtype="default")
    clip = _encoders(graph, kinds, *encoders)
    if vae is not None:
        return Loaded(model, clip, _vae(graph, kinds, vae.path))
    listed = kinds.options("VAELoader", "vae_name") or ()
    loader = graph.add("vae", "VAELoader", vae_name=_one(listed, KINDS[family].vae, "VAE", family))
    return Loaded(model, clip, loader)


def _has(path: str, listed: Sequence[str] | None) -> bool:
    try:
        on_server(path, listed, "diffusion model")
    except BlockweightError:
        return False
    return True


def _vae(graph: Graph, kinds: NodeKinds, path: str) -> Link:
    name = on_server(path, kinds.options("VAELoader", "vae_name"), "VAE")
    return graph.add("vae", "VAELoader", vae_name=name)


def _encoders(graph: Graph, kinds: NodeKinds, loader: str, sort: str, patterns: Sequence[str]) -> Link:
    names = ["clip_name"] if len(patterns) == 1 else [f"clip_name{n}" for n in range(1, len(patterns) + 1)]
    listed = kinds.options(loader, names[0]) or ()
    found = {key: _one(listed, pattern, "text encoder", sort) for key, pattern in zip(names, patterns, strict=True)}
    return graph.add("encoders", loader, **found, **({"type": sort} if sort else {}))


def _one(listed: Sequence[str], pattern: str, what: str, whose: str) -> str:
    found = [name for name in listed if re.search(pattern, name, re.IGNORECASE)]
    if len(found) == 1:
        return found[0]
    many = f"{len(found)} files that could be the {what}" if found else f"no file that is plainly the {what}"
    raise BlockweightError(
        f"ComfyUI has {many} for a model of the family {whose} ({', '.join(found[:5]) or pattern}); use a workflow of "
        "your own, which names it."
    )


def server_checkpoint(address: Address, name: str) -> Checkpoint:
    """The model that the ComfyUI at an address calls `name`, a checkpoint or a denoiser alone, as `server:NAME`.

    ComfyUI tells no hash of a file. So the digest is of the address, the name and the file's metadata: pictures of
    another server's model of this name are told apart, those of a file that took this one's name and has its metadata
    are not. BlockweightError if there is none, or more than one; ServerError if it cannot be asked.
    """
    server = Server(address, find_credentials(address))
    try:
        kinds = NodeKinds(server)
        listed = {
            "checkpoints": kinds.options("CheckpointLoaderSimple", "ckpt_name") or (),
            "diffusion_models": kinds.options("UNETLoader", "unet_name") or (),
        }
        found = on_server(name, [each for names in listed.values() for each in names], "model")
        folder = next(folder for folder, names in listed.items() if found in names)
        told = _metadata(server, folder, found)
    finally:
        server.close()
    facts = json.dumps([address.url, found.replace("\\", "/"), told], sort_keys=True)
    return Checkpoint(f"{SERVER_MODEL}{found}", hashlib.sha256(facts.encode()).hexdigest())


def _metadata(server: Server, folder: str, name: str) -> object:
    """What a file's header says of it; nothing if it has none."""
    try:
        return server.get_json(f"/view_metadata/{folder}", {"filename": name})
    except ServerError as error:
        if error.trouble == "answer" and error.status == 404:
            return None
        raise
