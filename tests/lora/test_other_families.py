"""Families whose layers are not known by both names, and checkpoints of other models, are refused with one sentence."""

from __future__ import annotations

import re

import numpy as np
import pytest
from lora_files import Q, linear, write

from blocks.lora_names import FILES
from blockweight.blocks import FAMILIES as EVERY
from blockweight.blocks import detect_family, module_of
from blockweight.errors import BlockweightError
from blockweight.lora import Term, convert_names, merge, open_checkpoint, open_lora
from blockweight.lora.layer_names import FAMILIES


def family_of(names):
    found = detect_family([module_of(name) for name in names])
    return found and found.name


OTHER = {title: names for title, (_, names) in FILES.items() if family_of(names) not in (None, *FAMILIES)}
UNDERSCORED = [title for title, names in OTHER.items() if all("." not in name for name in names)]
WITHOUT_PREFIX = ["wan 2.2 both experts", "anima diffusers"]


def lora(path, names):
    tensors = {}
    for name in names:
        down, up = ("lora_A", "lora_B") if "." in name else ("lora_down", "lora_up")
        tensors |= {f"{name}.{down}.weight": np.ones((2, 4), np.float32)}
        tensors |= {f"{name}.{up}.weight": np.ones((4, 2), np.float32)}
    return open_lora(write(path, tensors))


def one_sentence(text):
    return "\n" not in text and text.endswith(".") and not re.search(r"\. [A-Z]", text)


def test_every_family_but_stable_diffusions_is_tried():
    tried = {family_of(names) for names in OTHER.values()}
    assert tried == {family.name for family in EVERY} - {*FAMILIES, "generic"}


@pytest.mark.parametrize("title", UNDERSCORED)
def test_underscored_names_of_other_families_get_no_dots(tmp_path, title):
    source, out = lora(tmp_path / "a.safetensors", OTHER[title]), tmp_path / "out.safetensors"
    for act in (lambda: convert_names(source, "peft", out), lambda: merge([Term(source, 0.5)], out, dialect="peft")):
        with pytest.raises(
            BlockweightError, match="cannot get a dotted name: only the layers of Stable Diff"
        ) as caught:
            act()
        assert one_sentence(str(caught.value)), caught.value
    assert not out.exists()


@pytest.mark.parametrize("title", sorted(OTHER.keys() - {*UNDERSCORED, *WITHOUT_PREFIX}))
def test_dotted_names_of_other_families_become_kohyas_and_stand_for_the_same_blocks(tmp_path, title):
    source, out = lora(tmp_path / "a.safetensors", OTHER[title]), tmp_path / "out.safetensors"
    convert_names(source, "kohya", out)
    found = open_lora(out, source.family)
    assert {(m.path, found.block_of(m)) for m in found.modules} == {
        (m.path, source.block_of(m)) for m in source.modules
    }


@pytest.mark.parametrize("title", WITHOUT_PREFIX)
def test_parts_for_which_kohya_has_no_prefix_keep_their_names(tmp_path, title):
    source, out = lora(tmp_path / "a.safetensors", OTHER[title]), tmp_path / "out.safetensors"
    with pytest.raises(BlockweightError, match="in a part for which kohya's names have no prefix") as caught:
        convert_names(source, "kohya", out)
    assert one_sentence(str(caught.value))
    assert not out.exists()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"], "is a Stable Diffusion 3 checkpoint"),
        (["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"], "is a Flux checkpoint"),
        (["double_blocks.0.img_attn.qkv.weight"], "is a Flux checkpoint"),
        (["blocks.0.self_attn.q.weight"], "is no checkpoint that is known here"),
        (["cond_stage_model.model.ln_final.weight"], "is no checkpoint that is known here"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "is a UNet alone"),
        (
            ["model.diffusion_model.input_blocks.0.0.weight", "conditioner.embedders.0.model.ln_final.weight"],
            "is the refiner of Stable Diffusion XL",
        ),
        (["down_blocks.0.resnets.0.conv1.weight"], "is the UNet of a diffusers folder"),
    ],
)
def test_checkpoints_of_other_models_are_refused(tmp_path, keys, words):
    path = write(tmp_path / "a.safetensors", {key: np.ones((2, 2), np.float32) for key in keys})
    with pytest.raises(BlockweightError, match=f"{words}; give a whole single-file checkpoint") as caught:
        open_checkpoint(path)
    assert one_sentence(str(caught.value).replace("1.x, 2.x", ""))


def test_a_lora_is_no_checkpoint(tmp_path):
    with pytest.raises(BlockweightError, match="is a LoRA; give a whole single-file checkpoint"):
        open_checkpoint(write(tmp_path / "a.safetensors", linear(Q, np.random.default_rng(1))))
