"""What stays on a graphics card, and what goes to the CPU when there is no room; with a card that is made up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from tiny_loras import weights
from tiny_scenes import same

from blockweight.render.local import LocalRenderer, residence
from blockweight.render.local.decoding import decoded

CPU = torch.device("cpu")


class Vae:
    """An autoencoder on a card with room for `room` latents' columns, that notes what it is given."""

    def __init__(self, room: int) -> None:
        self.room, self.given = room, []
        self.device, self.dtype = SimpleNamespace(type="cuda"), torch.float16
        self.config = SimpleNamespace(scaling_factor=0.5, block_out_channels=(8, 8))

    def decode(self, latents):
        self.given.append((len(latents), self.device.type))
        if self.device.type != "cpu" and latents.shape[-1] * len(latents) > self.room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return SimpleNamespace(sample=latents.repeat_interleave(2, -1).repeat_interleave(2, -2))


@pytest.fixture
def card(monkeypatch):
    """Moving to a card and back, as far as the made-up autoencoder is concerned."""

    def move(vae, device, dtype):
        vae.device, vae.dtype = device, dtype

    monkeypatch.setattr("blockweight.render.local.decoding.nn.Module.to", move)
    monkeypatch.setattr("blockweight.render.local.decoding._scaled", lambda vae, latents: latents.to(vae.dtype) / 0.5)


@pytest.mark.usefixtures("card")
def test_pictures_that_do_not_fit_together_are_decoded_one_by_one():
    vae = Vae(room=4)
    found = decoded(vae, torch.ones(3, 4, 4, 4))
    assert found.shape == (3, 4, 8, 8)
    assert vae.given == [(3, "cuda"), (1, "cuda"), (1, "cuda"), (1, "cuda")]


@pytest.mark.usefixtures("card")
def test_a_picture_that_does_not_fit_alone_is_decoded_by_the_cpu_in_full():
    vae = Vae(room=2)
    found = decoded(vae, torch.full((1, 4, 4, 4), 0.1))
    assert (found.dtype, float(found.mean())) == (torch.float32, pytest.approx(0.2, abs=1e-7))
    assert vae.given == [(1, "cuda"), (1, "cpu")]
    decoded(vae, torch.ones(1, 4, 4, 4))
    assert vae.given[2:] == [(1, "cpu")], "it stays there"


def test_an_autoencoder_that_overflows_beside_a_broken_picture_calculates_in_full():
    vae = Vae(room=99)
    vae.device = CPU
    decode = vae.decode

    def overflowing(latents):
        out = decode(latents)
        return out if vae.dtype == torch.float32 else SimpleNamespace(sample=out.sample * float("inf"))

    vae.decode, vae.float = overflowing, lambda: setattr(vae, "dtype", torch.float32)
    latents = torch.ones(2, 4, 4, 4)
    latents[0, 0, 0, 0] = float("nan")
    found = decoded(vae, latents)
    assert [bool(picture.isfinite().all()) for picture in found] == [False, True]


def test_text_encoders_stay_with_the_cpu_where_the_card_would_be_too_full(tiny, fresh, draw, monkeypatch):
    job = tiny.job(weights(1))
    wanted = draw(LocalRenderer(CPU), [job])
    size = sum(p.numel() * 4 for part in (fresh.unet, fresh.text_encoder, fresh.vae) for p in part.parameters())
    moved = []
    to = torch.nn.Module.to

    def watch(part, *where):
        if where == (CPU, torch.float32):
            moved.append(type(part).__name__)
        return to(part, *where)

    monkeypatch.setattr(torch.nn.Module, "to", watch)
    for room, away in ((size / residence.SHARE + 1, []), (size / residence.SHARE - 1, ["CLIPTextModel"])):
        monkeypatch.setattr(residence, "free_bytes", lambda _, room=room: int(room))
        moved.clear()
        same(draw(LocalRenderer(CPU), [job]), wanted)
        assert moved == away


def test_models_calculate_in_the_precision_that_is_asked_for(tiny, draw):
    renderer = LocalRenderer(CPU, dtype=torch.bfloat16)
    job = tiny.job(weights(1))
    found = draw(renderer, [job])
    assert renderer.capabilities.arithmetic == "cpu, bfloat16"
    assert renderer._engine(tiny.checkpoint).pipeline.unet.dtype == torch.bfloat16
    same(found, draw(LocalRenderer(CPU), [job]), latents=0.2, levels=60)
