from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from blockweight.lora.dtypes import all_finite


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found_wherever_it_stands(dtype, odd):
    values = np.zeros((3, 4), dtype)
    values[0, 0] = np.finfo(np.float16).max
    assert all_finite(values)
    values[2, 1] = odd
    assert not all_finite(values)


def test_every_fp16_number_is_judged_as_numpy_judges_it():
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    assert [all_finite(value) for value in values.reshape(-1, 1)] == list(np.isfinite(values))


def test_a_single_number_and_none_at_all_are_judged_too():
    assert all_finite(np.array(1.5, np.float16))
    assert not all_finite(np.array(np.nan, np.float16))
    assert all_finite(np.zeros((0, 4), np.float16))
