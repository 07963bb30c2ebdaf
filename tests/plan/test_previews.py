"""Previews are other scenes, marked as such."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.plan import Hires, preview_of
from workshop import SCENE, job


def test_a_preview_has_fewer_steps_half_the_size_and_one_pass():
    found = preview_of(replace(SCENE, steps=30, width=512, height=768, hires=Hires()))
    assert found == replace(SCENE, steps=8, width=256, height=384, hires=None, preview=True)
    assert preview_of(replace(SCENE, steps=5)).steps == 5


@pytest.mark.parametrize(("side", "half"), [(64, 32), (96, 48), (128, 64), (192, 128), (576, 256), (1024, 512)])
def test_sides_stay_multiples_of_64_unless_they_are_small(side, half):
    assert preview_of(replace(SCENE, width=side, height=64)).width == half


@given(st.integers(16, 4096).map(lambda number: number * 8), st.integers(1, 100))
def test_a_preview_is_never_taken_for_the_scene(side, steps):
    scene = replace(SCENE, width=side, height=side, steps=steps)
    found = preview_of(scene)
    assert job(scene=found).key not in (job(scene=scene).key, job(scene=replace(found, preview=False)).key)
    assert 0 < found.width <= side
    assert found.width % 8 == 0 or found.width < 64
