"""What trainers call the numbered blocks of transformers, and the patterns that choose some of them.

Patterns spell a dot `[.]` and never hold a comma, an `=` or a backslash: sd-scripts cuts its lists at commas,
musubi-tuner stops at a second `=`, and a backslash would need escaping in TOML, JSON and shells alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from blockweight.blocks.layout import series_and_number

SERIES: dict[str, dict[str, str]] = {
    "flux1": {"D": "double_blocks", "S": "single_blocks"},
    "flux2": {"D": "double_blocks", "S": "single_blocks"},
    "sd3": {"J": "joint_blocks"},
    "zimage": {"NR": "noise_refiner", "CR": "context_refiner", "L": "layers"},
    "lumina2": {"CR": "context_refiner", "NR": "noise_refiner", "L": "layers"},
    "qwen-image": {"B": "transformer_blocks"},
    "wan": {"B": "blocks", "V": "vace_blocks"},
    "hunyuan-video": {"D": "double_blocks", "S": "single_blocks"},
    "hunyuan-image": {"D": "double_blocks", "S": "single_blocks"},
    "anima": {"A": "llm_adapter.blocks", "B": "blocks"},
    "krea2": {"TL": "txtfusion.layerwise_blocks", "TR": "txtfusion.refiner_blocks", "B": "blocks"},
    "kandinsky5": {"T": "text_transformer_blocks", "B": "visual_transformer_blocks"},
}
"""Family → series → the module that holds its blocks, in the model's own names, which sd-scripts, musubi-tuner and
LyCORIS see. Sources: the models' files in sd-scripts 48d368fa and musubi-tuner 30c658c."""

OTHER_NAMES: dict[str, dict[str, str]] = {
    "hunyuan-video": {"D": "transformer_blocks", "S": "single_transformer_blocks"},
}
"""Names of the same blocks in another model of the family: FramePack's, which are diffusers'."""


def by_series(blocks: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Series → the numbers of these blocks, in order; blocks without a number are left out.

    >>> by_series(["IN", "D00", "D03", "S01"])
    {'D': (0, 3), 'S': (1,)}
    """
    found: dict[str, list[int]] = {}
    for block in blocks:
        if parts := series_and_number(block):
            found.setdefault(parts[0], []).append(parts[1])
    return {series: tuple(sorted(numbers)) for series, numbers in found.items()}


def flat_pattern(module: str, numbers: Iterable[int]) -> str:
    """A pattern for `re.search` on names such as `lora_unet_double_blocks_1_img_attn_qkv`.

    The last `_` keeps 1 from choosing 10 to 19; the prefix keeps the pattern from text encoders.

    >>> flat_pattern("double_blocks", [0, 3])
    'lora_unet_double_blocks_(0|3)_'
    """
    return f"lora_unet_{module.replace('.', '_')}_({_choice(numbers)})_"


def dotted_pattern(module: str, numbers: Iterable[int]) -> str:
    """A pattern that must match the whole of a name such as `blocks.1.self_attn.q_proj`.

    >>> dotted_pattern("blocks", [3, 4])
    'blocks[.](3|4)[.].*'
    """
    return f"{module.replace('.', '[.]')}[.]({_choice(numbers)})[.].*"


def patterns(family: str, blocks: Iterable[str], make: Callable[[str, Iterable[int]], str]) -> Iterator[str]:
    """One pattern for each series of these blocks that the family has in SERIES."""
    names = SERIES[family]
    for series, numbers in by_series(blocks).items():
        if series in names:
            yield make(names[series], numbers)


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as sd-scripts' `train_*_block_indices` takes them; `none` for no number.

    >>> ranges([0, 3, 4, 5, 18])
    '0,3-5,18'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs) or "none"


def _choice(numbers: Iterable[int]) -> str:
    return "|".join(map(str, numbers))
