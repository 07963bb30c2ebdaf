"""What `blockweight lora inspect` says: aligned, complete, and plain about what cannot be known."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import write_lora
from blockweight.weights import display_width
from blockweight.workflow.inspection import inspect_file
from blockweight.workflow.inspection_text import inspection_lines, one_line
from workshop import FULL, SHORT, module_in, write_lora_file

MODULE = module_in("IN04")


def lines_of(path):
    return list(inspection_lines(inspect_file(path)))


def row_of(lines, block):
    (row,) = (line for line in lines if line.split()[:1] == [block])
    return row


def table_of(lines):
    start = next(number for number, line in enumerate(lines) if line.startswith("block "))
    return lines[start : lines.index("", start)]


def made(path, metadata=None, **tensors):
    arrays = {f"{MODULE}.{role.replace('__', '.')}": np.asarray(array, np.float32) for role, array in tensors.items()}
    write_lora(path, arrays, metadata or {})
    return path


def test_the_head_says_family_blocks_dialect_kinds_and_text_encoders(lora):
    lines = lines_of(lora)
    assert lines[0] == "standard.safetensors"
    head = dict(line.split(maxsplit=1) for line in lines[1 : lines.index("")])
    assert head["Family"] == "Stable Diffusion 1.x (sd1-26)"
    assert head["Blocks"] == "17 of 26, without IN00, IN03, IN06, IN09-IN11, OUT00-OUT02"
    assert head["Dialect"] == "kohya"
    assert head["Modules"] == "17: 17 lora"
    assert head["Model"] == "unet 16"
    assert head["Text"] == "text_encoder 1"
    assert " kB, 272 numbers in F16; header " in head["Size"]
    assert head["Strength"].endswith("over all blocks")


def test_the_table_has_every_block_of_the_layout_in_order_and_a_dash_for_absent_ones(lora):
    table = table_of(lines_of(lora))
    assert [line.split()[0] for line in table[1:]] == list(FULL.blocks)
    absent = [line.split()[0] for line in table[1:] if line.split()[1] == "–"]
    assert absent == [block for block in FULL.blocks if block not in SHORT.blocks]
    assert all(len(line.split()) == 2 for line in table if line.split()[0] in absent)


def test_the_columns_are_aligned_and_the_bars_begin_in_one_column(locon):
    table = table_of(lines_of(locon))
    places = {line.index(next(letter for letter in line if letter in "█▏▎▍▌▋▊▉")) for line in table[1:]}
    assert len(places) == 1
    ends = {len(line[: places.copy().pop()].rstrip()) for line in table}
    assert len(ends) == 1


def test_the_strongest_block_has_the_longest_bar(tmp_path):
    names = [module_in(block) for block in ("IN04", "IN05", "M00")]
    tensors = {}
    for strength, name in zip((1, 4, 2), names, strict=True):
        tensors[f"{name}.lora_up.weight"] = np.full((1, 1), strength, np.float32)
        tensors[f"{name}.lora_down.weight"] = np.ones((1, 1), np.float32)
    write_lora(tmp_path / "a.safetensors", tensors, {})
    lines = lines_of(tmp_path / "a.safetensors")
    assert [row_of(lines, block).count("█") for block in ("IN04", "IN05", "M00")] == [6, 24, 12]
    assert "4.000" in row_of(lines, "IN05")


def test_rest_is_a_row_and_its_modules_are_listed(tmp_path):
    path = write_lora_file(tmp_path / "a.safetensors", ["IN04"], ["lora_unet_time_embedding_linear_1"])
    lines = lines_of(path)
    assert table_of(lines)[-1].split()[:2] == ["REST", "1"]
    at = lines.index("REST: 1 module that no block claims")
    assert lines[at + 1] == "  unet.time_embedding_linear_1"


def test_what_a_strength_does_not_hold_is_marked_and_explained(tmp_path):
    up, down = np.ones((4, 2)), np.ones((2, 3))
    dora = made(tmp_path / "a.safetensors", lora_up__weight=up, lora_down__weight=down, dora_scale=np.ones((4, 1)))
    lines = lines_of(dora)
    assert "*" in row_of(lines, "IN04")
    assert any(line.startswith("* before DoRA's normalisation") for line in lines)
    lines = lines_of(made(tmp_path / "b.safetensors", oft_blocks=np.ones((2, 2, 2))))
    assert row_of(lines, "IN04").split()[-1] == "–+"
    assert any(line.startswith("+ without modules that multiply") for line in lines)
    assert any(line.split() == ["Strength", "–+", "over", "all", "blocks"] for line in lines)


def test_training_settings_and_block_learning_rates_are_printed_as_they_stand(tmp_path):
    rates = {"down_lr_weight": "0,0.5,1", "conv_dim": "4"}
    metadata = {"ss_network_dim": "2", "ss_network_args": json.dumps(rates), "ssmd_display_name": "ゴブ姫\nの服"}
    lines = lines_of(made(tmp_path / "a.safetensors", metadata, diff=np.ones((2, 2))))
    assert [line.split() for line in lines[lines.index("Training") + 1 :][:3]] == [
        ["network_dim", "2"],
        ["network_args", "conv_dim=4"],
        ["down_lr_weight", "0,0.5,1"],
    ]
    assert lines[lines.index("Description") + 1] == "  title  ゴブ姫 の服"


def test_a_warning_says_how_many_modules_what_follows_and_which_one_is_the_first(tmp_path):
    tensors = {f"{module_in(block)}.alpha": np.float32(1) for block in FULL.blocks[1:6]}
    write_lora(tmp_path / "a.safetensors", tensors | {f"{module_in('BASE')}.diff": np.ones((2, 2), np.float32)}, {})
    lines = lines_of(tmp_path / "a.safetensors")
    assert lines[lines.index("Warnings") + 1 :] == [
        "! An alpha without factors (5 modules)",
        "  diffusers refuses the whole file, the others leave the module out.",
        "  unet.conv_in and 4 more",
    ]


def test_many_absent_blocks_share_a_row(tmp_path):
    path = write_lora_file(tmp_path / "a.safetensors", ["IN01", "IN05", "OUT11"])
    rows = [line.split()[:2] for line in table_of(lines_of(path))[1:]]
    assert [row for row in rows if row[1] == "–"] == [
        ["BASE", "–"], ["IN00", "–"], ["IN02", "–"], ["IN03", "–"], ["IN04", "–"], ["IN06-OUT10", "–"],
    ]  # fmt: skip


def test_a_sound_file_has_no_warnings(lora):
    assert lines_of(lora)[-1] == "No warnings."


def test_json_has_every_block_module_and_warning(lora):
    facts = json.loads(json.dumps(inspect_file(lora).as_json(), allow_nan=False))
    assert (facts["family"]["name"], facts["family"]["layout"]) == ("sd1", "sd1-26")
    assert [part["block"] for part in facts["blocks"]] == list(FULL.blocks)
    assert len(facts["module_facts"]) == facts["modules"] == 17
    assert facts["absent"] == [block for block in FULL.blocks if block not in SHORT.blocks]
    total = sum(part["strength"] ** 2 for part in facts["blocks"] if part["modules"])
    assert facts["strength"] ** 2 == pytest.approx(total)
    assert facts["warnings"] == []
    assert facts["size"] == lora.stat().st_size


def test_json_of_a_broken_file_says_why_and_holds_no_nan(tmp_path):
    path = tmp_path / "a.safetensors"
    made(path, diff=np.ones((2, 2)), alpha=np.ones(()))
    content = path.read_bytes()
    path.write_bytes(content[:-4] + np.float32(np.nan).tobytes())
    facts = json.loads(json.dumps(inspect_file(path).as_json(), allow_nan=False))
    assert facts["strength"] is None
    assert facts["basis"] == ["broken"]
    assert "not finite" in facts["module_facts"][0]["why"]
    assert [warning["code"] for warning in facts["warnings"]] == ["not-finite", "stale-hash"]


@pytest.mark.parametrize(("alpha", "code"), [(np.nan, "not-finite"), (np.inf, "not-finite"), (1e300, "misfit")])
def test_json_of_an_alpha_beyond_all_measure_holds_no_nan(tmp_path, alpha, code):
    path = tmp_path / "a.safetensors"
    factors = {f"{MODULE}.lora_up.weight": np.ones((2, 1)), f"{MODULE}.lora_down.weight": np.ones((1, 2))}
    write_lora(path, factors | {f"{MODULE}.alpha": np.array(7.0)}, {})
    path.write_bytes(path.read_bytes().replace(np.float64(7).tobytes(), np.float64(alpha).tobytes()))
    facts = json.loads(json.dumps(inspect_file(path).as_json(), allow_nan=False))
    assert facts["strength"] is None
    assert facts["warnings"][0]["code"] == code


def test_whatever_the_bytes_are_lines_and_json_are_made_or_the_file_is_refused(tmp_path, locon):
    good, path, dice = locon.read_bytes(), tmp_path / "spoiled.safetensors", random.Random(8)
    data = 8 + int.from_bytes(good[:8], "little")
    shown = 0
    for _ in range(150):
        content = bytearray(good)
        for _ in range(dice.randint(1, 20)):
            content[dice.randrange(8 if dice.random() < 0.1 else data, len(content))] = dice.choice(
                (0, 0x7C, 0xFF, 0x80)
            )
        path.write_bytes(content)
        try:
            inspection = inspect_file(path)
        except BlockweightError:
            continue
        json.dumps(inspection.as_json(), allow_nan=False)
        assert all(line.isprintable() for line in inspection_lines(inspection))
        shown += 1
    assert shown > 30


def test_a_plot_is_written_whole_as_png(lora, tmp_path):
    plot = tmp_path / "図.png"
    assert inspect_file(lora, plot).as_json()["plot"] == str(plot)
    with Image.open(plot) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.jpg", "does not end in .png"),
        ("none/a.png", "There is no folder"),
        ("folder.png", "is a folder"),
        ("a\0.png", "cannot be written"),
        ("n" * 300 + ".png", "cannot be written"),
    ],
)
def test_a_plot_that_cannot_be_written_is_refused_before_the_file_is_read(tmp_path, lora, name, words):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(BlockweightError, match=words):
        inspect_file(lora, tmp_path / name)


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("short", 5, "short"),
        ("longer", 5, "long…"),
        ("ゴブ姫", 6, "ゴブ姫"),
        ("ゴブ姫の", 6, "ゴブ…"),
        ("a\tb\x1b[31m\n", 20, "a b [31m"),
        ("", 5, ""),
    ],
)
def test_text_is_shown_on_one_line_that_fits(text, most, shown):
    assert one_line(text, most) == shown
    assert display_width(shown) <= most
