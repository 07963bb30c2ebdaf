"""What the engine of diffusers' own pipelines refuses, in a sentence each."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import flow_loras
import numpy as np
import pytest
import tiny_flows
import torch
from safetensors.torch import load_file, save_file

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora
from blockweight.plan import (
    Checkpoint,
    Control,
    Embedding,
    Hires,
    Job,
    LoraUse,
    Part,
    Scene,
    Start,
    Variant,
    read_sampler,
)
from blockweight.render import identify_checkpoint
from blockweight.render.local import LiveLora, LocalRenderer, pipeline_loading
from blockweight.render.local.engines import FAMILIES, load_engine
from blockweight.render.local.live_loras import LiveLoras
from blockweight.render.local.pipeline_checks import check_pipeline_scene
from blockweight.render.local.pipeline_kinds import KINDS
from blockweight.weights import BlockWeights

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tiny_flows.save("flux1", tmp_path_factory.mktemp("flux") / "model")


@pytest.fixture(scope="module")
def engine(folder):
    return load_engine(folder, CPU)


@pytest.fixture
def broken(folder, tmp_path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "broken"))


def scene(**changes: Any) -> Scene:
    plain = Scene("s", Checkpoint("", "x"), "a dress", "", 3, 2, 1.0, "Euler", 16, 16, scheduler="Simple")
    return replace(plain, **changes)


def refusal(action, *words: str) -> str:
    with pytest.raises(BlockweightError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 18}, ("18×16", "multiples of 4")),
        ({"height": 0}, ("16×0",)),
        ({"sampler": "DPM++ 2M", "scheduler": "Karras"}, ("sampler Euler Simple", "DPM++ 2M")),
        ({"scheduler": "Uniform"}, ("Euler Simple",)),
        ({"scheduler": ""}, ("Euler Simple",)),
        ({"hires": Hires("Latent", 2.0)}, ("hires pass", "flux1")),
        ({"vae": Part("a", "b")}, ("another VAE", "flux1")),
        ({"start": Start(Part("a", "b"))}, ("a picture to draw over", "flux1")),
        ({"controls": (Control(Part("a", "b"), Part("c", "d")),)}, ("ControlNets", "flux1")),
        ({"clip_skip": 2}, ("clip skip",)),
        ({"embeddings": (Embedding("bad", "", "d"),)}, ("embeddings",)),
        ({"cfg_scale": 0.5}, ("1 (off) or more",)),
        ({"guidance": float("nan")}, ("distilled CFG scale",)),
        ({"guidance": -1.0}, ("0 or more",)),
        ({"prompt": "a (red:1.3) dress"}, ("(red:1.3)", "as it is written")),
        ({"negative_prompt": "a [red:blue:0.5] dress"}, ("[red:blue:0.5]",)),
        ({"prompt": "a dress <lora:other:1>"}, ("<lora:other:1>",)),
    ],
)
def test_what_a_transformer_cannot_be_told_is_refused(engine, changes, words):
    refusal(lambda: engine.check(scene(**changes)), *words)


def test_what_a_transformer_can_be_told_is_not_refused(engine):
    sampler, schedule = read_sampler("euler simple")
    engine.check(
        scene(sampler=sampler, scheduler=schedule, guidance=4.0, cfg_scale=2.0, prompt="(a) [sign] 12:30: \\(b\\)")
    )


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("flux2", {"cfg_scale": 3.0}, ("no CFG scale but 1",)),
        ("klein", {"guidance": 3.5}, ("no distilled CFG scale",)),
        ("sd3", {"width": 68}, ("too large", "places up to 64 pixels")),
        ("wan", {}, ("sampler UniPC,", "Euler")),
        ("wan", {"sampler": "UniPC", "scheduler": "Automatic", "width": 24}, ("multiples of 16",)),
    ],
)
def test_each_kind_of_model_says_what_it_cannot_do(name, changes, words):
    pipeline = tiny_flows.pipeline(name)
    refusal(lambda: check_pipeline_scene(scene(**changes), pipeline, KINDS[type(pipeline).__name__]), *words)


def test_distilled_guidance_makes_a_difference_and_is_forges_default_if_a_scene_has_none(engine):
    def draw(**changes: Any) -> torch.Tensor:
        return engine.draw([Job(scene(**changes), LoraUse("", ""), Variant("v", None))], LiveLoras(), lambda *_: None)

    assert torch.equal(draw(), draw(guidance=3.5))
    assert not torch.equal(draw(), draw(guidance=30.0))


def test_a_prompt_is_read_once_for_all_variants_whose_text_encoders_are_weighed_alike(engine, folder, tmp_path):
    lora = open_lora(flow_loras.write(tmp_path / "lora.safetensors", engine.pipeline, "flux1"))
    live = LiveLora(lora, engine.components, engine.names)
    layout = lora.family.layout
    counts = []
    handle = engine.pipeline.text_encoder_2.register_forward_hook(lambda *_: counts.append(1))

    def job(label: str, **blocks: float) -> Job:
        weights = BlockWeights("w", layout, (0.5,) * len(layout)).with_weights(blocks)
        return Job(scene(prompt="read once"), LoraUse("", label), Variant(label, weights))

    engine.draw([job("a"), job("a", D00=0.1), job("a", T5=0.2), job("a", CLIP=0.3)], LiveLoras(live), lambda *_: None)
    assert len(counts) == 3
    engine.draw([job("a", S01=2.0), job("a", T5=0.2)], LiveLoras(live), lambda *_: None)
    assert len(counts) == 3
    live.detach()
    handle.remove()


def test_the_renderer_draws_transformers_like_all_models(folder, tmp_path):
    checkpoint = identify_checkpoint(folder)
    renderer = LocalRenderer(CPU)
    assert set(renderer.capabilities.families) >= {"flux1", "sd3", "qwen-image"}
    path = flow_loras.write(tmp_path / "lora.safetensors", load_engine(folder, CPU).pipeline, "flux1")
    lora = open_lora(path)
    use, layout = LoraUse(str(path), lora.digest), lora.family.layout
    variants = [Variant("none", None), Variant("all", BlockWeights("w", layout, (1.0,) * len(layout)))]
    jobs = [Job(scene(checkpoint=checkpoint), use, variant) for variant in variants]
    renderer.check(jobs)
    pictures = {rendering.job.variant.label: rendering.picture for rendering in renderer.render(jobs)}
    assert pictures["none"].shape == (16, 16, 3)
    assert np.abs(pictures["none"].astype(int) - pictures["all"]).max() > 3
    other = BlockWeights("w", family_by_name("sd3").layout, (1.0,) * len(family_by_name("sd3").layout))
    refusal(lambda: renderer.check([replace(jobs[0], variant=Variant("v", other))]), "sd3", "flux1")


def test_the_renderer_says_in_what_precision_this_model_calculates(folder, monkeypatch):
    monkeypatch.setattr(pipeline_loading, "flow_dtype", lambda _: torch.bfloat16)
    renderer = LocalRenderer(CPU)
    assert renderer.capabilities.arithmetic == "cpu, float32"
    renderer.check([Job(scene(checkpoint=identify_checkpoint(folder)), LoraUse("", "a"), Variant("v", None))])
    assert renderer.capabilities.arithmetic == "cpu, bfloat16"


def test_a_lora_for_more_blocks_than_the_model_has_is_refused_by_its_modules_name(engine, tmp_path):
    tensors = {
        "transformer.transformer_blocks.7.attn.to_q.lora_A.weight": np.ones((1, 16), np.float32),
        "transformer.transformer_blocks.7.attn.to_q.lora_B.weight": np.ones((16, 1), np.float32),
    }
    write_lora(tmp_path / "more.safetensors", tensors, {})
    lora = open_lora(tmp_path / "more.safetensors", family_by_name("flux1"))
    refusal(lambda: LiveLora(lora, engine.components, engine.names), "transformer_blocks_7_attn_to_q")
    tensors = {
        "diffusion_model.double_blocks.0.img_attn.qkv.lora_A.weight": np.ones((1, 16), np.float32),
        "diffusion_model.double_blocks.0.img_attn.qkv.lora_B.weight": np.ones((3 * 16 + 1, 1), np.float32),
    }
    write_lora(tmp_path / "wider.safetensors", tensors, {})
    lora = open_lora(tmp_path / "wider.safetensors", family_by_name("flux1"))
    refusal(lambda: LiveLora(lora, engine.components, engine.names), "49×16", "48×16")


def _without(file: Path, name: str) -> None:
    tensors = load_file(file)
    assert name in tensors
    save_file({key: value for key, value in tensors.items() if key != name}, file, {"format": "pt"})


def _t5_without_a_weight(model: Path) -> None:
    _without(model / "text_encoder_2" / "model.safetensors", "encoder.block.1.layer.0.SelfAttention.q.weight")


def _transformer_without_a_weight(model: Path) -> None:
    _without(model / "transformer" / "diffusion_pytorch_model.safetensors", "x_embedder.weight")


def _no_vae(model: Path) -> None:
    shutil.rmtree(model / "vae")


def _unnamed_vae(model: Path) -> None:
    index = json.loads((model / "model_index.json").read_text())
    (model / "model_index.json").write_text(json.dumps(index | {"vae": [None, None]}))


def _no_tokenizer(model: Path) -> None:
    for file in (model / "tokenizer_2").iterdir():
        if file.name != "tokenizer_config.json":
            file.unlink()


def _damaged(model: Path) -> None:
    (model / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"no numbers")


def _other_scheduler(model: Path) -> None:
    index = json.loads((model / "model_index.json").read_text())
    changed = {"scheduler": ["diffusers", "DDIMScheduler"]}
    (model / "model_index.json").write_text(json.dumps(index | changed))


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (_t5_without_a_weight, ("incomplete", "text_encoder_2", "SelfAttention.q")),
        (_transformer_without_a_weight, ("incomplete",)),
        (_no_vae, ("no .safetensors weights", "'vae'")),
        (_unnamed_vae, ("no whole flux1 model",)),
        (_no_tokenizer, ("get the model again",)),
        (_damaged, ("safetensors",)),
        (_other_scheduler, ("DDIMScheduler",)),
    ],
)
def test_a_model_that_is_not_whole_is_refused(broken, breaks, words):
    breaks(broken)
    refusal(lambda: load_engine(broken, CPU), str(broken), *words)


@pytest.mark.parametrize(
    "name", ["double_blocks.0.img_attn.qkv.weight", "model.diffusion_model.joint_blocks.0.x.weight"]
)
def test_a_file_with_a_transformer_alone_is_refused(tmp_path, name):
    path = tmp_path / "flux.safetensors"
    save_file({name: torch.zeros(2, 2)}, path)
    refusal(lambda: load_engine(path, CPU), str(path), "diffusers folder")


def test_a_model_that_no_engine_knows_is_refused_with_its_kind(tmp_path):
    (tmp_path / "model_index.json").write_text('{"_class_name": "MochiPipeline"}')
    refusal(lambda: load_engine(tmp_path, CPU), "MochiPipeline")


def test_loading_and_drawing_say_nothing(folder, capfd):
    long = scene(prompt="a very long prompt that CLIP cannot read to its end " * 9)
    load_engine(folder, CPU).draw([Job(long, LoraUse("", ""), Variant("v", None))], LiveLoras(), lambda *_: None)
    assert capfd.readouterr() == ("", "")


def test_every_family_of_the_table_is_a_family_of_blocks():
    for family in FAMILIES:
        assert family_by_name(family).name == family
