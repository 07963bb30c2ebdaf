"""A workflow of one's own, as ComfyUI exports it, with named places."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from comfyui_jobs import SMALL, job, renderer_for

from blockweight.errors import BlockweightError
from blockweight.plan import Hires, decided_of, read_infotext
from blockweight.project import Project, picture_infotext
from blockweight.render import RenderingError
from blockweight.workflow.picture_info import picture_info


def exported():
    """What 'Export (API)' writes of a small workflow."""

    def node(title, kind, **inputs):
        return {"inputs": inputs, "class_type": kind, "_meta": {"title": title}}

    return {
        "2": node("%model%", "CheckpointLoaderSimple", ckpt_name="anime.safetensors"),
        "3": node(
            "%lora%",
            "LoraLoader",
            lora_name="any.safetensors",
            strength_model=1.0,
            strength_clip=1.0,
            model=["2", 0],
            clip=["2", 1],
        ),
        "5": node("Prompt", "CLIPTextEncode", text="best quality, %prompt%", clip=["3", 1]),
        "6": node("%negative%", "CLIPTextEncode", text="", clip=["3", 1]),
        "7": node("%width% %height%", "EmptyLatentImage", width=8, height=8, batch_size=1),
        "8": node(
            "%seed% %steps% %cfg% %sampler% %scheduler%",
            "KSampler",
            seed=0,
            steps=30,
            cfg=1.0,
            sampler_name="euler",
            scheduler="normal",
            denoise=1.0,
            model=["3", 0],
            positive=["5", 0],
            negative=["6", 0],
            latent_image=["7", 0],
        ),
        "9": node("Decode", "VAEDecode", samples=["8", 0], vae=["2", 2]),
        "10": node("Save", "SaveImage", filename_prefix="own", images=["9", 0]),
    }


@pytest.fixture
def own(comfyui, tmp_path):
    """Makes a renderer of a workflow."""

    def made(nodes):
        path = tmp_path / "own workflow.json"
        path.write_text(json.dumps(nodes), "utf-8")
        return renderer_for(comfyui, f"?workflow={str(path).replace(' ', '%20')}")

    return made


def changed(node, key=None, value=None, title=None):
    nodes = exported()
    if title is not None:
        nodes[node]["_meta"]["title"] = title
    if key is not None:
        nodes[node]["inputs"][key] = value
    return nodes


def test_a_scene_fills_the_places_and_the_chain_takes_the_loaders_place(comfyui, own, use):
    renderer = own(exported())
    renderer.check([job(use, {"OUT04": 0.5})])
    (rendering,) = renderer.render([job(use, {"OUT04": 0.5})])
    nodes = comfyui.posted[0]["prompt"]
    assert rendering.picture.shape == (64, 64, 3)
    assert "3" not in nodes
    assert nodes["2"]["inputs"]["ckpt_name"] == "model.safetensors"
    assert nodes["5"]["inputs"] == {"text": "best quality, 1girl, ゴブ姫, red dress", "clip": ["lora0-texts-BASE-0", 1]}
    assert nodes["6"]["inputs"]["text"] == "blurry"
    said = nodes["8"]["inputs"]
    assert (said["seed"], said["steps"], said["cfg"], said["sampler_name"], said["scheduler"]) == (
        1,
        4,
        7.0,
        "euler_ancestral",
        "karras",
    )
    assert nodes[said["model"][0]]["class_type"] == "LoraLoaderModelOnly"


def test_block_weights_show_in_its_pictures(own, use):
    more, less = (rendering.picture for rendering in own(exported()).render([job(use), job(use, {"OUT04": 0})]))
    assert more.sum(dtype=int) > less.sum(dtype=int)


def test_what_has_no_place_stays_as_the_workflow_has_it(comfyui, own, use):
    list(own(changed("8", title="%seed%")).render([job(use, 1.0, replace(SMALL, sampler="Restart"))]))
    said = comfyui.posted[0]["prompt"]["8"]["inputs"]
    assert (said["seed"], said["steps"], said["sampler_name"]) == (1, 30, "euler")


def test_what_the_workflow_decides_itself_is_told_by_its_own_values(own):
    decides = own(changed("8", title="%seed%")).capabilities.decides
    assert decides == {
        "steps": "30",
        "cfg_scale": "1",
        "sampler": "Euler",
        "scheduler": "Normal",
        "prompt": "best quality, %prompt%",
        "noise_source": "CPU",
    }


def test_a_workflow_with_all_places_decides_but_the_words_around_the_prompt(own):
    assert own(changed("5", "text", "%prompt%")).capabilities.decides == {"noise_source": "CPU"}


def test_what_nodes_of_its_own_give_or_several_hold_is_not_told(own):
    nodes = changed("8", "steps", ["11", 0], title="%seed% %sampler% %scheduler%")
    nodes["11"] = {"class_type": "Somebodys", "inputs": {"cfg": 5.0, "seed": 3}}
    decides = own(nodes).capabilities.decides
    assert (decides["steps"], decides["cfg_scale"], decides["noise_source"]) == ("", "", "")


def test_a_workflows_own_model_vae_clip_skip_loras_and_negative_prompt_are_told(own):
    nodes = changed("2", title="Model")
    nodes["6"] = {"class_type": "CLIPTextEncode", "inputs": {"text": "bad hands", "clip": ["12", 0]}}
    nodes["12"] = {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["3", 1]}}
    nodes["13"] = {"class_type": "VAELoader", "inputs": {"vae_name": "kl-f8.safetensors"}}
    nodes["14"] = {"class_type": "LoraLoaderModelOnly", "inputs": {"lora_name": "ink.safetensors", "model": ["2", 0]}}
    nodes["3"]["inputs"]["model"] = ["14", 0]
    nodes["9"]["inputs"]["vae"] = ["13", 0]
    decides = own(nodes).capabilities.decides
    assert decides["model"] == "anime.safetensors"
    assert (decides["vae"], decides["clip_skip"]) == ("kl-f8.safetensors", "2")
    assert (decides["loras"], decides["negative_prompt"]) == ("ink.safetensors", "bad hands")


def test_scenes_that_differ_in_what_the_workflow_decides_are_refused(own, use):
    renderer = own(changed("8", title="%seed% %cfg% %sampler% %scheduler%"))
    renderer.check([job(use)])
    with pytest.raises(BlockweightError, match=r"by itself .steps., .* the place %steps%"):
        renderer.check([job(use), job(use, 1.0, replace(SMALL, steps=5))])


def test_a_picture_says_the_workflows_values_and_that_they_are_its_own(own, use, tmp_path):
    renderer = own(changed("8", title="%seed%"))
    wanted = job(use, 1.0, SMALL)
    with Project(tmp_path / "project") as project:
        list(project.render(renderer, [wanted]))
        path = project.pictures.path(wanted)
        assert project.decides("")["steps"] == "30"
    read = read_infotext(picture_infotext(path.read_bytes()))
    assert [read.settings[name] for name in ("Steps", "CFG scale", "Sampler", "Schedule type")] == [
        "30",
        "1",
        "Euler",
        "Normal",
    ]
    assert read.bare_prompt == f"best quality, {SMALL.prompt}"
    assert decided_of(read)["sampler"] == "Euler"
    told = "\n".join(picture_info(path).lines())
    assert "decided this by itself" in told and "steps" in told and "30" in told


def test_pictures_of_another_workflow_are_told_apart(own):
    ours = own(exported()).capabilities.arithmetic
    assert own(exported()).capabilities.arithmetic == ours
    assert own(changed("8", "denoise", 0.9)).capabilities.arithmetic != ours


def test_the_steps_of_its_sampler_are_told(own, use):
    told = []
    list(own(exported()).render([job(use)], watch=lambda step: told.append((step.done, step.of))))
    assert (4, 4) in told and (1, 4) in told


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ({"nodes": [], "links": []}, "as it is drawn, not as it is run"),
        ({}, "no workflow of ComfyUI's"),
        ({"1": {"inputs": {}}}, "no workflow of ComfyUI's"),
        (changed("3", title="Load LoRA"), "no place for %lora%"),
        (changed("5", "text", "a girl"), "no place for %prompt%"),
        (changed("8", title=""), "no place for %seed%"),
        (changed("5", title="%lora%"), "2 nodes with the title %lora%"),
        (changed("9", title="%seed%"), "'9' of .* title %seed%, but none of the inputs seed"),
        (changed("8", "model", ["2", 0]), "uses the model behind its node %lora%"),
        ({**exported(), "11": exported()["10"]}, "2 nodes that save or show pictures"),
    ],
)
def test_a_workflow_that_cannot_be_filled_is_refused_at_once(own, nodes, reason):
    with pytest.raises(BlockweightError, match=reason):
        own(nodes)


def test_a_file_that_is_no_json_or_not_there_is_refused(comfyui, tmp_path):
    with pytest.raises(BlockweightError, match=r"cannot be read .No such file"):
        renderer_for(comfyui, f"?workflow={tmp_path}/none.json")
    (tmp_path / "odd.json").write_text("{", "utf-8")
    with pytest.raises(BlockweightError, match=r"cannot be read .it is no JSON"):
        renderer_for(comfyui, f"?workflow={tmp_path}/odd.json")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hires": Hires()}, "asks for a hires pass, for which your workflow has no place"),
        ({"clip_skip": 2}, "asks for a clip skip"),
        ({"variation_strength": 0.5}, "asks for a variation seed"),
        ({"guidance": 3.5}, "asks for a distilled CFG scale"),
        ({"prompt": "red BREAK blue"}, "BREAK divides"),
        ({"sampler": "Restart"}, "no sampler that calculates like"),
    ],
)
def test_what_a_scene_says_and_the_workflow_has_no_place_for_is_refused(own, use, change, reason):
    with pytest.raises(BlockweightError, match=reason):
        own(exported()).check([job(use, 1.0, replace(SMALL, **change))])


def test_a_negative_prompt_needs_its_place(own, use):
    renderer = own(changed("6", title="Negative"))
    with pytest.raises(BlockweightError, match="asks for a negative prompt"):
        renderer.check([job(use)])
    renderer.check([job(use, 1.0, replace(SMALL, negative_prompt=""))])


def test_a_text_encoder_that_nobody_reads_with_is_not_passed_over(own, use):
    nodes = exported()
    for name in ("5", "6"):
        nodes[name]["inputs"]["clip"] = ["2", 1]
    with pytest.raises(BlockweightError, match="changes text encoders in BASE, but the node %lora% has none"):
        own(nodes).check([job(use)])
    own(nodes).check([job(use, {"BASE": 0})])


def test_a_node_that_the_server_lacks_is_refused_before_work_starts(comfyui, own, use):
    with pytest.raises(BlockweightError, match="no node 'FancyUpscaler'"):
        own({**exported(), "12": {"class_type": "FancyUpscaler", "inputs": {}}}).check([job(use)])
    assert not comfyui.uploaded


def test_a_size_without_a_place_is_refused_when_the_picture_comes(own, use):
    nodes = changed("7", title="")
    nodes["7"]["inputs"] |= {"width": 16, "height": 16}
    with pytest.raises(RenderingError, match=r"16×16 pixels where 64×64 were asked for; give .* %width% and %height%"):
        list(own(nodes).render([job(use)]))


def test_an_unknown_option_of_the_address_is_refused(comfyui):
    with pytest.raises(BlockweightError, match="no option 'flow'; there are: workflow"):
        renderer_for(comfyui, "?flow=x")
