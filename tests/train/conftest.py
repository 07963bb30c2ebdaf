"""The tiny models of the renderer's suite, for training on them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.append(str(Path(__file__).parents[1] / "render"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with the tiny model and a dataset of four pictures in two folders."""
    import tiny_models  # noqa: PLC0415 - needs the local extra

    folder = tmp_path_factory.mktemp("files")
    tiny_models.save_folder(tiny_models.pipeline(), folder / "model")
    levels = np.random.default_rng(0)
    for number, name in enumerate(("2_red dress", "2_red dress", "1_night", "1_night")):
        (folder / "data" / name).mkdir(parents=True, exist_ok=True)
        path = folder / "data" / name / f"{number}.png"
        side = (16, 16) if number else (48, 16)
        Image.fromarray(levels.integers(0, 255, (*side[::-1], 3), dtype=np.uint8)).save(path)
        path.with_suffix(".txt").write_text(f"1girl, smile, hat {number}")
    return folder
