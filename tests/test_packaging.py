"""The wheel holds what the program needs when it is installed elsewhere."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import blockweight

SOURCE = Path(blockweight.__file__).parent
ROOT = SOURCE.parents[1]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The wheel's files, as paths inside the package."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return {name.removeprefix("blockweight/") for name in archive.namelist() if name.startswith("blockweight/")}


def test_every_file_of_the_package_is_in_the_wheel(packed: set[str]) -> None:
    there = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if path.is_file()}
    assert packed == {name for name in there if "__pycache__" not in name}


@pytest.mark.parametrize(
    "name",
    [
        "demo/loras/gobuhime-locon.safetensors",
        "demo/loras/gobuhime.safetensors",
        "demo/model/model_index.json",
        "demo/model/unet/diffusion_pytorch_model.safetensors",
        "py.typed",
        "render/local/sd1-config/NOTICE",
        "render/local/sd1-config/tokenizer/vocab.json",
        "render/local/sd2-config/unet/config.json",
        "render/local/sdxl-config/text_encoder_2/config.json",
    ],
)
def test_a_file_that_the_program_reads_is_in_the_wheel(packed: set[str], name: str) -> None:
    assert name in packed


def test_the_page_templates_are_in_the_wheel(packed: set[str]) -> None:
    assert any(name.startswith("report/") and not name.endswith(".py") for name in packed)
