"""The options that describe a scene, shared by the commands that render."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from blockweight.cli.option_groups import NONE_GATHERED, Gathered, Options, with_options


def finite(value: float | None) -> float | None:
    """A typer callback: refuse `nan` and `inf`, which float options take."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("it must be a finite number.")
    return value


def path(text: str) -> Path:
    """A typer parser: a path, but not the empty text that an unset variable of a shell leaves, which would mean the
    current folder."""
    if not text:
        raise typer.BadParameter("it is empty; give a path.")
    return Path(text)


Model = Annotated[
    Path, typer.Option("--model", parser=path, metavar="PATH", help="A diffusers folder or a .safetensors checkpoint.")
]
Prompt = Annotated[list[str], typer.Option("--prompt", help="A prompt; give the option again for more.")]
Negative = Annotated[str, typer.Option("--negative", help="The negative prompt.")]
Seeds = Annotated[str, typer.Option("--seeds", help="Seeds, e.g. 1,2,3 or 1-3.")]
Steps = Annotated[int, typer.Option("--steps", min=1, max=1000, help="Denoising steps.")]
Cfg = Annotated[float, typer.Option("--cfg", min=1, max=100, callback=finite, help="CFG scale.")]
DistilledCfg = Annotated[
    float | None,
    typer.Option(
        "--distilled-cfg", min=0, max=100, callback=finite, help="What a model distilled from guidance is told (Flux)."
    ),
]
SamplerName = Annotated[str, typer.Option("--sampler", help="The sampler, by the WebUI's name.")]
Scheduler = Annotated[
    str, typer.Option("--scheduler", help="Its schedule type (Karras, Exponential, …), if its name does not end in it.")
]
NoiseSource = Annotated[
    str, typer.Option("--noise", help="Who draws the noise: CPU, GPU (what renders), or NV, as an NVIDIA card would.")
]
VariationSeed = Annotated[
    int, typer.Option("--variation-seed", min=0, max=2**63 - 1, help="A seed whose noise is mixed in.")
]
VariationStrength = Annotated[
    float, typer.Option("--variation-strength", min=0, max=1, callback=finite, help="How much of it.")
]
Eta = Annotated[
    float | None, typer.Option("--eta", min=0, max=1, callback=finite, help="Scales the noise that a sampler adds.")
]
HiresUpscaler = Annotated[
    str | None, typer.Option("--hires-upscaler", help="Enlarge and draw over, by the WebUI's name, e.g. Latent.")
]
HiresScale = Annotated[float | None, typer.Option("--hires-scale", callback=finite, help="By how much; 2 by default.")]
HiresSize = Annotated[
    str | None, typer.Option("--hires-size", help="Or to which width x height; 0 for a side that follows.")
]
HiresSteps = Annotated[
    int | None, typer.Option("--hires-steps", min=0, max=1000, help="Its steps; 0, the default, for as many again.")
]
HiresDenoise = Annotated[
    float | None,
    typer.Option("--hires-denoise", min=0, max=1, callback=finite, help="Its denoising strength; 0.75 by default."),
]
Size = Annotated[str, typer.Option("--size", help="Width x height in pixels.")]
ClipSkip = Annotated[int, typer.Option("--clip-skip", min=1, max=12, help="End SD1's text encoder n - 1 layers early.")]
Embeddings = Annotated[
    Path | None,
    typer.Option(
        "--embeddings", parser=path, metavar="DIR", help="Textual inversion embeddings that prompts call by name."
    ),
]
Vae = Annotated[
    Path | None,
    typer.Option("--vae", parser=path, metavar="PATH", help="A VAE, .safetensors or diffusers', for the model's own."),
]
InitImage = Annotated[
    Path | None, typer.Option("--init-image", parser=path, metavar="PATH", help="Draw over this picture (img2img).")
]
Denoise = Annotated[
    float | None,
    typer.Option("--denoise", min=0, max=1, callback=finite, help="How far it is drawn over; 0.75 by default."),
]
ResizeMode = Annotated[
    str | None,
    typer.Option(
        "--resize-mode", help="How it is fitted: Just resize (the default), Crop and resize, Resize and fill."
    ),
]
Controls = Annotated[
    list[Path] | None,
    typer.Option(
        "--control", parser=path, metavar="PATH", help="A ControlNet, .safetensors or diffusers'. Repeatable."
    ),
]
ControlPictures = Annotated[
    list[Path] | None,
    typer.Option(
        "--control-picture", parser=path, metavar="PATH", help="Its map, as a preprocessor made it; one a ControlNet."
    ),
]
ControlWeights = Annotated[
    list[float] | None, typer.Option("--control-weight", min=0, max=2, help="Its weight; 1 by default.")
]
ControlStarts = Annotated[
    list[float] | None, typer.Option("--control-start", min=0, max=1, help="From which share of the steps it works.")
]
ControlEnds = Annotated[list[float] | None, typer.Option("--control-end", min=0, max=1, help="To which share of them.")]
ControlModes = Annotated[
    list[str] | None,
    typer.Option("--control-mode", help="Balanced, My prompt is more important, or ControlNet is more important."),
]
ControlResizes = Annotated[
    list[str] | None, typer.Option("--control-resize", help="How its map is fitted; Crop and resize by default.")
]
Preview = Annotated[
    bool, typer.Option("--preview", help="Draw in 8 steps at half the size, to see sooner where to look.")
]
Out = Annotated[Path, typer.Option("--out", parser=path, metavar="PATH", help="The project folder.")]
LoraFile = Annotated[Path, typer.Argument(parser=path, metavar="LORA", help="The LoRA, a .safetensors file.")]
Strength = Annotated[float, typer.Option("--strength", callback=finite, help="The LoRA's strength.")]
Rest = Annotated[
    float | None, typer.Option("--rest", callback=finite, help="For modules that no block claims (REST); 1 by default.")
]
Fill = Annotated[float | None, typer.Option("--fill", callback=finite, help="For blocks that a short vector lacks.")]
Book = Annotated[
    Path | None,
    typer.Option("--book", parser=path, metavar="PATH", help="A preset book (lbwpresets.txt) to look names up in."),
]

DEFAULT_OUT = Path("blockweight-project")
DEFAULT_SAMPLER = "DPM++ 2M"
DEFAULT_SCHEDULER = "Automatic"
DEFAULT_NOISE = "CPU"

PARTS: Options = {
    name: (hint, None)
    for name, hint in (
        ("vae", Vae),
        ("init_image", InitImage),
        ("denoise", Denoise),
        ("resize_mode", ResizeMode),
        ("control", Controls),
        ("control_picture", ControlPictures),
        ("control_weight", ControlWeights),
        ("control_start", ControlStarts),
        ("control_end", ControlEnds),
        ("control_mode", ControlModes),
        ("control_resize", ControlResizes),
    )
}
"""VAE, picture to draw over and ControlNets."""

Parts = Gathered
NO_PARTS: Parts = NONE_GATHERED


def parts_given(values: Mapping[str, Any]) -> Parts:
    """Those of PARTS that were given, as `workflow.part_options.PartOptions` takes them by keyword."""
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items() if value is not None
    }


with_parts = with_options("parts", PARTS, parts_given)
"""A command with PARTS in the place of its parameter `parts`, which is given `parts_given`."""
