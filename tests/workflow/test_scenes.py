"""Seeds, sizes and prompts as people type them."""

from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.render import identify_checkpoint
from blockweight.workflow.scenes import MOST_SEEDS, parse_negative, parse_prompt, parse_seeds, parse_size, scenes_of


@pytest.mark.parametrize("tag", ["<lora:gobuhime:1>", "<LORA:x:0.5>", "<lyco:x:1>"])
def test_a_lora_tag_in_a_negative_prompt_is_refused(tag):
    with pytest.raises(BlockweightError, match="write it into the prompt"):
        parse_negative(f"blurry, {tag}")


@pytest.mark.parametrize("prompt", ["1girl <lora:coat:1", "<lora:coat:1:lbw=ALL, dress", "<lora:a:1>, <LYCO:coat:1"])
def test_a_tag_that_is_not_closed_is_refused(prompt):
    with pytest.raises(BlockweightError, match="is not closed, so it would count as words; end it with >"):
        parse_prompt(prompt)


@pytest.mark.parametrize("tag", ["<lora:coat:much>", "<hypernet:a:1>", "<lora:coat:1:lbwe=ATTNDEEPON>", "<lora::1>"])
def test_a_tag_that_cannot_be_drawn_with_is_refused(tag):
    with pytest.raises(BlockweightError):
        parse_prompt(f"1girl, {tag}")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("1", [1]),
        ("3,1,2", [3, 1, 2]),
        ("1-3", [1, 2, 3]),
        ("1-3,2-5", [1, 2, 3, 4, 5]),
        (" 7 , 8\n9 ", [7, 8, 9]),
        ("１、２", [1, 2]),
        ("0", [0]),
        ("5-5", [5]),
        (str(2**63 - 1), [2**63 - 1]),
    ],
)
def test_seeds_are_read_one_by_one_and_as_ranges_each_once(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "No seed was given"),
        (" , ", "No seed was given"),
        ("-1", "'-1' is not a seed"),
        ("1.5", "is not a seed"),
        ("one", "is not a seed"),
        ("1-", "is not a seed"),
        ("1-2-3", "is not a seed"),
        ("9" * 5000, "is not a seed"),
        ("3-1", "a rising range"),
        (str(2**63), r"below 2\^63"),
        (f"1-{2**63}", r"below 2\^63"),
        ("1-1001", f"more than {MOST_SEEDS} seeds"),
        ("1-9223372036854775807", f"more than {MOST_SEEDS} seeds"),
        ("1-600,1001-1600", f"more than {MOST_SEEDS} seeds"),
    ],
)
def test_other_seeds_are_refused(text, words):
    with pytest.raises(BlockweightError, match=words) as caught:
        parse_seeds(text)
    assert len(str(caught.value)) < 200


PIECES = st.lists(st.sampled_from(["1", "23", "-", ",", " ", "x", "×", "99999", "9223372036854775807", "²", "٣"])).map(
    "".join
)


@given(st.text() | PIECES)
def test_any_seeds_give_seeds_or_a_refusal(text):
    try:
        seeds = parse_seeds(text)
    except BlockweightError:
        return
    assert 1 <= len(seeds) == len(set(seeds)) <= MOST_SEEDS
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("text", ["512x768", " 512 x 768 ", "512X768", "512×768", "512,768"])
def test_a_size_is_width_and_height(text):
    assert parse_size(text) == (512, 768)


@pytest.mark.parametrize("text", ["", "512", "512x", "0x512", "512x0", "-8x8", "1e3x512", "512x768x3", "9" * 5000])
def test_another_size_is_refused(text):
    with pytest.raises(BlockweightError, match="is not a size; write width and height like 512x768"):
        parse_size(text)


@given(st.text() | PIECES)
def test_any_size_gives_a_size_or_a_refusal(text):
    try:
        width, height = parse_size(text)
    except BlockweightError:
        return
    assert 0 < width < 100_000
    assert 0 < height < 100_000


@pytest.mark.parametrize("text", ["", "1girl, (ゴブ姫:1.2)", "-o, --help", "two\nlines", "😀"])
def test_a_prompt_is_any_text(text):
    assert parse_prompt(text) == text


def test_a_prompt_in_another_encoding_is_refused():
    with pytest.raises(BlockweightError, match="holds bytes that are not UTF-8 text"):
        parse_prompt(os.fsdecode(b"\x83S\x83u\xff"))


def test_every_prompt_meets_every_seed_once(model):
    scenes = scenes_of(model, ["a", "b", "a"], "n", "1,2", 16, 7.0, "Euler", "64x32")
    assert [(scene.prompt, scene.seed) for scene in scenes] == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert {(scene.negative_prompt, scene.steps, scene.cfg_scale, scene.sampler) for scene in scenes} == {
        ("n", 16, 7.0, "Euler")
    }
    assert {(scene.width, scene.height) for scene in scenes} == {(64, 32)}
    assert {scene.checkpoint for scene in scenes} == {identify_checkpoint(model)}
    assert {(scene.clip_skip, scene.embeddings) for scene in scenes} == {(1, ())}


def test_a_size_that_the_model_cannot_draw_is_refused_before_anything_is_rendered(model):
    with pytest.raises(BlockweightError, match=r"500×500 pixels .* the nearest size is 504x504"):
        scenes_of(model, ["a"], "", "1", 16, 7.0, "Euler", "500x500")


def test_a_scene_takes_the_embeddings_that_its_prompts_name(model, tmp_path):
    for name in ("EasyNegative", "style", "other"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    scenes = scenes_of(
        model, ["1girl", "1girl, (Style:1.2)"], "easynegative", "1", 16, 7.0, "Euler", "64x32",
        clip_skip=2, embeddings=tmp_path,
    )  # fmt: skip
    named = [[each.name for each in scene.embeddings] for scene in scenes]
    assert named == [["EasyNegative"], ["EasyNegative", "style"]]
    assert {scene.clip_skip for scene in scenes} == {2}
    assert scenes[1].embeddings[1].digest == hashlib.sha256(b"style").hexdigest()
    assert scenes[1].embeddings[1].path == str(tmp_path / "style.safetensors")


def test_a_lora_is_no_model(locon):
    with pytest.raises(BlockweightError, match="is a LoRA, not a model; give a"):
        scenes_of(locon, ["1girl"], "", "1", 20, 7.0, "Euler a", "32x24")
