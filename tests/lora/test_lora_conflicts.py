from __future__ import annotations

import numpy as np
import pytest
from lora_files import BLOCKS, CONV, MID, Q, V, change, linear, load, locon, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import Term, conflicts, open_alike


def compared(paths, *terms):
    given = terms or ((1.0, None), (1.0, None))
    return {
        each.block: each
        for each in conflicts(*(Term(lora, *t) for lora, t in zip(open_alike(paths), given, strict=True)))
    }


@pytest.fixture
def two(tmp_path):
    return [write(tmp_path / f"{seed}.safetensors", locon(np.float32, seed)) for seed in (1, 2)]


def test_cosines_and_sizes_are_those_of_the_dense_changes(two):
    found = compared(two, (0.5, weights(IN04=-1)), (2.0, None))
    a, b = map(load, two)
    for name, block in BLOCKS.items():
        one, other = (-0.5 if block == "IN04" else 0.5) * change(a, name), 2 * change(b, name)
        norms = np.linalg.norm(one), np.linalg.norm(other)
        assert found[block].norms == pytest.approx(norms, rel=1e-6)
        assert found[block].cosine == pytest.approx((one * other).sum() / norms[0] / norms[1], abs=1e-6)
        assert found[block].together == pytest.approx(np.linalg.norm(one + other), rel=1e-6)


def test_a_lora_adds_up_with_itself_and_cancels_its_negative(two):
    same = [two[0], two[0]]
    assert all(each.cosine == pytest.approx(1) for each in compared(same).values())
    assert all(each.cosine == pytest.approx(-1) for each in compared(same, (1, None), (-1, None)).values())


def test_a_layer_of_one_alone_counts_for_its_size_and_for_no_cosine(tmp_path):
    rng = np.random.default_rng(3)
    a = write(tmp_path / "a.safetensors", linear(Q, rng) | linear(V, rng))
    b = write(tmp_path / "b.safetensors", linear(Q, rng))
    found = compared([a, b])
    assert (found["OUT03"].cosine, found["OUT03"].shared, found["OUT03"].norms[1]) == (None, 0, 0.0)
    assert (found["all"].shared, found["all"].layers) == (1, 2)


def test_blocks_come_in_the_models_order_with_rest_and_the_total_last(two):
    assert list(compared(two)) == ["BASE", "IN03", "IN04", "M00", "OUT00", "OUT03", "REST", "all"]


def test_a_module_that_changes_a_bias_too_is_refused(tmp_path):
    rng = np.random.default_rng(3)
    a = write(tmp_path / "a.safetensors", linear(Q, rng) | {f"{Q}.diff_b": np.ones(6, np.float16)})
    with pytest.raises(BlockweightError, match="changes more than a weight"):
        compared([a, a])


def test_layers_of_different_sizes_are_refused(tmp_path):
    rng = np.random.default_rng(3)
    a = write(tmp_path / "a.safetensors", linear(MID, rng) | linear(CONV, rng))
    b = write(tmp_path / "b.safetensors", linear(MID, rng, out=7))
    with pytest.raises(BlockweightError, match="has another size"):
        compared([a, b])
