from __future__ import annotations

import json
import os

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from blockweight.lora import read_header
from workshop import WEIGHTS, tree, write_lora_file

M = ("lora", "metadata")


def test_the_metadata_of_the_tutorial_are_set_in_one_command_and_shown(blockweight, locon, tmp_path):
    texts = PngInfo()
    texts.add_text("parameters", "secret prompt")
    Image.new("RGB", (1024, 1536), "green").save(tmp_path / "絵.png", pnginfo=texts)
    ended = blockweight(
        *(*M, "set", locon, "--name", "ゴブ姫", "--author", "作者", "--keywords", "gobuhime, longhair"),
        *("--description", "ゴブ（リン）姫の顔LoRA", "--url", "https://example.org/", "--rating", "8"),
        *("--tags", "顔,姫", "--version", "1.1", "--cover", tmp_path / "絵.png"),
        *("--recommended", f"Gobuhime:{WEIGHTS}", "--in-description"),
    )
    assert (ended.code, ended.err) == (0, "")
    *difference, written = ended.out.splitlines()
    assert difference[:4] == [
        "+ ssmd_display_name: ゴブ姫",
        "+ ssmd_author: 作者",
        "+ ssmd_keywords: gobuhime, longhair",
        f"+ ssmd_description: ゴブ（リン）姫の顔LoRA⏎LoRA Block Weight: Gobuhime:{WEIGHTS[:48]}…",
    ]
    assert f"+ blockweight.recommended_weights: Gobuhime:{WEIGHTS} (sd1-26)" in difference
    assert written == f"written: {locon} (undo: princess.safetensors.undo.json)"
    assert b"secret" not in locon.read_bytes()
    shown = blockweight(*M, "show", locon).out
    for words in (
        "  Name         ゴブ姫\n",
        "  Version      1.1\n",
        "PNG, 512×768",
        f"Recommended  Gobuhime:{WEIGHTS}\n",
    ):
        assert words in shown


def test_a_dry_run_prints_the_difference_and_writes_nothing(blockweight, locon, tmp_path):
    before = tree(tmp_path)
    ended = blockweight(*M, "set", locon, "--author", "x", "--dry-run")
    assert ended.out.startswith("+ ssmd_author: x\n")
    assert "written" not in ended.out
    assert tree(tmp_path) == before


def test_json_says_what_changed(blockweight, locon):
    facts = json.loads(blockweight(*M, "set", locon, "--author", "作者", "--json").out)
    assert facts["changes"]["ssmd_author"] == {"before": None, "after": "作者"}
    assert (facts["written"], facts["undo_file"]) == (True, f"{locon}.undo.json")
    again = json.loads(blockweight(*M, "set", locon, "--author", "作者", "--json").out)
    assert (again["written"], again["changes"], again["undo_file"]) == (False, {}, None)


def test_the_same_again_says_that_there_is_nothing_to_change(blockweight, locon):
    blockweight(*M, "set", locon, "--author", "x")
    assert blockweight(*M, "set", locon, "--author", "x").out == "Nothing to change.\n"


def test_a_description_may_come_from_standard_input(blockweight, locon):
    blockweight(*M, "set", locon, "--description", "-", stdin="一行\n二行\n".encode())
    assert read_header(locon).metadata["ssmd_description"] == "一行\n二行"


def test_a_description_in_another_encoding_is_refused(blockweight, locon):
    before = locon.read_bytes()
    ended = blockweight(*M, "set", locon, "--description", "-", stdin="星の少女".encode("shift_jis"))
    assert ended.code == 2
    assert ended.err == "Error: What comes from standard input is not UTF-8 text; save it as UTF-8 first.\n"
    assert locon.read_bytes() == before


def test_block_weights_are_not_typed_in_a_form_that_nobody_can_read(blockweight, locon):
    before = locon.read_bytes()
    for role in ("applied", "recommended"):
        ended = blockweight(*M, "set", locon, "--key", f"blockweight.{role}_weights=1,0,0.5")
        assert (ended.code, f"The {role} block weights in the metadata cannot be read" in ended.err) == (2, True)
    assert locon.read_bytes() == before


