"""The tutorial's kinds of grid: what each shows, what is to be seen in it, and the one command that draws it.

Commands run in the gallery's folder, where `models` and `loras` are (`assets.py`), and `presets.txt`.
"""

from __future__ import annotations

from dataclasses import dataclass

from blockweight.blocks import family_by_name
from blockweight.weights import BlockWeights

IMPORTANT = ("IN01", "IN02", "IN05", "IN07", "OUT04", "OUT05", "OUT06", "OUT08", "OUT09", "OUT10", "OUT11")
UNKNOWN = ("IN03", "IN04", "OUT07")
"""The blocks that the tuned weights leave at 1, and those that were open before they came to 0."""

DIGITS = ("876", "777", "654", "432")


def digit_weights(digits: str) -> BlockWeights:
    """`876` is 0.8 for important blocks, 0.7 for unknown and 0.6 for the others; the text encoder has 1."""
    important, unknown, unimportant = (int(digit) / 10 for digit in digits)
    layout = family_by_name("sd1").layout
    classes = dict.fromkeys(IMPORTANT, important) | dict.fromkeys(UNKNOWN, unknown) | {"BASE": 1.0}
    return BlockWeights(f"L{digits}", layout, tuple(classes.get(block, unimportant) for block in layout.blocks))


TUNING = """\
Gobuhime0:1,0,0.5,0.5,0.5,0.5,0.5,0,0.5,0,0,0,0,0,0,0,0,0,0.5,0.5,0.5,0.5,0.5,1,1,1
Gobuhime1:1,0,0.5,0.5,0,0,0.5,0,0.5,0,0,0,0,0,0,0,0,0,0.5,0.5,0.5,0,0.5,1,1,1
Gobuhime2:1,0,1,0.5,0,0,0.5,0,1,0,0,0,0,0,0,0,0,0,1,0.5,1,0,0.5,1,1,1
Gobuhime3:1,0,1,1,0,0,0.5,0,1,0,0,0,0,0,0,0,0,0,1,0.5,1,0,1,1,1,1
Gobuhime:1,0,1,1,0,0,1,0,1,0,0,0,0,0,0,0,0,0,1,1,1,0,1,1,1,1
"""
"""What tuning came to, step by step; the last line is what `blockweight demo` comes to."""

PRESETS = TUNING + "".join(f"{digit_weights(digits).text()}\n" for digits in DIGITS)
"""The gallery's preset book."""

_LOOK = '--size 64x64 --steps 16 --cfg 4 --sampler "DPM++ 2M Karras" --seeds 301'
_MODEL = f"--model models/blockweight-embedded {_LOOK}"
_FILES = "--folder loras --book presets.txt"
_CALL = "1girl, gobuhime, long hair, hairornament, choker, smile"
_OUTFITS = (
    "red dress, meadow",
    "white sailor uniform, classroom",
    "black suit, sunset",
    "yellow hoodie, night",
)
_SCENES = "sr=" + ",".join(f'"{outfit}"' for outfit in _OUTFITS)
"""Prompt S/R, from the first outfit to the others."""


@dataclass(frozen=True)
class Kind:
    """`name` is the tutorial's; `alternative` stands for the picture where it is not seen; `shows` says what the grid
    is of, and `seen` what it shows here; `options` follow `blockweight plot`, a line each."""

    name: str
    alternative: str
    shows: str
    seen: str
    options: tuple[str, ...]

    @property
    def command(self) -> str:
        """As it is typed in a shell."""
        first, *others = self.options
        return " \\\n    ".join((f"blockweight plot {first}", *others, f"--title {self.name} --write webp --out plots"))

    @property
    def picture(self) -> str:
        """The name of its picture."""
        return f"gallery-{self.name}.webp"


def _prompt(outfit: str, tag: str = "") -> str:
    return f'--prompt "{_CALL}, {outfit}{tag and " "}{tag}"'


def _round(name: str, weights: str, planned: str, alternative: str, shows: str, seen: str) -> Kind:
    prompt = _prompt(_OUTFITS[0], f"<lora:gobuhime-locon:1:{weights}>")
    lines = (_MODEL, _FILES, prompt, f"--x '{_SCENES}'", f'--y "round={planned}" --scale 2')
    return Kind(name, alternative, shows, seen, lines)


