"""What can stand on a plot's axes, in a page's words: each kind's name, what it does, and the groups of the palette."""

from __future__ import annotations

from collections.abc import Mapping

from blockweight.studio.languages import catalogue, marked

GROUPS: Mapping[str, str] = {
    "lora": marked("The LoRA"),
    "prompt": marked("Prompts"),
    "picture": marked("Picture and model"),
    "sampling": marked("Sampling"),
    "second": marked("Hires pass and ControlNet"),
}

TITLES: Mapping[str, str] = {
    "weights": marked("Block weights"),
    "blocks": marked("Blocks"),
    "values": marked("Weight of those blocks"),
    "lora": marked("LoRA file"),
    "strength": marked("LoRA strength"),
    "te": marked("Strength in the text encoder"),
    "unet": marked("Strength in the UNet"),
    "start": marked("LoRA from step"),
    "stop": marked("LoRA until step"),
    "tag": marked("Another LoRA beside it"),
    "sr": marked("Prompt S/R"),
    "prompt": marked("Prompt"),
    "negative": marked("Negative prompt"),
    "seed": marked("Seed"),
    "size": marked("Size"),
    "model": marked("Checkpoint"),
    "vae": marked("VAE"),
    "init-image": marked("Picture drawn over"),
    "renderer": marked("Renderer"),
    "clip-skip": marked("Clip skip"),
    "sampler": marked("Sampler"),
    "scheduler": marked("Schedule type"),
    "steps": marked("Steps"),
    "cfg": marked("CFG scale"),
    "distilled-cfg": marked("Distilled CFG scale"),
    "eta": marked("Eta"),
    "variation": marked("Variation strength"),
    "hires-upscaler": marked("Hires upscaler"),
    "hires-steps": marked("Hires steps"),
    "denoise": marked("Denoising strength"),
    "control-weight": marked("ControlNet weight"),
    "control-picture": marked("ControlNet picture"),
}

HELP: Mapping[str, str] = {
    "weights": marked("One a line: presets, hints, a round, or weights in any notation."),
    "blocks": marked("Blocks and ranges, such as IN01-IN04, OUT; needs “Weight of those blocks” too."),
    "values": marked("Numbers and ranges that the blocks of “Blocks” are set to."),
    "lora": marked("Files in the folders of the settings, in place of the project’s LoRA."),
    "tag": marked("Tags with commas between them, such as <lora:coat:0.8>; None for none."),
    "sr": marked("The first text is searched in the prompts and replaced by the others: red, blue, green."),
    "prompt": marked("One prompt a line, in place of the scene’s."),
    "negative": marked("One negative prompt a line, in place of the scene’s."),
    "seed": marked("Seeds and ranges, such as 1,2,10-14."),
    "size": marked("Sizes with commas between them: 512x512, 512x768."),
    "model": marked("Models in the folders of the settings."),
    "vae": marked("VAEs in the folders of the settings."),
    "init-image": marked("Pictures of the project that are drawn over, instead of noise (img2img)."),
    "control-picture": marked("Pictures of the project, as a preprocessor made them, for the scene’s ControlNet."),
    "renderer": marked("Who draws the pictures: this machine, and what the Settings page names."),
    "": marked("Numbers and ranges: 1-5, 10-30 (+10), 0-1 [5]."),
    "list": marked("Choose what is drawn with each."),
}
"""By kind; of numbers under the empty name, of lists under `list`."""

OTHERS: Mapping[str, str] = {
    "no LoRA": marked("no LoRA"),
    "current": marked("current"),
    "scene seed": marked("seed"),
}
"""Further words in a plot's labels."""


def plot_words(language: str) -> dict[str, str]:
    """The words in a plot's labels: of its kinds by name, and OTHERS."""
    known = catalogue(language)
    return {name: known.gettext(text) for name, text in {**TITLES, **OTHERS}.items()}


def group_words(language: str) -> dict[str, str]:
    """The groups' names."""
    return {name: catalogue(language).gettext(text) for name, text in GROUPS.items()}


def help_words(language: str, kind: str, editor: str) -> str:
    """What one gives to a kind's chip, in a sentence."""
    text = HELP.get(kind) or HELP["list" if editor == "list" else ""]
    return catalogue(language).gettext(text)
