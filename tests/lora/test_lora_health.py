from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from blockweight.lora import health
from blockweight.lora.health import Health, health_of

VALUES = [0.0, -0.0, 1.0, -3.0, np.nan, np.inf, -np.inf]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_nan_inf_and_zeros_are_counted_in_every_float_format(dtype):
    assert health_of(np.array(VALUES, dtype)) == Health(7, broken=3, zero=2)


def test_fp8_and_integers_are_counted_too():
    assert health_of(np.array([0, np.nan, 1], ml_dtypes.float8_e4m3fn)) == Health(3, broken=1, zero=1)
    assert health_of(np.array([0, 3, -1], np.int8)) == Health(3, zero=1)


def test_fp16_numbers_below_the_normal_range_are_subnormal_of_either_sign():
    tiny = float(np.finfo(np.float16).smallest_normal)
    values = np.array([tiny, -tiny, tiny * 0.999, -tiny / 2, 2**-24, 0.0], np.float16)
    found = health_of(values)
    assert found == Health(6, zero=1, subnormal=3)
    assert found.subnormal_share == 3 / 5
    assert health_of(values.astype(np.float32)).subnormal == 0
    assert health_of(np.zeros(3, np.float16)).subnormal_share == 0


def test_long_tensors_are_counted_piece_by_piece(monkeypatch):
    monkeypatch.setattr(health, "_PIECE", 3)
    assert health_of(np.array(VALUES, np.float16)) == Health(7, broken=3, zero=2)
    assert health_of(np.array(1.0, np.float16)) == Health(1)
    assert health_of(np.zeros((0, 3), np.float16)) == Health()
