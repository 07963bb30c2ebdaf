"""Noise: published vectors, and that a picture's noise is its own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from blockweight.render.local.sampling import Noise, Seed
from blockweight.render.local.sampling.noise import generator, turned
from blockweight.render.local.sampling.philox import PhiloxNormals, philox

CPU = torch.device("cpu")
SHAPE = (4, 6, 5)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_words(counter, key, words):
    """Random123's known answers for philox4x32-10 (github.com/DEShawResearch/random123, kat_vectors)."""
    counters = np.array([[int(word, 16)] for word in counter.split()], np.uint32)
    left, right = (int(word, 16) for word in key.split())
    assert [f"{int(word):08x}" for word in philox(counters, (left, right))[:, 0]] == words.split()


def test_normal_numbers_are_those_of_an_nvidia_card():
    """torch.randn(3, 4, device="cuda") after torch.manual_seed(0), as the WebUI's `rng_philox.py` quotes it."""
    assert PhiloxNormals(0).draw((3, 4)).tolist() == [
        pytest.approx([-0.92466259, -0.42534415, -2.6438457, 0.14518388], abs=1e-6),
        pytest.approx([-0.12086647, -0.57972564, -0.62285122, -0.32838709], abs=1e-6),
        pytest.approx([-1.07454231, -0.36314407, -1.67105067, 2.26550497], abs=1e-6),
    ]


def test_each_draw_of_a_card_is_another_and_large_seeds_count_whole():
    numbers = PhiloxNormals(2**63 - 1)
    first, second = numbers.draw((1000,)), numbers.draw((1000,))
    assert abs(float(first.mean())) < 0.1
    assert float(first.std()) == pytest.approx(1, abs=0.1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, PhiloxNormals(2**31 - 1).draw((1000,)))


@pytest.mark.parametrize("source", ["CPU", "GPU", "NV"])
def test_a_pictures_noise_does_not_depend_on_its_batch(source):
    seeds = [Seed(1), Seed(2**40, 5, 0.4), Seed(3, 2, 1.0), Seed(1)]
    together = Noise(seeds, SHAPE, source, CPU)
    drawn = [together.first(), together.next(), together.next()]
    for number, one in enumerate(seeds):
        alone = Noise([one], SHAPE, source, CPU)
        assert all(torch.equal(part[number : number + 1], other) for part, other in zip(
            drawn, [alone.first(), alone.next(), alone.next()], strict=True))  # fmt: skip
    assert not torch.equal(drawn[0], drawn[1])


def test_the_noise_of_the_cpu_is_torchs_for_the_seed_and_goes_on():
    numbers = torch.Generator().manual_seed(7)
    noise = Noise([Seed(7)], SHAPE, "CPU", CPU)
    assert torch.equal(noise.first()[0], torch.randn(SHAPE, generator=numbers))
    assert torch.equal(noise.next()[0], torch.randn(SHAPE, generator=numbers))


def test_a_variation_changes_the_first_noise_alone():
    plain, varied = Noise([Seed(7)], SHAPE, "CPU", CPU), Noise([Seed(7, 8, 0.5)], SHAPE, "CPU", CPU)
    assert not torch.equal(plain.first(), varied.first())
    assert torch.equal(plain.next(), varied.next())


def test_a_variation_turns_every_column_on_the_circle_between_the_two():
    one, other = torch.zeros(1, 2, 1), torch.zeros(1, 2, 1)
    one[0, 0], other[0, 1] = 2.0, 2.0
    for strength in (0.0, 0.25, 1.0):
        angle = strength * math.pi / 2
        found = turned(one, other, strength).flatten().tolist()
        assert found == pytest.approx([2 * math.cos(angle), 2 * math.sin(angle)], abs=1e-6)


def test_a_variation_of_a_seed_by_itself_is_the_seeds_own_noise():
    assert torch.equal(Noise([Seed(5, 5, 0.5)], SHAPE, "CPU", CPU).first(), Noise([Seed(5)], SHAPE, "CPU", CPU).first())


def test_apples_devices_draw_on_the_cpu():
    assert generator("GPU", 3, torch.device("mps"))((2,)).device == CPU