def test_what_a_bake_noted_is_shown_as_json(blockweight, locon):
    blockweight(*M, "set", locon, "--name", "星")
    ones = f"W:2,{','.join(['1'] * 25)}"
    blockweight("lora", "bake", locon, "--weights", ones, "-o", locon.with_name("w.safetensors"))
    assert 'before: {"ssmd_display_name": "星"' in blockweight(*M, "show", locon.with_name("w.safetensors")).out


def test_an_edit_is_undone_by_one_command(blockweight, locon):
    before = locon.read_bytes()
    blockweight(*M, "set", locon, "--author", "x")
    dry = blockweight(*M, "undo", locon, "--dry-run").out
    assert "- ssmd_author: x" in dry
    assert locon.read_bytes() != before
    ended = blockweight(*M, "undo", locon)
    assert ended.out.splitlines()[-1] == f"written: {locon}"
    assert locon.read_bytes() == before


def test_the_six_hashes_as_json(blockweight, locon):
    facts = json.loads(blockweight(*M, "hash", locon, "--json").out)
    assert list(facts) == [
        "sshs_model_hash",
        "sshs_legacy_hash",
        "modelspec.hash_sha256",
        "sha256",
        "autov2",
        "autov3",
    ]
    assert facts["autov2"] == facts["sha256"][:10]
    assert blockweight(*M, "hash", locon).out.splitlines()[1] == "sshs_legacy_hash       e3b0c442"


def test_hashes_are_stamped_by_one_command(blockweight, locon):
    blockweight(*M, "hash", locon, "--write")
    facts = json.loads(blockweight(*M, "hash", locon, "--json").out)
    assert read_header(locon).metadata["modelspec.hash_sha256"] == facts["modelspec.hash_sha256"]


def test_verify_ends_with_0_where_all_is_well_and_with_1_where_not(blockweight, locon):
    assert blockweight(*M, "verify", locon).code == 0
    content = bytearray(locon.read_bytes())
    content[-1] ^= 1
    locon.write_bytes(content)
    ended = blockweight(*M, "verify", locon)
    assert (ended.code, ended.err) == (1, "")
    assert "the tensors or their order changed" in ended.out
    facts = json.loads(blockweight(*M, "verify", locon, "--json").out)
    assert (facts["ok"], facts["problems"][0]["key"]) == (False, "sshs_model_hash")
    assert blockweight(*M, "verify", locon, "--fix").code == 0
    assert blockweight(*M, "verify", locon).code == 0


def test_a_cover_goes_in_and_comes_out(blockweight, locon, tmp_path):
    Image.new("RGB", (20, 30), "red").save(tmp_path / "p.png")
    assert "1 picture: PNG, 20×30" in blockweight(*M, "cover", locon, tmp_path / "p.png").out
    assert blockweight(*M, "cover", locon).out.startswith("1 picture: PNG, 20×30")
    assert blockweight(*M, "cover", locon, "-o", tmp_path / "o.png").out.startswith("written: ")
    assert Image.open(tmp_path / "o.png").size == (20, 30)
    assert "+ ssmd_cover_images: none" in blockweight(*M, "cover", locon, "--remove").out
    assert json.loads(blockweight(*M, "cover", locon, "--json").out)["covers"] == []


def test_a_copy_says_of_every_file_what_became_of_it(blockweight, locon, tmp_path):
    other = write_lora_file(tmp_path / "other.safetensors", ["IN01"])
    blockweight(*M, "set", locon, "--author", "x")
    ended = blockweight(*M, "copy", locon, tmp_path)
    assert ended.out == f"{other}: left alone, the source does not say which training session it is from\n"
    ended = blockweight(*M, "copy", locon, tmp_path, "--any-session")
    assert ended.out == f"{other}: written\n  + ssmd_author: x\n  + sshs_legacy_hash: e3b0c442\n"
    facts = json.loads(blockweight(*M, "copy", locon, tmp_path, "--any-session", "--json").out)
    assert facts == [{"file": str(other), "written": False, "reason": "it has metadata of its own"}]
    assert blockweight(*M, "copy", locon, locon).out == "There is no other LoRA to copy to.\n"


def test_strip_removes_what_is_named_and_warns_of_the_undo_file(blockweight, locon):
    blockweight(*M, "set", locon, "--author", "x", "--key", "ss_tag_frequency={}", "--force")
    ended = blockweight(*M, "strip", locon, "--training")
    assert "- ss_tag_frequency: {}" in ended.out
    assert "delete it before you share the folder" in ended.err
    assert read_header(locon).metadata["ssmd_author"] == "x"


