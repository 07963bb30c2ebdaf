"""`blockweight lora bake --json`: what was done to every block, or why not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from blockweight.lora import write_lora
from workshop import FULL, module_in, tree

HALVES = ",".join(["0.5"] * 26)


@pytest.fixture
def mixed(tmp_path, monkeypatch):
    """IN04 is a DoRA, OUT03 plain and so large that twice of it is beyond fp16, BASE plain."""
    monkeypatch.chdir(tmp_path)
    tensors = {}
    for block, size in (("BASE", 1), ("IN04", 1), ("OUT03", 40000)):
        tensors[f"{module_in(block)}.lora_up.weight"] = np.full((4, 2), size, np.float16)
        tensors[f"{module_in(block)}.lora_down.weight"] = np.ones((2, 4), np.float16)
    tensors[f"{module_in('IN04')}.dora_scale"] = np.ones((1, 4), np.float16)
    write_lora(tmp_path / "mixed.safetensors", tensors, {})
    return tmp_path


def weights(**changed):
    return "W:" + ",".join(str(changed.get(block, 1)) for block in FULL.blocks)


def refused(ended):
    assert ended.code == 2
    found = json.loads(ended.out)
    assert ended.err == f"Error: {found['error']}\n"
    assert (found["output"], found["verified"]) == (None, False)
    return found


def test_a_refused_bake_says_which_block_and_why(blockweight, mixed):
    before = tree(mixed)
    found = refused(blockweight("lora", "bake", "mixed.safetensors", "--weights", weights(IN04=0.5, BASE=0), "--json"))
    assert found["blocks"] == {
        "BASE": {"modules": 1, "weight": 0, "action": "dropped"},
        "IN04": {"modules": 1, "weight": 0.5, "action": "refused", "reason": found["error"]},
        "OUT03": {"modules": 1, "weight": 1, "action": "copied"},
    }
    assert "it is of the kind 'dora'" in found["error"]
    assert tree(mixed) == before


def test_a_block_whose_numbers_forbid_its_weight_is_the_one_refused(blockweight, mixed):
    found = refused(blockweight("lora", "bake", "mixed.safetensors", "--weights", weights(OUT03=2), "--json"))
    assert {block: facts["action"] for block, facts in found["blocks"].items()} == {
        "BASE": "copied",
        "IN04": "copied",
        "OUT03": "refused",
    }
    assert "is beyond the largest number of F16" in found["blocks"]["OUT03"]["reason"]


def test_a_refusal_that_is_not_a_blocks_stands_beside_the_plan(blockweight, mixed):
    (mixed / "there.safetensors").write_text("mine")
    command = ("lora", "bake", "mixed.safetensors", "-o", "there.safetensors", "--weights", weights(BASE=0.5), "--json")
    found = refused(blockweight(*command))
    assert "exists already" in found["error"]
    assert {facts["action"] for facts in found["blocks"].values()} == {"copied", "scaled"}


@pytest.mark.parametrize(
    ("file", "given"), [("none.safetensors", HALVES), ("mixed.safetensors", "1,2"), ("mixed.safetensors", "")]
)
def test_where_nothing_can_be_read_there_are_no_blocks(blockweight, mixed, file, given):
    assert refused(blockweight("lora", "bake", file, "--weights", given, "--json"))["blocks"] == {}


def test_without_json_a_refusal_is_the_sentence_alone(blockweight, mixed):
    ended = blockweight("lora", "bake", "mixed.safetensors", "--weights", weights(IN04=0.5))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Error: The module ")


def test_an_estimate_describes_the_blocks_as_the_bake_does(blockweight, mixed):
    command = ("lora", "bake", "mixed.safetensors", "--weights", weights(BASE=0.5, OUT03=0), "--json")
    estimated = json.loads(blockweight(*command, "--estimate").out)["blocks"]
    assert estimated == json.loads(blockweight(*command).out)["blocks"]
    assert estimated["BASE"] == {"modules": 1, "weight": 0.5, "action": "scaled"}


def test_an_estimate_of_a_refused_bake_says_what_the_refusal_says(blockweight, mixed):
    command = ("lora", "bake", "mixed.safetensors", "--weights", weights(IN04=0.5), "--json")
    estimated = blockweight(*command, "--estimate")
    assert estimated.code == 0
    assert json.loads(estimated.out)["blocks"] == refused(blockweight(*command))["blocks"]


def test_modules_of_one_block_that_fare_differently_are_mixed(blockweight, mixed):
    name = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {}
    for each in (name, module_in("IN04")):
        tensors[f"{each}.lora_up.weight"] = np.ones((4, 2), np.float16)
        tensors[f"{each}.lora_down.weight"] = np.ones((2, 4), np.float16)
    write_lora(mixed / "two.safetensors", tensors, {})
    command = ("lora", "bake", "two.safetensors", "--weights", weights(), "--elemental", "IN04:attn1:0.5", "--json")
    for more in (("--estimate",), ()):
        blocks = json.loads(blockweight(*command, *more).out)["blocks"]
        assert blocks == {"IN04": {"modules": 2, "weight": None, "action": "mixed"}}
