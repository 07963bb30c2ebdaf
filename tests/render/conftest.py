"""One tiny model and its LoRAs for the whole run."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import tiny_loras
import tiny_models
import torch
from diffusers import StableDiffusionPipeline
from tiny_scenes import Tiny, use

from blockweight.cli import main
from blockweight.plan import Job
from blockweight.render import identify_checkpoint
from blockweight.render.local import LocalRenderer
from blockweight.render.local.stable_diffusion import StableDiffusion


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small are slower with more threads than with one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def fresh() -> StableDiffusionPipeline:
    """The tiny model in memory. Tests that change it take a copy."""
    return tiny_models.pipeline()


@pytest.fixture
def double(fresh):
    """The tiny model in float64, its own copy."""
    model = copy.deepcopy({"unet": fresh.unet, "text_encoder": fresh.text_encoder})
    return {name: part.double().requires_grad_(requires_grad=False) for name, part in model.items()}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, fresh: StableDiffusionPipeline) -> Tiny:
    folder = tmp_path_factory.mktemp("tiny")
    model = tiny_models.save_folder(fresh, folder / "model")
    standard = tiny_loras.write(folder / "standard.safetensors", fresh, "standard", seed=1)
    locon = tiny_loras.write(folder / "locon.safetensors", fresh, "locon", seed=2)
    return Tiny(model, identify_checkpoint(model), use(standard), use(locon))


@pytest.fixture(scope="session")
def shared() -> LocalRenderer:
    """A renderer that keeps the model loaded from test to test."""
    return LocalRenderer(torch.device("cpu"))


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch):
    """draw(renderer, jobs) → (pictures, latents), each in the jobs' order."""
    latents: dict[str, torch.Tensor] = {}
    decode = StableDiffusion.decode

    def keep(engine, jobs, found):
        latents.update((job.key, sample.clone()) for job, sample in zip(jobs, found, strict=True))
        return decode(engine, jobs, found)

    monkeypatch.setattr(StableDiffusion, "decode", keep)

    def draw(renderer: LocalRenderer, jobs: list[Job]) -> tuple[np.ndarray, torch.Tensor]:
        renderer.check(jobs)
        pictures = {rendering.job.key: rendering.picture for rendering in renderer.render(jobs)}
        return np.stack([pictures[job.key] for job in jobs]), torch.stack([latents[job.key] for job in jobs])

    return draw


@pytest.fixture
def command_line(monkeypatch, capsys):
    """`blockweight` in the current folder: what it printed; an error's text is raised."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["blockweight", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as ended:
            told = capsys.readouterr()
            if ended.code:
                raise RuntimeError(told.err) from None
            return told.out
        return capsys.readouterr().out

    return run
