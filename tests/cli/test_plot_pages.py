"""The pages about plots show commands that are taken."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import workshop
from blockweight.workflow.plots.axis_kinds import KINDS

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = (
    "GobuhimeAll", "Gobuhime0", "Gobuhime1", "Gobuhime2", "Gobuhime3", "GobuhimeFixSub", "GobuhimeFixAdd", "Numa0",
    "Numa1", "Numa2", "GobuhimeFixLora", "LbwLayer", "TutorialResult",
)  # fmt: skip
LORAS = {"gallery.md": r"(?:gobuhime(?:-\w+)?|witch|dusklight)", "plots.md": r"(?:goblin(?:-photo)?|coat)"}
MODELS = {"gallery.md": ("blockweight-embedded", "dusk"), "plots.md": ("anime", "photo")}
BASE = (
    "blockweight plot --folder loras --folder models --model anime --prompt '1girl, red dress <lora:goblin:1>' --fill 0"
)


def commands(page: str) -> list[str]:
    """Every command of the page's shell blocks, on one line."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("blockweight plot")]


def examples() -> list[str]:
    """The examples of the table of axes."""
    table = re.findall(r"^\| `.*\| `([^|]*--x [^|]*)` \|$", (DOCS / "plots.md").read_text("utf-8"), re.MULTILINE)
    return [f"{BASE} {example}" for example in table]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """For each page a folder with files of the names that it uses, too small to be rendered."""
    return {page: made(page, tmp_path_factory.mktemp("page")) for page in LORAS}


def made(page, folder):
    text = (DOCS / page).read_text("utf-8")
    (folder / "loras").mkdir()
    for number, name in enumerate(sorted(set(re.findall(rf"\b{LORAS[page]}\b", text)))):
        workshop.write_lora_file(folder / "loras" / f"{name}.safetensors", workshop.FULL.blocks, seed=number)
    for name in MODELS[page]:
        (folder / "models").mkdir(exist_ok=True)
        workshop.write_model(folder / "models" / name, name.encode())
    (folder / "prompts.txt").write_text("a hat\na coat, red\n", "utf-8")
    for name in ("a.png", "b.png"):
        Image.new("RGB", (32, 32)).save(folder / name)
    book = re.search(r"^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    if book is not None:
        (folder / "presets.txt").write_text(book[1], "utf-8")
    return folder


@pytest.mark.parametrize(
    ("page", "command"),
    [(page, command) for page in LORAS for command in commands(page)] + [("plots.md", each) for each in examples()],
    ids=lambda text: text[-60:],
)
def test_a_command_of_the_pages_is_taken(blockweight, folders, monkeypatch, page, command):
    monkeypatch.chdir(folders[page])
    _, *arguments = shlex.split(command)
    shell = list(shlex.shlex(command, posix=True, punctuation_chars=True))
    assert not {"<", ">", "(", ")", ";", "&", "|"} & set(shell), "a shell would take it otherwise"
    ended = blockweight(*arguments, "--estimate")
    assert ended.code == 0, ended.err
    assert re.match(r"Plot: +(\d+ grids of )?\d+ columns × \d+ rows", ended.out)


def test_the_gallery_shows_every_kind_of_the_tutorial_with_one_command():
    text = (DOCS / "gallery.md").read_text("utf-8")
    assert tuple(re.findall(r"^## (\w+)$", text, re.MULTILINE)) == TUTORIAL
    assert [re.search(r"--title (\w+)", command)[1] for command in commands("gallery.md")] == list(TUTORIAL)
    pictures = re.findall(r"^!\[[^]]{20,}\]\((images/[^)]+)\)$", text, re.MULTILINE)
    assert pictures == [f"images/gallery-{name}.webp" for name in TUTORIAL]
    for picture in pictures:
        assert (DOCS / picture).stat().st_size < 300_000


def test_every_kind_of_axis_is_on_the_page():
    rows = re.findall(r"^\| (`[^|]*`) \|", (DOCS / "plots.md").read_text("utf-8"), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}
    assert {kind.name for kind in KINDS} | {"round"} <= named
