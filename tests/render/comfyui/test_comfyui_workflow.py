"""Scenes and block weights as workflows of core nodes."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from comfyui_jobs import MODELS, SMALL, Told, built, chain, inputs, job
from PIL import Image

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora
from blockweight.plan import Checkpoint, Control, Hires, Job, LoraUse, OtherLora, Part, Start, Variant
from blockweight.render import identify_picture
from blockweight.render.comfyui.kinds import NodeKinds, check_nodes
from blockweight.render.comfyui.loras import check_loras
from blockweight.render.comfyui.uploads import LoraShelf
from blockweight.weights import uniform
from workshop import FULL, write_lora_file

MIXED_REST = ("lora_unet_time_embedding_linear_1", "lora_te_text_model_embeddings_token_embedding")


def strengths(workflow):
    """Block → strength, of the denoiser's chain and of the text encoders'."""
    model, texts = {}, {}
    for name, node in workflow.nodes.items():
        said = node["inputs"]
        if node["class_type"] == "LoraLoaderModelOnly":
            model[name.split("-")[2]] = said["strength_model"]
        if node["class_type"] == "LoraLoader":
            assert said["strength_model"] == 0
            texts[name.split("-")[2]] = said["strength_clip"]
    return model, texts


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "start.png"
    Image.fromarray(np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3)).save(path)
    return identify_picture(path)


def test_every_block_has_a_node_of_its_strength_times_its_weight(use):
    model, texts = strengths(built(job(replace(use, strength=0.5), {"OUT04": -0.4, "BASE": 0.2})))
    assert texts == {"BASE": 0.1}
    assert model == dict.fromkeys(FULL.blocks[1:], 0.5) | {"OUT04": -0.2}


def test_text_encoders_have_a_strength_of_their_own(use):
    model, texts = strengths(built(job(replace(use, text_strength=0.25))))
    assert (model["IN01"], texts) == (1, {"BASE": 0.25})


def test_rest_has_a_node_for_the_denoiser_and_one_for_the_text_encoder(tmp_path):
    path = write_lora_file(tmp_path / "rest.safetensors", ["IN01"], MIXED_REST)
    weights = uniform("ALL", FULL, 1.0).with_weights({"REST": 0.3})
    workflow = built(Job(SMALL, LoraUse(str(path), open_lora(path).digest), Variant("rest", weights)))
    assert strengths(workflow) == ({"IN01": 1, "REST": 0.3}, {"REST": 0.3})


def test_a_weight_of_0_has_no_node_and_no_lora_none_at_all(use):
    assert "OUT04" not in strengths(built(job(use, {"OUT04": 0})))[0]
    assert strengths(built(job(use, None))) == ({}, {})


def test_the_blocks_whose_weights_change_stand_last(use):
    jobs = [job(use, {"IN05": 0.5}), job(use, {"IN05": 0.2}), job(use, {"M00": 0.5})]
    blocks = [name.split("-")[2] for name in chain(built(*jobs), "first", "model")[:-1]]
    assert blocks[:2] == ["IN05", "M00"]
    assert blocks[2:] == [block for block in reversed(FULL.blocks[1:]) if block not in blocks[:2]]


def test_prompts_are_read_with_the_text_chain_alone(use):
    workflow = built(job(use))
    assert chain(workflow, "prompt", "clip") == ["lora0-texts-BASE-0", "checkpoint"]
    assert chain(workflow, "lora0-texts-BASE-0", "model") == ["checkpoint"]


def test_other_loras_are_chained_before_the_one_that_is_tuned(use, tmp_path):
    path = write_lora_file(tmp_path / "style.safetensors", ["M00"], seed=3)
    style = OtherLora(LoraUse(str(path), open_lora(path).digest, 0.5), uniform("S", FULL, 0.5))
    workflow = built(job(use, 1.0, replace(SMALL, loras=(style,))))
    nodes = [name for name in chain(workflow, "first", "model") if name != "checkpoint"]
    assert nodes[-1] == "lora0-model-M00-0"
    assert inputs(workflow, nodes[-1])["strength_model"] == 0.25
    assert all(name.startswith("lora1-") for name in nodes[:-1])


def test_files_are_named_by_what_is_in_them(use, tmp_path):
    names = {upload.name for upload in built(job(use)).uploads}
    again = write_lora_file(tmp_path / "copy.safetensors", FULL.blocks)
    assert {upload.name for upload in built(job(LoraUse(str(again), use.digest))).uploads} == names
    other = write_lora_file(tmp_path / "other.safetensors", FULL.blocks, seed=2)
    theirs = {upload.name for upload in built(job(LoraUse(str(other), open_lora(other).digest))).uploads}
    assert not names & theirs
    assert len(names) == 26


def test_a_plain_scene_has_one_sampler(use):
    workflow = built(job(use))
    assert {key: value for key, value in inputs(workflow, "first").items() if not isinstance(value, list)} == {
        "seed": 1,
        "steps": 4,
        "cfg": 7.0,
        "sampler_name": "euler_ancestral",
        "scheduler": "karras",
        "denoise": 1.0,
    }
    assert inputs(workflow, "empty") == {"width": 64, "height": 64, "batch_size": 1}
    assert workflow.steps == {"first": 4}


def test_a_hires_pass_draws_the_end_of_a_longer_schedule(use):
    scene = replace(SMALL, hires=Hires("Latent (nearest-exact)", 1.5, steps=6, denoising=0.5))
    workflow = built(job(use, 1.0, scene))
    second = inputs(workflow, "second")
    assert (second["steps"], second["start_at_step"], second["add_noise"], second["noise_seed"]) == (12, 6, "enable", 1)
    assert inputs(workflow, "larger")["upscale_method"] == "nearest-exact"
    assert (inputs(workflow, "larger")["width"], workflow.steps) == (96, {"first": 4, "second": 6})


def test_a_hires_pass_in_pixels_decodes_and_encodes(use):
    workflow = built(job(use, 1.0, replace(SMALL, hires=Hires("Lanczos", 2.0))))
    assert chain(workflow, "second", "latent_image")[:1] == ["larger"]
    assert inputs(workflow, "scaled")["width"] == 128
    assert inputs(workflow, "larger")["pixels"] == ["scaled", 0]


def test_sides_of_another_shape_are_cut_from_the_middle(use):
    scene = replace(SMALL, hires=Hires("Latent", width=96, height=64))
    assert inputs(built(job(use, 1.0, scene)), "cut") | {"samples": 0} == {
        "samples": 0,
        "width": 96,
        "height": 64,
        "x": 0,
        "y": 16,
    }


def test_a_picture_is_drawn_over_in_its_share_of_the_steps(use, picture):
    scene = replace(SMALL, steps=20, start=Start(picture, 0.5))
    workflow = built(job(use, 1.0, scene))
    first = inputs(workflow, "first")
    assert (first["steps"], first["start_at_step"], workflow.steps) == (20, 9, {"first": 11})
    (upload,) = [upload for upload in workflow.uploads if upload.folder == "input"]
    assert inputs(workflow, "start")["image"] == upload.name
    with Image.open(io.BytesIO(upload.make())) as fitted:
        assert fitted.size == (64, 64)


def test_a_controlnet_has_its_map_in_the_size_of_each_pass(use, picture):
    control = Control(Part("/nets/canny.safetensors", "e" * 64), picture, 0.8)
    workflow = built(job(use, 1.0, replace(SMALL, controls=(control,), hires=Hires("Latent", 2.0))))
    sizes = []
    for upload in workflow.uploads:
        if upload.folder == "input":
            with Image.open(io.BytesIO(upload.make())) as opened:
                sizes.append(opened.size)
    assert sizes == [(64, 64), (128, 128)]
    assert inputs(workflow, "control0")["control_net_name"] == "SD15/canny.safetensors"
    assert inputs(workflow, "second")["negative"] == ["control0-second", 1]
    assert inputs(workflow, "control0-first")["strength"] == 0.8


def test_break_and_clip_skip_have_their_nodes(use):
    workflow = built(job(use, 1.0, replace(SMALL, prompt="red BREAK blue", clip_skip=2)))
    assert inputs(workflow, "first")["positive"] == ["prompt-until-1", 0]
    assert inputs(workflow, "prompt-1")["text"] == "blue"
    assert inputs(workflow, "clip-skip")["stop_at_clip_layer"] == -2
    assert chain(workflow, "prompt", "clip")[0] == "clip-skip"


def test_a_latent_consistency_model_is_told_so(use):
    workflow = built(job(use, 1.0, replace(SMALL, sampler="LCM", scheduler="SGM Uniform")))
    assert inputs(workflow, "first")["model"] == ["consistency", 0]


def test_a_vae_of_ones_own_is_loaded(use):
    workflow = built(job(use, 1.0, replace(SMALL, vae=Part("/vaes/kl-f8.safetensors", "v" * 64))))
    assert inputs(workflow, "decoded")["vae"] == ["vae", 0]
    assert inputs(workflow, "vae")["vae_name"] == "kl-f8.safetensors"


def flux_job(tmp_path):
    tensors = {}
    for name in ("double_blocks_0_img_attn_qkv", "single_blocks_3_linear1"):
        tensors[f"lora_unet_{name}.lora_down.weight"] = np.ones((2, 4), np.float16)
        tensors[f"lora_unet_{name}.lora_up.weight"] = np.ones((4, 2), np.float16)
    write_lora(tmp_path / "flux.safetensors", tensors, {})
    lora = open_lora(tmp_path / "flux.safetensors", family_by_name("flux1"))
    scene = replace(
        SMALL,
        checkpoint=Checkpoint("server:flux1-dev.safetensors", "f" * 64),
        sampler="Euler",
        scheduler="Simple",
        negative_prompt="",
        cfg_scale=1.0,
    )
    return Job(scene, LoraUse(str(lora.path), lora.digest), Variant("w", uniform("W", lora.family.layout, 0.5)))


FLUX = {
    "diffusion_models": ["flux1-dev.safetensors"],
    "text_encoders": ["clip_l.safetensors", "t5xxl_fp16.safetensors"],
    "vae": ["ae.safetensors", "kl-f8.safetensors"],
}


def test_a_denoiser_alone_is_loaded_with_what_goes_with_it(tmp_path):
    workflow = built(flux_job(tmp_path), models=FLUX)
    assert inputs(workflow, "denoiser")["unet_name"] == "flux1-dev.safetensors"
    assert inputs(workflow, "encoders") == {
        "clip_name1": "clip_l.safetensors",
        "clip_name2": "t5xxl_fp16.safetensors",
        "type": "flux",
    }
    assert inputs(workflow, "vae")["vae_name"] == "ae.safetensors"
    assert inputs(workflow, "guidance")["guidance"] == 3.5
    assert workflow.nodes["empty"]["class_type"] == "EmptySD3LatentImage"
    check_nodes(workflow.nodes, NodeKinds(Told(FLUX)), {upload.name for upload in workflow.uploads})


def test_a_whole_checkpoint_of_any_family_needs_nothing_beside_it(tmp_path):
    workflow = built(flux_job(tmp_path), models={"checkpoints": ["flux1-dev.safetensors"]})
    assert inputs(workflow, "checkpoint")["ckpt_name"] == "flux1-dev.safetensors"


def test_two_files_that_could_go_with_a_denoiser_are_not_guessed_from(tmp_path):
    two = FLUX | {"text_encoders": [*FLUX["text_encoders"], "t5xxl_fp8.safetensors"]}
    with pytest.raises(BlockweightError, match=r"2 files that could be the text encoder .* workflow of your own"):
        built(flux_job(tmp_path), models=two)


@pytest.mark.parametrize("way", ["server:SD15/model.safetensors", "/elsewhere/model.safetensors", "/folder/model"])
def test_a_model_is_found_by_its_name(use, way):
    scene = replace(SMALL, checkpoint=Checkpoint(way, "c" * 64))
    workflow = built(job(use, 1.0, scene), models={"checkpoints": [r"SD15\model.safetensors", "other.safetensors"]})
    assert inputs(workflow, "checkpoint")["ckpt_name"] == r"SD15\model.safetensors"


def test_a_model_that_is_not_there_is_refused_with_those_that_are(use):
    with pytest.raises(BlockweightError, match=r"no checkpoint called 'model.safetensors' \(it has 'a.ckpt'\)"):
        built(job(use), models={"checkpoints": ["a.ckpt"]})
    with pytest.raises(
        BlockweightError, match=r"more than one checkpoint called 'model.safetensors'.*server:a/model.safetensors"
    ):
        built(job(use), models={"checkpoints": ["a/model.safetensors", "b/model.safetensors"]})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sampler": "Restart"}, "no sampler that calculates like 'Restart'"),
        ({"sampler": "DDIM", "scheduler": "Automatic"}, "no sampler that calculates like 'DDIM'"),
        ({"scheduler": "Beta"}, "no schedule type with the noise levels of 'Beta'"),
        ({"scheduler": ""}, "no schedule type with the noise levels of a scene that names none"),
        ({"eta": 0.5}, "takes no eta but 1, not 0.5"),
        ({"noise_source": "NV"}, "draws noise on the CPU, not as 'NV'"),
        ({"variation_strength": 0.1}, "no variation seed"),
        ({"guidance": 3.0}, "take no distilled CFG scale"),
        ({"hires": Hires("Latent (antialiased)")}, r"no upscaler 'Latent \(antialiased\)'"),
        ({"prompt": "red AND blue"}, "without AND"),
        ({"width": 60}, "multiples of 8"),
    ],
)
def test_what_the_core_nodes_do_not_do_alike_is_refused(use, change, reason):
    with pytest.raises(BlockweightError, match=reason):
        built(job(use, 1.0, replace(SMALL, **change)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"start": 0.2}, "counts a ControlNet's range by noise levels"),
        ({"mode": "My prompt is more important"}, "mode"),
    ],
)
def test_a_controlnet_that_works_otherwise_is_refused(use, picture, change, reason):
    control = replace(Control(Part("canny.safetensors", "e" * 64), picture), **change)
    with pytest.raises(BlockweightError, match=reason):
        built(job(use, 1.0, replace(SMALL, controls=(control,))))


def test_a_family_without_a_ready_workflow_needs_ones_own(use):
    layout = family_by_name("wan").layout
    with pytest.raises(BlockweightError, match="no ready workflow for models of the family wan"):
        built(Job(SMALL, use, Variant("w", uniform("W", layout, 1.0))))


def test_ready_workflows_hold_together(use, picture):
    control = Control(Part("canny.safetensors", "e" * 64), picture)
    scenes = [
        replace(SMALL, controls=(control,), hires=Hires("Lanczos", 2.0), clip_skip=2, prompt="a BREAK b"),
        replace(SMALL, start=Start(picture), sampler="LCM", vae=Part("ae.safetensors", "v" * 64)),
        replace(SMALL, hires=Hires("Latent", width=96, height=64)),
    ]
    for scene in scenes:
        workflow = built(job(use, 0.5, scene))
        check_nodes(workflow.nodes, NodeKinds(Told(MODELS)), {upload.name for upload in workflow.uploads})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda nodes: nodes["first"].update(class_type="Magic"), "no node 'Magic'"),
        (lambda nodes: nodes["first"]["inputs"].pop("model"), "'first' .KSampler. lacks its input 'model'"),
        (lambda nodes: nodes["first"]["inputs"].update(model=["gone", 0]), "linked to a node that is not there"),
        (lambda nodes: nodes["first"]["inputs"].update(scheduler="odd"), "does not take 'odd'"),
        (lambda nodes: nodes["first"]["inputs"].update(cfg=200.0), "takes 0 to 100 .* not 200"),
        (lambda nodes: nodes["first"]["inputs"].update(cfg=float("nan")), "takes 0 to 100"),
        (lambda nodes: nodes["first"]["inputs"].update(seed=2**64), "not 1.8"),
    ],
)
def test_what_comfyui_would_refuse_is_found_before_anything_is_sent(use, spoil, reason):
    workflow = built(job(use))
    spoil(workflow.nodes)
    with pytest.raises(BlockweightError, match=reason):
        check_nodes(workflow.nodes, NodeKinds(Told(MODELS)), {upload.name for upload in workflow.uploads})


def test_oft_is_drawn_at_strengths_of_0_and_1_alone(tmp_path):
    path = write_lora_file(tmp_path / "a.safetensors", ["IN01"])
    lora = open_lora(path)
    tensors = {info.name: lora.read(info) for info in lora.header.tensors}
    tensors["lora_unet_mid_block_attentions_0_proj_in.oft_blocks"] = np.zeros((2, 2, 2), np.float32)
    write_lora(tmp_path / "oft.safetensors", tensors, {})
    oft = open_lora(tmp_path / "oft.safetensors")
    use = LoraUse(str(oft.path), oft.digest)
    shelf = LoraShelf()
    check_loras(job(use, {"IN01": 0.5}), shelf)
    check_loras(job(use, {"M00": 0}), shelf)
    with pytest.raises(BlockweightError, match=r"turns weights in M00 \(OFT\), where ComfyUI squares .* not 0.5"):
        check_loras(job(use, {"M00": 0.5}), shelf)
