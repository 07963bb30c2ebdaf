"""Jobs of every kind that an infotext can hold, as strategies."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from blockweight.blocks import FAMILIES, Layout
from blockweight.plan import Checkpoint, Embedding, Hires, Job, LoraUse, OtherLora, Part, Scene, Variant
from blockweight.weights import BlockWeights
from workshop import SCENE

LETTERS = st.characters(exclude_categories=("Cs",))
LOOKALIKES = st.sampled_from([
    "Negative prompt:", "\nNegative prompt: x", "Steps: 20, Sampler: Euler, Seed: 5", "\n", "\r\n", ", ", ": ", '"',
    "{", "\\", "<lora:x:1>", "<lora:", ">", "<hypernet:y:1>", "猫", "ゴブ姫", "👩\u200d🦰", "é", "Ã©", "一" * 50,
    "\x00", "\u2028", " ", "(", "BREAK",
])  # fmt: skip
PROMPTS = st.text(LETTERS, max_size=60) | st.lists(LOOKALIKES | st.text(LETTERS, max_size=5), max_size=12).map("".join)

NAMES = st.text(LETTERS.filter(lambda letter: letter not in "/\x00"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..") and not name.endswith(".safetensors")
)
NUMBERS = st.floats(-4, 4).map(lambda value: round(value, 4) + 0.0) | st.sampled_from([0.0, 1.0, 1e-7, -0.125])
LAYOUTS = st.sampled_from([family.layouts[-1] for family in FAMILIES if family.layouts])
GROWN = Layout("wan-b3", "wan", ("CLIP", "B00", "B01", "B02"), "as the file's keys have it")
DIGESTS = st.integers(0, 2**256 - 1).map(lambda number: f"{number:064x}")


@st.composite
def block_weights(draw: st.DrawFn) -> BlockWeights:
    layout = draw(LAYOUTS | st.just(GROWN))
    values = draw(st.lists(NUMBERS, min_size=len(layout), max_size=len(layout)))
    return BlockWeights("NONAME", layout, tuple(values), draw(st.just(1.0) | NUMBERS))


@st.composite
def uses(draw: st.DrawFn) -> LoraUse:
    strength, other = draw(NUMBERS), draw(st.none() | NUMBERS)
    return LoraUse(
        f"loras/{draw(NAMES)}.safetensors",
        draw(DIGESTS),
        strength,
        None if other == strength else other,
        draw(st.integers(1, 30)),
        draw(st.none() | st.integers(2, 40)),
    )


SCENES = st.builds(
    Scene,
    label=st.just(""),
    checkpoint=st.builds(Checkpoint, NAMES.map(lambda name: f"models/{name}.safetensors"), DIGESTS),
    prompt=PROMPTS,
    negative_prompt=PROMPTS,
    seed=st.integers(0, 2**63 - 1),
    steps=st.integers(1, 150),
    cfg_scale=st.floats(1, 30).map(lambda value: round(value, 3)),
    sampler=st.sampled_from(["Euler", "Euler a", "DPM++ 2M", "Heun"]),
    scheduler=st.sampled_from(["Karras", "Uniform", "Beta"]),
    width=st.integers(1, 4096),
    height=st.integers(1, 4096),
    clip_skip=st.integers(1, 12),
    embeddings=st.lists(
        st.builds(Embedding, st.just("EasyNegative"), st.just("e.safetensors"), DIGESTS), max_size=1
    ).map(tuple),
    noise_source=st.sampled_from(["CPU", "GPU", "NV"]),
    hires=st.none() | st.builds(Hires, st.sampled_from(["Latent", "Lanczos"]), st.sampled_from([1.5, 2.0])),
    guidance=st.none() | st.sampled_from([3.5, 1.0]),
    vae=st.none() | st.builds(Part, st.just("kl-f8.safetensors"), DIGESTS),
    loras=st.lists(st.builds(OtherLora, uses(), block_weights()), max_size=3).map(tuple),
)


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    return Job(draw(SCENES), draw(uses()), Variant("x", draw(st.none() | block_weights())))


PLAIN = Job(SCENE, LoraUse("loras/gobuhime.safetensors", "d" * 64), Variant("none", None))


def with_prompt(prompt: str) -> Job:
    return replace(PLAIN, scene=replace(SCENE, prompt=prompt))
