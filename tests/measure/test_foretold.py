"""What weights of segments will do, from single blocks' pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from blockweight.measure import ForetoldScene, Segment, WishScene, foretold_values, parse_wishes
from blockweight.plan import Job, Variant
from blockweight.render import fake_picture
from blockweight.weights import uniform
from workshop import FULL, LORA, SCENE

ONES = uniform("all", FULL, 1.0)
WISHES = parse_wishes("raise kept, raise gone, lower green:outside")
SEGMENTS = (Segment("a", ("IN01", "IN02")), Segment("b", ("OUT07",)))
INSIDE = np.zeros((24, 32), bool)
INSIDE[:, :8] = True


def drawn(weights, seed=1):
    return fake_picture(Job(replace(SCENE, seed=seed), LORA, Variant("", weights)))


def foretold(seed=1, lacks=()):
    blocks = ("IN01", "IN02", "OUT07")
    changed = {block: drawn(ONES.with_weights({block: 0.5}), seed) for block in blocks if block not in lacks}
    return ForetoldScene(drawn(ONES, seed), changed, WishScene(drawn(None, seed), drawn(ONES, seed), INSIDE))


def test_where_blocks_add_up_what_is_foretold_is_what_is_drawn():
    points = [(1.0, 1.0), (0.5, 1.0), (0.25, 0.0), (0.0, 0.5)]
    values = foretold_values(WISHES, [foretold(1), foretold(2)], SEGMENTS, points, 0.5, 1.0)
    for point, row in zip(points, values, strict=True):
        weights = ONES.with_weights({"IN01": point[0], "IN02": point[0], "OUT07": point[1]})
        seen = [[wish.value(drawn(weights, seed), foretold(seed).measured_by) for seed in (1, 2)] for wish in WISHES]
        assert row == pytest.approx(np.mean(seen, axis=1), abs=0.03)


def test_a_block_whose_picture_is_gone_changes_nothing():
    (row,) = foretold_values(WISHES, [foretold(lacks=("OUT07",))], SEGMENTS, [(1.0, 0.0)], 0.5, 1.0)
    assert row[0] == pytest.approx(1.0)


def test_of_a_large_picture_the_means_come_out_alike():
    small = foretold()

    def large(picture):
        return picture.repeat(16, axis=0).repeat(16, axis=1)

    wide = ForetoldScene(
        large(small.source),
        {block: large(picture) for block, picture in small.changed.items()},
        WishScene(large(small.measured_by.without), large(small.measured_by.everything), large(INSIDE)),
    )
    points = [(0.5, 0.25)]
    found = [foretold_values(WISHES, [scene], SEGMENTS, points, 0.5, 1.0) for scene in (small, wide)]
    assert found[1] == pytest.approx(found[0])


def test_what_no_scene_tells_is_not_a_number():
    bare = foretold()
    same = ForetoldScene(bare.source, bare.changed, WishScene(bare.source, bare.source, INSIDE))
    (row,) = foretold_values(WISHES, [same], SEGMENTS, [(1.0, 1.0)], 0.5, 1.0)
    assert np.isnan(row[:2]).all()
