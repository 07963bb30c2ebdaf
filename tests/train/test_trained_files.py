"""A LoRA that was trained here is read alike by diffusers, by the renderer and by the model that it was trained on."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import tiny_models
import torch
from tiny_scenes import Tiny, use
from tiny_trainings import go, network, run, trainee

from blockweight.lora import open_lora, write_lora
from blockweight.plan import Job
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.train.network import network_metadata
from blockweight.weights import uniform


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A file trained for some steps with large rates, the model that it was trained on as it is then, and the plain
    one."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("trained")
    fresh = tiny_models.pipeline()
    model, net = trainee(fresh), network(unet=3e-2, te=1e-2, others=1)
    training = go(run(model, folder / "state.pt", net, steps=12, batch=3))
    path = folder / "trained.safetensors"
    write_lora(path, training.tensors("fp32"), network_metadata(net, v_prediction=False))
    return path, model, fresh


def in_diffusers(fresh, path: Path):
    """A copy of the model with the file in its weights, by diffusers' own loader."""
    model = copy.deepcopy(fresh)
    model.load_lora_weights(path)
    model.fuse_lora()
    model.unload_lora_weights()
    return model


def test_the_model_in_training_and_diffusers_with_the_file_predict_alike(trained):
    path, model, fresh = trained
    loaded = in_diffusers(fresh, path)
    latents, states = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 16)
    with torch.no_grad():
        plain, ours, theirs = (
            unet(latents, torch.tensor([500]), states).sample for unet in (fresh.unet, model.unet, loaded.unet)
        )
        texts = [each(torch.arange(77)[None]).last_hidden_state for each in (model.text_encoder, loaded.text_encoder)]
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert not torch.allclose(ours, plain, atol=1e-2)
    assert torch.allclose(*texts, atol=1e-4)


def test_every_module_is_trained_with_the_alpha_that_the_file_says(trained, tmp_path):
    fresh = trained[2]
    model = trainee(fresh)
    net = network(unet=3e-2, conv=3, others=1)  # whose convolutions have an alpha of their own
    tensors = dict(go(run(model, tmp_path / "state.pt", net, steps=3)).tensors("fp32"))
    for key in [key for key in tensors if key.endswith(".alpha")]:
        # diffusers takes one alpha for all: put each into its matrix.
        name = key.removesuffix(".alpha")
        rank = len(tensors[f"{name}.lora_down.weight"])
        tensors[f"{name}.lora_up.weight"] = tensors[f"{name}.lora_up.weight"] * (tensors.pop(key) / rank)
    write_lora(tmp_path / "cured.safetensors", tensors, {})
    loaded = in_diffusers(fresh, tmp_path / "cured.safetensors")
    latents, states = torch.randn(1, 4, 8, 8), torch.randn(1, 77, 16)
    with torch.no_grad():
        plain, ours, theirs = (
            unet(latents, torch.tensor([500]), states).sample for unet in (fresh.unet, model.unet, loaded.unet)
        )
    assert float((ours - theirs).norm() / (ours - plain).norm()) < 1e-3


def test_pictures_with_the_file_are_those_of_the_model_that_diffusers_puts_it_into(trained, tmp_path):
    path, _, fresh = trained
    folder = tiny_models.save_folder(fresh, tmp_path / "model")
    fused = tiny_models.save_folder(in_diffusers(fresh, path), tmp_path / "fused")
    lora = open_lora(path)
    tiny = Tiny(folder, identify_checkpoint(folder), use(path), use(path))

    def picture(weight: float, **changes) -> np.ndarray:
        job: Job = tiny.job(uniform("w", lora.family.layout, weight), **changes)
        (made,) = LocalRenderer(torch.device("cpu")).render([job])
        return made.picture.astype(int)

    ours, theirs = picture(1), picture(0, checkpoint=identify_checkpoint(fused))
    assert np.abs(ours - theirs).max() <= 1
    assert np.abs(ours - picture(0)).max() > 8


def test_the_file_says_of_itself_what_it_is(trained):
    lora = open_lora(trained[0])
    assert (lora.family.name, lora.unknown_keys, lora.rest) == ("sd1", (), ())
    assert {lora.algorithm(module) for module in lora.modules} == {"lora"}
    assert lora.header.metadata["ss_network_module"] == "networks.lora"
