"""What ComfyUI's graphs say of their pictures."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.plan import ComfyLora, ComfyPicture, read_comfyui, workflow_nodes
from comfyui_prompts import FLUX, GRAPH, INSPIRE, Graph, node


def read(graph: Graph) -> ComfyPicture:
    return read_comfyui(json.dumps(graph))


def with_node(name: str, **inputs: object) -> Graph:
    return {**GRAPH, name: {**GRAPH[name], "inputs": {**GRAPH[name]["inputs"], **inputs}}}


def test_a_graph_is_read_whole():
    vector = INSPIRE["inputs"]["block_vector"]
    assert read(GRAPH) == ComfyPicture(
        prompt="1girl, ゴブ姫",
        negative_prompt="blurry",
        model="Defmix-v2.0.safetensors",
        loras=(
            ComfyLora("gobuhime.safetensors", 0.8, 0.5, vector),
            ComfyLora("style.safetensors", 0.25, 1.0),
        ),
        seed=156680208700286,
        steps=20,
        cfg_scale=8.0,
        sampler="dpmpp_2m",
        scheduler="karras",
        denoising=1.0,
        width=512,
        height=768,
        clip_skip=2,
        passes=1,
    )


def test_a_graph_of_flux_is_read_whole():
    assert read(FLUX) == ComfyPicture(
        prompt="a fox", model="flux1-dev.safetensors", vae="ae.safetensors", seed=7, steps=4, guidance=3.5,
        sampler="euler", scheduler="simple", denoising=1.0, width=1024, height=1024, passes=1,
    )  # fmt: skip


def test_a_node_that_is_not_known_is_named():
    found = read({**GRAPH, "20": node("FancyUpscaler", image=["8", 0])})
    assert found.unknown == ("node 20 (FancyUpscaler)",)


def test_a_value_from_another_node_is_named_and_not_guessed():
    found = read({**with_node("3", seed=["20", 0]), "20": node("Dice", sides=6)})
    assert found.seed is None
    assert found.unknown == ("seed of node 3 (KSampler), which comes from node 20 (Dice)", "node 20 (Dice)")


def test_what_lies_behind_an_unknown_node_is_not_guessed():
    found = read({**with_node("3", model=["20", 0]), "20": node("ModelPatcher", model=["11", 0])})
    assert (found.model, found.loras) == ("", ())
    assert "node 20 (ModelPatcher)" in found.unknown
    assert "node 4 (CheckpointLoaderSimple)" in found.unknown


@pytest.mark.parametrize(("name", "words"), [("inverse", "every block weight is 1 less it"), ("bypass", "is not used")])
def test_what_turns_a_block_vector_round_is_named(name, words):
    assert any(words in text for text in read(with_node("10", **{name: True})).unknown)


def test_a_pass_of_some_steps_is_named():
    advanced = {
        **GRAPH["3"]["inputs"],
        "noise_seed": 5,
        "add_noise": "enable",
        "start_at_step": 12,
        "end_at_step": 10000,
    }
    found = read({**GRAPH, "3": node("KSamplerAdvanced", **advanced)})
    assert found.seed == 5
    assert found.unknown == ("start_at_step of node 3 (KSamplerAdvanced)",)


def test_links_in_a_circle_end():
    found = read(with_node("10", model=["11", 0]))
    assert [lora.name for lora in found.loras] == ["gobuhime.safetensors", "style.safetensors"]


def test_a_graph_without_a_sampler_says_so():
    assert "no sampler that is known" in read({"1": node("SaveImage")}).unknown


@pytest.mark.parametrize("text", ["", "[]", "nothing", "[" * 100_000, "5"])
def test_what_is_no_graph_is_refused(text):
    with pytest.raises(BlockweightError, match="is no JSON object"):
        read_comfyui(text)
    with pytest.raises(BlockweightError, match="is not one"):
        workflow_nodes(text)


def test_too_many_nodes_are_refused():
    with pytest.raises(BlockweightError, match="more than 5000 nodes"):
        read({str(number): node("Note") for number in range(5001)})


def test_a_workflow_names_its_nodes():
    assert workflow_nodes('{"nodes": [{"type": "KSampler"}, {"type": "Note"}, {"type": "Note"}]}') == (
        "KSampler",
        "Note",
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
) | st.sampled_from([["3", 0], ["4", 0], ["10", 1], ["99", 0], "\ud800"])


@given(st.sampled_from(sorted(GRAPH)), st.data())
def test_any_value_anywhere_is_read_or_left_out(name, data):
    key = data.draw(st.sampled_from([*GRAPH[name]["inputs"], "class_type"]))
    value = data.draw(VALUES)
    graph = with_node(name, **{key: value}) if key != "class_type" else {**GRAPH, name: {"class_type": value}}
    found = read_comfyui(json.dumps(graph))
    json.dumps([str(found)], ensure_ascii=False).encode()
