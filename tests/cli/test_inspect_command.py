"""`blockweight lora inspect` on the terminal."""

from __future__ import annotations

import json

from blockweight.demo import embedded


def test_the_shipped_lora_is_shown_block_by_block(blockweight):
    ended = blockweight("lora", "inspect", embedded.lora_file("gobuhime"))
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "gobuhime.safetensors"
    assert sum(line.startswith(("IN", "OUT", "BASE", "M00")) for line in lines) == 26
    assert "network_dim" in ended.out


def test_json_is_one_object_on_one_line(blockweight):
    ended = blockweight("lora", "inspect", embedded.lora_file("gobuhime-locon"), "--json")
    (line,) = ended.out.splitlines()
    assert set(json.loads(line)["algorithms"]) == {"lora", "locon"}


def test_a_plot_is_announced_and_a_japanese_file_name_shown(blockweight, tmp_path):
    path = tmp_path / "ゴブ姫.safetensors"
    path.write_bytes(embedded.lora_file("gobuhime").read_bytes())
    ended = blockweight("lora", "inspect", path, "--plot", tmp_path / "図.png")
    assert ended.out.splitlines()[0] == "ゴブ姫.safetensors"
    assert ended.out.splitlines()[-1] == f"written: {tmp_path / '図.png'}"
    assert (tmp_path / "図.png").read_bytes().startswith(b"\x89PNG")


def test_a_file_that_is_no_lora_is_refused_in_one_sentence(blockweight, tmp_path):
    for name, content, words in (
        ("a.pt", b"\x80\x02}q\x00.", "is a pickle"),
        ("b.ckpt", b"PK\x03\x04" + bytes(60), "is a pickle"),
        ("c.bin", b"\x80\x04\x95" + bytes(60), "is a pickle"),
        ("d.safetensors", b"", "it is empty"),
    ):
        (tmp_path / name).write_bytes(content)
        ended = blockweight("lora", "inspect", tmp_path / name)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
        assert len(ended.err.splitlines()) == 1
