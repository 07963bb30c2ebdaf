"""`blockweight demo`, for real: it keeps its promises."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from blockweight.demo import embedded
from blockweight.lora import open_lora, verify_baked
from blockweight.project import Project
from workshop import weights_of

COMMAND = [sys.executable, "-c", "from blockweight.cli import main; main()", "demo", "--out"]


@dataclass(frozen=True)
class Finished:
    folder: Path
    output: str

    def figure(self, label: str) -> str:
        found = re.search(rf"^{label}:\s+(.*)$", self.output, re.MULTILINE)
        assert found is not None, self.output
        return found[1]


def run(folder: Path) -> Finished:
    done = subprocess.run([*COMMAND, str(folder)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return Finished(folder, done.stdout)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run(tmp_path_factory.mktemp("demo") / "whole")


def test_the_tuned_lora_loses_60_percent_of_the_bleed_on_scenes_that_the_analysis_did_not_see(
    finished: Finished,
) -> None:
    assert int(finished.figure("Bleed removed").split("%")[0]) >= 60


def test_the_tuned_lora_keeps_85_percent_of_the_green_in_her_face(finished: Finished) -> None:
    assert int(finished.figure("Face kept").split("%")[0]) >= 85


def test_live_and_baked_pictures_agree(finished: Finished) -> None:
    assert int(finished.figure("Live and baked").split()[2]) <= 3


def test_the_baked_file_is_the_lora_with_the_printed_weights(finished: Finished) -> None:
    weights = weights_of(finished.figure("Weights"))
    baked = finished.folder / "gobuhime-locon-Gobuhime.safetensors"
    check = verify_baked(embedded.lora_file("gobuhime-locon"), weights, baked)
    assert check.count("dropped") > 0
    assert set(open_lora(baked).blocks) == {block for block, value in weights.items() if value != 0}


def test_the_report_stands_alone(finished: Finished) -> None:
    page = (finished.folder / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert finished.figure("Weights") in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)


def test_every_picture_carries_its_own_parameters(finished: Finished) -> None:
    pictures = list((finished.folder / "pictures").glob("*.png"))
    assert len(pictures) > 150
    for path in pictures:
        with Image.open(path) as image:
            assert image.size == (64, 64)
            assert "Steps: 16" in image.info["parameters"]


def test_the_baseline_and_repeated_jobs_are_rendered_once(finished: Finished) -> None:
    with Project(finished.folder) as project:
        rendered = [event.body["job"] for event in project.log.read("rendered")]
    assert len(rendered) == len(set(rendered))


def test_a_second_run_renders_nothing_and_ends_with_the_same_report(finished: Finished) -> None:
    report = (finished.folder / "report.html").read_bytes()
    with Project(finished.folder) as project:
        before = sum(1 for _ in project.log.read("rendered"))
    run(finished.folder)
    with Project(finished.folder) as project:
        assert sum(1 for _ in project.log.read("rendered")) == before
    assert (finished.folder / "report.html").read_bytes() == report