def test_a_sidecar_is_written_on_request(blockweight, locon):
    blockweight(*M, "set", locon, "--keywords", "gobuhime")
    assert not locon.with_suffix(".json").exists()
    assert blockweight(*M, "sidecar", locon, "--dry-run").out.endswith(f"would write: {locon.with_suffix('.json')}\n")
    assert not locon.with_suffix(".json").exists()
    assert "+ activation text: gobuhime" in blockweight(*M, "sidecar", locon).out
    assert json.loads(locon.with_suffix(".json").read_text("utf-8"))["activation text"] == "gobuhime"
    assert blockweight(*M, "sidecar", locon).out.startswith("Nothing to write")
    assert json.loads(blockweight(*M, "sidecar", locon, "--json").out) == {"written": False, "files": [], "changes": {}}


SET = ("set", "LORA")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (SET, "Nothing is to be set"),
        ((*SET, "--rating", "11"), "whole number from 0 to 10"),
        ((*SET, "--rating", "5.0"), "whole number from 0 to 10"),
        ((*SET, "--name", "a\nb"), "it must be one line"),
        ((*SET, "--author", os.fsdecode(b"\xff\xfe")), "bytes that are not UTF-8 text"),
        ((*SET, "--key", os.fsdecode(b"\xff=x")), "bytes that are not UTF-8 text"),
        ((*SET, "--key", "license"), "is not KEY=VALUE"),
        ((*SET, "--key", "=x"), "cannot be a metadata key"),
        ((*SET, "--key", "ss_v2=True"), "add --force"),
        ((*SET, "--key", "sshs_model_hash=1"), "is computed from the file"),
        ((*SET, "--key", "ssmd_cover_images=x"), "JSON list"),
        ((*SET, "--remove", "ss_v2"), "add --force"),
        ((*SET, "--cover", "none.png"), "The picture 'none.png' cannot be read (No such file or directory)"),
        ((*SET, "--cover", "n" * 300), "cannot be read"),
        ((*SET, "--cover", "LORA"), "it is no picture"),
        ((*SET, "--recommended", "1,2"), "A vector of length 2"),
        ((*SET, "--recommended", "NOPRESET"), "There is no preset 'NOPRESET'"),
        ((*SET, "--in-description"), "recommends no block weights yet"),
        ((*SET, "--description", "x" * (1 << 20)), "allow it by --large-header"),
        (("show", "none.safetensors"), "There is no file"),
        (("show", "text.safetensors"), "text.safetensors"),
        (("set", "folder.safetensors", "--name", "x"), "is a folder"),
        (("set", "n" * 300, "--name", "x"), "cannot be opened"),
        (("hash", "text.safetensors"), "text.safetensors"),
        (("verify", "none.safetensors"), "There is no file"),
        (("undo", "LORA"), "There is nothing to undo"),
        (("undo", "LORA", "--from", "text.safetensors"), "cannot be read as an undo file"),
        (("strip", "LORA"), "Nothing is to be stripped"),
        (("strip", "LORA", "--key", "x"), "There is no metadata 'x'"),
        (("cover", "LORA", "--out", "o.png"), "has no cover"),
        (("cover", "LORA", "LORA"), "it is no picture"),
        (("sidecar", "LORA", "--preview"), "has no cover to make a preview of"),
        (("copy", "LORA", "none.safetensors"), "has nothing to copy"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_wrong_input_is_one_sentence_and_leaves_everything_as_it_was(
    blockweight, locon, tmp_path, monkeypatch, command, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.safetensors").write_text("no lora")
    (tmp_path / "folder.safetensors").mkdir()
    before = tree(tmp_path)
    ended = blockweight(*M, *(str(locon) if word == "LORA" else word for word in command))
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert words in line
    assert len(line) < 420
    assert tree(tmp_path) == before


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_sentence(blockweight, locon):
    locon.parent.chmod(0o500)
    ended = blockweight(*M, "set", locon, "--author", "x")
    locon.parent.chmod(0o700)
    assert (ended.code, "may not be written" in ended.err) == (2, True)
