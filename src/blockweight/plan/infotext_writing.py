"""A job's infotext, in the form that the WebUI writes below a picture, and a grid's.

LoRAs stand in the prompt as tags that LoRA Block Weight reads. What has no place in that form stands in settings of our
own, whose names begin with `Blockweight`: the WebUI passes over settings that it does not know. Sources:
`create_infotext` of `modules/processing.py`, `extensions-builtin/Lora/extra_networks_lora.py` (`Lora hashes`),
`modules/sd_models.py` and `modules/sd_vae.py` (`Model hash` and `VAE hash`: the first 10 digits of the file's SHA-256),
`modules/textual_inversion/textual_inversion.py` and `modules/sd_hijack.py` (`TI hashes`: the first 12 digits of the
file's SHA-256), and `scripts/xyz_grid.py` in AUTOMATIC1111/stable-diffusion-webui 1.10.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from blockweight.plan.hires import Hires
from blockweight.plan.infotext import (
    MODEL_HASH,
    NEGATIVE,
    OWN_MODEL_HASH,
    OWN_NEGATIVE,
    OWN_PROMPT,
    OWN_TAGS,
    Infotext,
    quote_setting,
    read_infotext,
)
from blockweight.plan.infotext_decided import decided_beside, scene_as_drawn, settings_as_drawn
from blockweight.plan.infotext_loras import Extras, own_setting
from blockweight.plan.scenes import Job, LoraUse, Scene
from blockweight.weights import BlockWeights, format_weight
from blockweight.weights.notations.tag import LoraTag

SHORT_MODEL, SHORT_LORA = 10, 12
"""Digits of hashes that the WebUI writes: of a model and a VAE, and of a LoRA and an embedding."""

ENDING = ".safetensors"

_NOT_IN_TAGS = re.compile(r"[<>:\x00-\x1f\x7f]")
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters, which text chunks and readers of EXIF may drop."""


def infotext_of(
    job: Job, hashes: Mapping[str, str] | None = None, decides: Mapping[str, str] = MappingProxyType({})
) -> str:
    """The job as an infotext. `read_infotext` and `scene_settings` read it back to the last digit, but for what only
    the files themselves hold, the picture that is drawn over and the maps of ControlNets among them.

    `hashes` gives hashes as the WebUI has them by our digests: those of LoRAs (`lora.hashes.webui_hash`), by the digest
    of their use, and of a model that is a single file (`render.checkpoint_file_hash`).

    `decides` is what the renderer decides by itself, by the scene's fields (`render.Capabilities`): the text tells its
    values instead of the scene's, and that they are its own.
    """
    decided, known = decided_beside(job.scene, decides), hashes or {}
    scene = scene_as_drawn(job.scene, decided)
    used = _used(job)
    tags = " ".join(_tag(use).text(weights.vector()) for use, weights, _ in used)
    settings = {
        **settings_as_drawn(_settings(scene, known), decided),
        **_hash_settings(scene, [use for use, _, _ in used], known),
        **_own_settings(used),
    }
    text = _written(scene, tags, settings)
    if _reads_back(read_infotext(text), scene, tags):
        return text
    # Such a prompt means something else to whoever takes the text apart, as a line "Negative prompt:" does.
    own = {OWN_PROMPT: scene.prompt, OWN_NEGATIVE: scene.negative_prompt, OWN_TAGS: tags}
    return _written(scene, tags, settings | own)


GRID_SCRIPT = "X/Y/Z plot"
"""The WebUI's script that draws grids."""

OURS = "Blockweight"
"""What "Version" says in the infotext of a grid that is drawn here."""