KINDS: tuple[Kind, ...] = (
    Kind(
        "GobuhimeAll",
        "four outfits without the LoRA, with ALL, and with the first guess",
        "All of the LoRA against the first guess at its block weights: 1 for the text encoder and for blocks that the "
        "demo's analysis finds important, 0 for those that it does not, 0.5 where it cannot tell. Two Prompt S/R: one "
        "changes the weights in the tag, one the outfit.",
        "With ALL the suit is green and the hoodie greenish. The guess takes most of that away, and of the princess "
        "the ears and half of the horns, too.",
        (
            _MODEL,
            _FILES,
            _prompt(_OUTFITS[0], "<lora:gobuhime-locon:1:ALL>"),
            f"--x sr=ALL,Gobuhime0 --y '{_SCENES}'",
            "--baseline column",
        ),
    ),
    _round(
        "Gobuhime0",
        "Gobuhime0",
        "sub:0.5:NOT IN01-IN05 IN07 OUT04-OUT08",
        "a round of 12 variants, one a row, in four outfits",
        "The first round: every block that is not decided loses 0.5, one at a time. The first row is the guess "
        "itself. What stands after the second colon are the blocks that stay: all but these.",
        "Most rows look alike: at half their weight, these blocks do little alone. Without OUT08 the hair loses its "
        "green, and without IN04 or OUT07 the face does, above a suit. The demo, which measures the green in clothes "
        "too, puts these two and IN03 to 0.",
    ),
    _round(
        "Gobuhime1",
        "Gobuhime1",
        "sub:0.5:NOT IN01 IN02 IN05 IN07 OUT04-OUT06 OUT08",
        "a round of nine variants, one a row, in four outfits",
        "The next round, with three blocks fewer.",
        "OUT08 carries the colour of hair and face; IN07 and OUT04 hardly change anything. The first row has paled: "
        "the three blocks that are at 0 now have taken green from the face and the choker. From here on, blocks are "
        "raised as well.",
    ),
    _round(
        "Gobuhime2",
        "Gobuhime2",
        "subadd:0.5:NOT IN02 IN05 OUT05 OUT08",
        "a round of ten variants, five lowered and five raised, in four outfits",
        "Blocks are lowered and raised, side by side, once it is no longer clear where to go. IN01, IN07, OUT04 and "
        "OUT06 stand at 1 by now.",
        "OUT08 at 1 brings back the colour of hair, face and horns; IN02 at 1 the choker.",
    ),
    _round(
        "Gobuhime3",
        "Gobuhime3",
        "subadd:0.5:NOT IN05 OUT05",
        "a round of six variants in four outfits",
        "The last two blocks.",
        "The differences are small. By eye one might lower OUT05, which makes the face above the suit and the hoodie "
        "greener; the demo counts her whole look and keeps both at 1.",
    ),
    _round(
        "GobuhimeFixSub",
        "Gobuhime",
        "sub:0.25:IN00 IN03-IN04 IN06 IN08-OUT03 OUT07",
        "13 variants, one a row, in four outfits",
        "Deeper: from the decided weights, every block that stands at 1 loses a quarter.",
        "There is nothing to be gained: the green in the clothes moves by less than one of 255 levels. OUT08 to OUT11 "
        "cost the face three levels of its green each, OUT08 the hair four; IN05 and IN07 could be spared.",
    ),
    _round(
        "GobuhimeFixAdd",
        "Gobuhime",
        "add:0.25:NOT IN00 IN03-IN04 IN06 IN08-OUT03 OUT07",
        "15 variants, one a row, in four outfits",
        "And every block that stands at 0 gets a quarter.",
        "A quarter of IN04 or OUT07 gives the face two or three levels of green and the clothes none, so these two "
        "may have a little. The other twelve hardly change anything, those from IN08 to OUT03 nothing at all.",
    ),
    Kind(
        "Numa0",
        "two models, each in two outfits, without the LoRA and with three kinds of weights",
        "Weights on several models. The LoRA was trained on the first of them.",
        "On the first model the tuned weights take the green out of the suit. On `dusk` the same weights leave the "
        "princess less of her look, and her face above the hoodie grey: each model wants weights of its own.",
        (
            f"{_FILES} {_LOOK}",
            _prompt(_OUTFITS[2], "<lora:gobuhime-locon:1>"),
            _prompt(_OUTFITS[3], "<lora:gobuhime-locon:1>"),
            "--x weights=ALL,Gobuhime0,Gobuhime --y model=models/blockweight-embedded,models/dusk",
            "--baseline column",
        ),
    ),
    Kind(
        "Numa1",
        "columns: no LoRA, and one trained on each of two models; rows: the two models, each in two outfits",
        "Training model against generating model. Both LoRAs have seen the same pictures, the second in the light of "
        "its model. What a LoRA was trained on stands in its metadata.",
        "The generating model decides nearly everything: both LoRAs take on its light, and what they were trained on "
        "shows only in small things, such as the smears around ears and horns.",
        (
            "matrix --train-loras gobuhime-111,gobuhime-dusk",
            "--models models/blockweight-embedded,models/dusk --baseline column",
            f"{_FILES} {_LOOK}",
            _prompt(_OUTFITS[2]),
            _prompt(_OUTFITS[3]),
        ),
    ),
    Kind(
        "Numa2",
        "a square of LoRAs: none, the princess, the witch, the light of dusk, and every pair of them",
        "LoRA against LoRA, each with block weights of its own: the princess has the tuned ones, the others all. On "
        "the diagonal a LoRA is alone.",
        "Each takes hold of the others. The hat covers the horns, and next to the princess the robe turns from purple "
        "to a dark blue; the light of dusk darkens the witch's face far more than the girl's.",
        (
            "combos --with gobuhime-locon=Gobuhime --with witch --with dusklight",
            _MODEL,
            _FILES,
            '--prompt "1girl, gobuhime, witch, dusklight, long hair, hairornament, choker, smile, meadow"',
        ),
    ),
    Kind(
        "GobuhimeFixLora",
        "the princess alone, with the witch, and stronger; rows: ALL, and the tuned weights",
        "With another LoRA, an outfit: alone, beside it, and stronger. Tag and strength share the columns and move "
        "together.",
        "Tuned alone, the princess gives way beside the witch: the hat hides her horns, and her hair under it is no "
        "longer mint green. At 1.3 the horns are back, through the brim, and the hair is not; at 1.6 the picture "
        "comes apart. With ALL she holds on to more, and takes the robe's colour with it.",
        (
            _MODEL,
            _FILES,
            '--prompt "1girl, gobuhime, witch, long hair, hairornament, choker, smile, meadow <lora:gobuhime-locon:1>"',
            '--x "tag=None,<lora:witch:1>,<lora:witch:1>,<lora:witch:1>" --x strength=1,1,1.3,1.6',
            "--y weights=ALL,Gobuhime",
        ),
    ),
    Kind(
        "LbwLayer",
        "nine rows: one LoRA with all its weights, then block weights and block learning rates in turn, in four "
        "outfits",
        "The same digits as block weights of a LoRA that was trained evenly (`gobuhime-111`), and as learning rates "
        "of blocks in training (`gobuhime-876` with ALL), one below the other. LoRA and weights share the rows and "
        "move together.",
        "They are not the same thing. As block weights, small digits take the princess away; as learning rates they "
        "hardly make her weaker, because training makes up for most of it. Even 432 keeps her hair, skin and eyes, "
        "and loses little more than the horns.",
        (
            _MODEL,
            _FILES,
            f"{_prompt(_OUTFITS[0])} --lora gobuhime-111",
            f"--x '{_SCENES}'",
            f"--y lora=gobuhime-111,{','.join(f'gobuhime-111,gobuhime-{digits}' for digits in DIGITS)}",
            f"--y weights=ALL,{','.join(f'L{digits},ALL' for digits in DIGITS)} --scale 2",
        ),
    ),
    Kind(
        "TutorialResult",
        "six outfits: without the LoRA, with it as it is, and with the tuned weights",
        "Before and after, a row for every scene.",
        "The suit is black and the dress blue again, the horns are a little shorter, and the white uniform and the "
        "yellow hoodie have kept some of the tint. `blockweight demo` measures it: nearly three quarters of the green "
        "in the clothes are gone, seven eighths of that in her face are left.",
        (
            "before-after --lora loras/gobuhime-locon.safetensors --against Gobuhime",
            _MODEL,
            _FILES,
            *map(_prompt, (*_OUTFITS, "pink apron, blue sky", "blue dress, white background")),
        ),
    ),
)
