"""Pictures through a ComfyUI, over real sockets."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from comfyui_jobs import SMALL, job, renderer_for
from toy_nodes import png

from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import Embedding, Hires, LoraUse, OtherLora
from blockweight.project import Project
from blockweight.render import RenderingError
from blockweight.weights import uniform
from workshop import FULL, write_lora_file


def pictures(renderer, *jobs, **options):
    return {rendering.job.key: rendering.picture for rendering in renderer.render(jobs, **options)}


def test_block_weights_show_in_the_picture(comfyui, renderer, use):
    jobs = [job(use), job(use, {"OUT04": 0.25}), job(use, None)]
    renderer.check(jobs)
    whole, less, without = pictures(renderer, *jobs).values()
    assert whole.shape == (64, 64, 3) and whole.dtype == np.uint8
    assert whole.sum(dtype=int) > less.sum(dtype=int) > without.sum(dtype=int)
    assert (whole != less).any(axis=2).sum() <= 4 * 64


def test_equal_jobs_give_equal_pictures(comfyui, use):
    (first,) = pictures(renderer_for(comfyui), job(use, 0.5)).values()
    comfyui.restart()
    (second,) = pictures(renderer_for(comfyui), job(use, 0.5)).values()
    assert (first == second).all()


def test_a_lora_is_uploaded_once(comfyui, use):
    pictures(renderer_for(comfyui), job(use), job(use, 0.5))
    assert len(comfyui.uploaded) == len(set(comfyui.uploaded)) == 26
    pictures(renderer_for(comfyui), job(use, 0.25))
    assert len(comfyui.uploaded) == 26


def test_a_changed_block_leaves_prompts_and_other_blocks_as_they_were_read(comfyui, renderer, use):
    pictures(renderer, job(use, {"OUT04": 0.5}), job(use, {"OUT04": 0.25}))
    assert [node.split("-")[0] for node in comfyui.ran] == ["lora0", "first", "decoded", "picture"]


def test_finished_jobs_are_left_out_and_models_change_seldom(comfyui, renderer, use):
    other = replace(SMALL, checkpoint=replace(SMALL.checkpoint, path="anime.safetensors", digest="a" * 64))
    jobs = [job(use), job(use, 1.0, other), job(use, 0.5), job(use, 0.5, other)]
    assert len(pictures(renderer, *jobs, finished={jobs[0].key})) == 3
    models = [told["prompt"]["checkpoint"]["inputs"]["ckpt_name"] for told in comfyui.posted]
    assert models == ["SD15/anime.safetensors"] * 2 + ["model.safetensors"]


def test_steps_are_told_as_they_are_taken(comfyui, renderer, use):
    told = []
    scene = replace(SMALL, hires=Hires("Latent", 1.5, steps=3))
    pictures(renderer, job(use, 1.0, scene), watch=lambda step: told.append((step.done, step.of)))
    assert [done for done, _ in dict.fromkeys(told)] == list(range(8))
    assert {of for _, of in told[26:]} == {7}


def test_the_arithmetic_names_the_server_and_keeps_others_pictures_apart(comfyui, renderer, use, tmp_path):
    assert renderer.capabilities.arithmetic == "ComfyUI 0.3.64, torch 2.8.0+cpu, cpu, --cpu"
    with Project(tmp_path / "project") as project:
        list(project.render(renderer, [job(use)]))
        comfyui.version = "0.4.0"
        with pytest.raises(BlockweightError, match=r"ComfyUI 0.3.64.* this run would use ComfyUI 0.4.0"):
            list(project.render(renderer_for(comfyui), [job(use, 0.5)]))


def test_a_check_notices_that_the_server_is_another_one(comfyui, renderer, use):
    assert "ComfyUI 0.3.64" in renderer.capabilities.arithmetic
    comfyui.version = "0.4.0"
    renderer.check([job(use)])
    assert "ComfyUI 0.4.0" in renderer.capabilities.arithmetic


def test_a_model_that_the_server_lacks_is_refused_before_work_starts(comfyui, renderer, use):
    comfyui.models["checkpoints"] = ["other.safetensors"]
    with pytest.raises(BlockweightError, match=r"no checkpoint called 'model.safetensors'"):
        renderer.check([job(use)])
    assert not comfyui.uploaded and not comfyui.posted


def test_a_server_without_a_node_is_refused_before_work_starts(comfyui, renderer, use):
    comfyui.missing_kinds = {"LoraLoaderModelOnly"}
    with pytest.raises(BlockweightError, match="has no node 'LoraLoaderModelOnly'"):
        renderer.check([job(use)])


def test_an_embedding_must_be_there(comfyui, renderer, use):
    known, unknown = (Embedding(name, "e.safetensors", "e" * 64) for name in ("easynegative", "other"))
    renderer.check([job(use, 1.0, replace(SMALL, embeddings=(known,)))])
    with pytest.raises(BlockweightError, match="no embedding 'other'"):
        renderer.check([job(use, 1.0, replace(SMALL, embeddings=(unknown,)))])


def test_a_lora_that_works_in_some_steps_or_has_changed_is_refused(renderer, use, locon):
    with pytest.raises(BlockweightError, match="begins or stops working in a step"):
        renderer.check([job(replace(use, start=3))])
    with pytest.raises(BlockweightError, match="has changed since this was planned"):
        renderer.check([job(replace(use, digest="0" * 64))])


def test_what_is_no_comfyui_is_refused(comfyui, renderer, use):
    comfyui.faults["GET /system_stats"] = ["garbage"]
    with pytest.raises(BlockweightError, match="no JSON"):
        renderer.check([job(use)])
    comfyui.version = None
    with pytest.raises(BlockweightError, match="is no ComfyUI, or a very old one"):
        renderer.check([job(use)])


def test_a_block_that_is_not_loaded_is_an_error_before_any_picture(comfyui, renderer, use):
    comfyui.unknown = ("lora_unet_mid_block",)
    jobs = [job(use, {"M00": 0}), job(use), job(use, 0.5)]
    reason = r"loads nothing of '.*' in M00 .*no place for 'lora_unet_mid_block"
    with pytest.raises(RenderingError, match=reason) as told:
        list(renderer.render(jobs))
    assert [failure.job for failure in told.value.failures] == jobs[1:2]
    assert not comfyui.posted
    assert pictures(renderer, jobs[0])


def test_a_lora_that_was_refused_is_refused_again_though_the_server_logs_no_more(comfyui, renderer, use):
    comfyui.unknown = ("lora_unet_mid_block",)
    for each in (renderer, renderer, renderer_for(comfyui), renderer_for(comfyui)):
        with pytest.raises(RenderingError, match="loads nothing of"):
            list(each.render([job(use)]))
    # By a server that has all of it in its cache, which the renderer cannot know.
    assert len(comfyui.trials) == 3


def test_a_lora_is_tried_once_with_a_model(comfyui, renderer, use):
    other = replace(SMALL, checkpoint=replace(SMALL.checkpoint, path="anime.safetensors", digest="a" * 64))
    pictures(renderer, job(use), job(use, 0.5), job(use, 1.0, other))
    pictures(renderer, job(use, 0.25), job(use, None))
    assert len(comfyui.trials) == 2


def test_a_block_of_which_no_layer_fits_is_an_error(comfyui, renderer, tmp_path):
    path = write_lora_file(tmp_path / "wide.safetensors", ["IN01", "M00"])
    comfyui.misfits = ("diffusion_model.middle_block.1.proj_in.weight",)
    with pytest.raises(RenderingError, match=r"loads nothing of '.*' in M00 "):
        list(renderer.render([job(LoraUse(str(path), open_lora(path).digest))]))
    assert not comfyui.posted


def test_each_lora_of_a_job_is_tried_by_itself(comfyui, renderer, use, tmp_path):
    path = write_lora_file(tmp_path / "other.safetensors", ["IN01"], seed=5)
    other = OtherLora(LoraUse(str(path), open_lora(path).digest), uniform("", FULL, 1.0))
    pictures(renderer, job(use, 1.0, replace(SMALL, loras=(other,))))
    names = [{node["inputs"].get("lora_name") for node in told["prompt"].values()} - {None} for told in comfyui.trials]
    assert len(names) == 2
    assert not names[0] & names[1]


def test_a_lora_is_tried_anew_by_another_version(comfyui, renderer, use):
    for version in ("0.3.64", "0.3.64", "0.4.0"):
        comfyui.version = version
        renderer.check([job(use)])
        pictures(renderer, job(use))
    assert len(comfyui.trials) == 2


def test_jobs_that_come_one_by_one_ask_what_the_server_has_once(comfyui, renderer, use):
    jobs = [job(use), job(use, 0.5), job(use, {"IN01": 0.5})]
    renderer.check(jobs)
    comfyui.faults["GET /object_info"] = [500] * 9
    for each in jobs:
        pictures(renderer, each)


def test_blocks_that_change_among_the_checked_jobs_stand_last_though_they_come_one_by_one(comfyui, renderer, use):
    renderer.check([job(use), job(use, {"IN01": 0.5})])
    pictures(renderer, job(use))
    chain = [name for name in comfyui.posted[0]["prompt"] if name.startswith("lora0-model-")]
    assert "IN01" in chain[-1]


def test_a_server_that_does_not_show_its_log_proves_nothing(comfyui, renderer, use):
    comfyui.faults["GET /internal/logs/raw"] = [404] * 9
    with pytest.raises(BlockweightError, match=r"does not show its log.* or let its proxy pass /internal/logs/raw"):
        list(renderer.render([job(use)]))
    assert not comfyui.posted


def test_a_log_that_ran_over_proves_nothing(comfyui, renderer, use):
    comfyui.chatter = 300
    with pytest.raises(RenderingError, match="log ran over"):
        list(renderer.render([job(use)]))
    assert not comfyui.posted


def test_a_layer_that_is_not_loaded_is_a_warning(comfyui, renderer, use, tmp_path, caplog):
    more = ["lora_unet_mid_block_attentions_0_proj_out"]
    path = write_lora_file(tmp_path / "more.safetensors", ["M00"], more)
    comfyui.unknown = tuple(more)
    with caplog.at_level(logging.WARNING, "blockweight"):
        pictures(renderer, job(replace(use, path=str(path), digest=open_lora(path).digest)))
    assert [record.getMessage() for record in caplog.records] == [
        f"ComfyUI did not load 3 of the 6 tensors that '{path}' has in M00."
    ]


def test_a_damaged_file_under_the_name_of_ours_is_named(comfyui, renderer, use):
    comfyui.lists_uploads = False
    pictures_of = renderer.render([job(use)])
    with pytest.raises(RenderingError, match="does not list the LoRA files that were uploaded"):
        list(pictures_of)
    name = comfyui.uploaded[0]
    comfyui.loras[name] = b"damaged"
    with pytest.raises(RenderingError, match=f"another file called '{name}'"):
        list(renderer.render([job(use)]))


def test_a_picture_of_another_size_is_not_taken(comfyui, renderer, use, monkeypatch):
    monkeypatch.setattr("comfyui_server.png", lambda picture, prompt: png(picture[:32], prompt))
    with pytest.raises(RenderingError, match="made a picture of 64×32 pixels where 64×64 were asked for"):
        list(renderer.render([job(use)]))


def test_a_picture_that_is_none_is_not_taken(comfyui, renderer, use, monkeypatch):
    monkeypatch.setattr("comfyui_server.png", lambda picture, prompt: b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(RenderingError, match="no picture that can be read"):
        list(renderer.render([job(use)]))