def grid_infotext(
    job: Job,
    axes: Sequence[tuple[str, Sequence[str]]],
    hashes: Mapping[str, str] | None = None,
    decides: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """The infotext of a grid of pictures, as the WebUI's X/Y/Z plot writes it: that of its first picture, with the name
    and the values of each of up to three axes, X first."""
    named = {}
    for letter, (name, values) in zip("XYZ", axes, strict=False):
        if values:
            named[f"{letter} Type"] = name
            named[f"{letter} Values"] = _listed(values)
    first = infotext_of(job, hashes, decides)
    return ", ".join([first, *_items({"Script": GRID_SCRIPT, **named, "Version": OURS})]) if named else first


def _listed(values: Sequence[str]) -> str:
    """As the plot's fields take them: separated by commas, in quotes where they hold one."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def file_title(path: str) -> str:
    """The file's or folder's name, without the ending of a file of tensors.

    It need not be text: on Linux it is bytes, and old archives bring names that are not UTF-8.
    """
    return Path(path).name.removesuffix(ENDING).encode("utf-8", "replace").decode()


def _items(settings: Mapping[str, str]) -> list[str]:
    return [f"{name}: {quote_setting(value)}" for name, value in settings.items()]


def _written(scene: Scene, tags: str, settings: Mapping[str, str]) -> str:
    prompt = f"{scene.prompt} {tags}" if tags else scene.prompt
    return f"{prompt}\n{NEGATIVE} {scene.negative_prompt}\n{', '.join(_items(settings))}"


def _reads_back(read: Infotext, scene: Scene, tags: str) -> bool:
    same = (read.bare_prompt, read.negative_prompt) == (scene.prompt, scene.negative_prompt)
    alone = " ".join(tag.text for tag in read.tags) == tags
    return same and alone and not _ODD.search(scene.prompt + scene.negative_prompt)


def _used(job: Job) -> list[tuple[LoraUse, BlockWeights, Extras]]:
    """Every LoRA with its block weights, the one that is tuned first, and what a tag cannot say of it."""
    weights = job.variant.weights
    tuned = [] if weights is None else [(job.lora, weights, False)]
    every = [*tuned, *((each.use, each.weights, weights is None) for each in job.scene.loras)]
    found = []
    for use, values, beside in every:
        found.append((use, values, Extras.of(file_title(use.path), _tag(use).name, values, beside=beside)))
    return found


def _tag(use: LoraUse) -> LoraTag:
    name = _NOT_IN_TAGS.sub("_", file_title(use.path)).strip() or "_"
    return LoraTag(name, use.in_texts, use.strength, start=use.start if use.start > 1 else None, stop=use.stop)


def _own_settings(used: Sequence[tuple[LoraUse, BlockWeights, Extras]]) -> dict[str, str]:
    said = {own_setting(number): extras.text() for number, (_, _, extras) in enumerate(used, start=1)}
    return {name: text for name, text in said.items() if text}


def _settings(scene: Scene, hashes: Mapping[str, str]) -> dict[str, str]:
    digest = scene.checkpoint.digest
    return {
        "Steps": str(scene.steps),
        "Sampler": scene.sampler,
        **({"Schedule type": scene.scheduler} if scene.scheduler else {}),
        "CFG scale": format_weight(scene.cfg_scale),
        **({} if scene.guidance is None else {"Distilled CFG Scale": format_weight(scene.guidance)}),
        "Seed": str(scene.seed),
        "Size": f"{scene.width}x{scene.height}",
        **_model_hash(digest, hashes.get(digest, "")),
        "Model": file_title(scene.checkpoint.path),
        **_noise_settings(scene),
        **({} if scene.hires is None else _hires_settings(scene.hires)),
        **_part_settings(scene),
        **({} if scene.clip_skip == 1 else {"Clip skip": str(scene.clip_skip)}),
    }


def _model_hash(digest: str, known: str) -> dict[str, str]:
    """The model's hash as others know it, or our own digest where they have none."""
    return {MODEL_HASH: known[:SHORT_MODEL]} if known else {OWN_MODEL_HASH: digest[:SHORT_MODEL]}


def _noise_settings(scene: Scene) -> dict[str, str]:
    settings = {"RNG": scene.noise_source}
    if scene.eta is not None:
        settings["Eta DDIM" if scene.sampler == "DDIM" else "Eta"] = format_weight(scene.eta)
    if scene.variation_strength:
        settings["Variation seed"] = str(scene.variation_seed)
        settings["Variation seed strength"] = format_weight(scene.variation_strength)
    return settings


def _hires_settings(hires: Hires) -> dict[str, str]:
    sized = hires.width or hires.height
    return {
        "Denoising strength": format_weight(hires.denoising),
        **(
            {"Hires resize": f"{hires.width}x{hires.height}"}
            if sized
            else {"Hires upscale": format_weight(hires.scale)}
        ),
        **({"Hires steps": str(hires.steps)} if hires.steps else {}),
        "Hires upscaler": hires.upscaler,
    }


def _part_settings(scene: Scene) -> dict[str, str]:
    settings: dict[str, str] = {"Preview": "yes"} if scene.preview else {}
    if scene.vae is not None:
        # The digest of a single file is its SHA-256; a folder has no hash that others know.
        alone = scene.vae.path.lower().endswith(ENDING)
        settings |= {"VAE hash": scene.vae.digest[:SHORT_MODEL]} if alone else {}
        settings["VAE"] = file_title(scene.vae.path)
    if scene.start is not None:
        settings["Denoising strength"] = format_weight(scene.start.denoising)
    for number, control in enumerate(scene.controls):
        unit = {
            "Module": "none",
            "Model": file_title(control.model.path),
            "Weight": format_weight(control.weight),
            "Resize Mode": control.resize,
            "Guidance Start": format_weight(control.start),
            "Guidance End": format_weight(control.end),
            "Control Mode": control.mode,
        }
        # The form has no way to write these in a name.
        settings[f"ControlNet {number}"] = ", ".join(
            f"{name}: {re.sub('[,:]', ' ', text)}" for name, text in unit.items()
        )
    return settings


def _hash_settings(scene: Scene, uses: Sequence[LoraUse], hashes: Mapping[str, str]) -> dict[str, str]:
    loras = [f"{_tag(use).name}: {hashes[use.digest][:SHORT_LORA]}" for use in uses if hashes.get(use.digest)]
    embedded = [f"{each.name}: {each.digest[:SHORT_LORA]}" for each in scene.embeddings]
    return {
        **({"Lora hashes": ", ".join(loras)} if loras else {}),
        **({"TI hashes": ", ".join(embedded)} if embedded else {}),
    }
