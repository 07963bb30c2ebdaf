"""The person's table of hints, and hints under one's weights."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import shipped_hints
from blockweight.workflow.hint_table import (
    change_hints,
    changed_hint,
    config_folder,
    export_hints,
    hint_facts,
    hint_of,
    hints_file,
    load_hints,
    own_weights,
    read_hints,
    reset_hints,
    shown_hints,
)
from workshop import WEIGHTS, tree

TWELVE = "A:" + ",".join("1" * 12)
FACE = shipped_hints().find("Face_c")


def table_lines(hints, under=None):
    return "\n".join(shown_hints(hints, under)).splitlines()


def test_without_a_file_the_shipped_table_is_there_and_none_is_written(config):
    assert load_hints() == shipped_hints()
    assert not config.exists()


def test_a_change_is_kept_in_the_config_folder(config):
    change_hints(lambda table: table.added(hint_of(TWELVE, "顔の\nための")))
    assert hints_file() == config / "hints.toml"
    assert load_hints().find("A").note == "顔の\nための"


def test_a_shipped_hint_that_was_removed_stays_removed_until_the_reset():
    change_hints(lambda table: table.removed("Face_c"))
    assert "Face_c" not in load_hints().names
    reset_hints()
    assert load_hints() == shipped_hints()


def test_a_table_written_by_hand_is_read_with_its_byte_order_mark(config):
    config.mkdir()
    (config / "hints.toml").write_bytes(b"\xef\xbb\xbf")
    assert load_hints().hints == ()


def test_a_table_that_is_broken_is_refused_with_its_path_and_stays(config):
    config.mkdir()
    (config / "hints.toml").write_text("[[hint")
    before = tree(config)
    with pytest.raises(BlockweightError, match=r"In '.*hints.toml': The hints are not TOML"):
        change_hints(lambda table: table)
    assert tree(config) == before


def test_a_config_folder_that_cannot_be_made_is_refused(config, monkeypatch):
    config.parent.joinpath("file").write_text("")
    monkeypatch.setenv("BLOCKWEIGHT_CONFIG", str(config.parent / "file" / "config"))
    with pytest.raises(BlockweightError, match="cannot be"):
        change_hints(lambda table: table)


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps settings")
def test_without_the_variable_the_systems_config_folder_is_taken(monkeypatch, tmp_path):
    monkeypatch.delenv("BLOCKWEIGHT_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_folder() == tmp_path / "blockweight"


def test_new_weights_keep_note_place_and_family():
    table = shipped_hints().added(hint_of(f"B:{WEIGHTS}", "mine", "sd2-26"), "Face_c")
    changed = changed_hint(table, f"B:{FACE.weights.vector()}", None, None)
    assert changed.names == table.names
    assert (changed.find("B").note, changed.find("B").weights.layout.name) == ("mine", "sd2-26")
    assert changed.find("B").weights.values == FACE.weights.values


@pytest.mark.parametrize("ending", ["toml", "csv", "tsv", "txt"])
def test_what_is_exported_is_imported(tmp_path, ending):
    path = tmp_path / f"hints.{ending}"
    assert export_hints(path, overwrite=False) == 10
    hints, left_out = read_hints(path)
    assert [hint.weights for hint in hints] == [hint.weights for hint in shipped_hints().hints]
    assert left_out == ()


def test_a_book_of_the_inspire_pack_may_have_other_lengths(tmp_path):
    (tmp_path / "book.txt").write_text("@X:5\nFULL:" + ",".join("1" * 27))
    hints, left_out = read_hints(tmp_path / "book.txt", reader="inspire")
    assert [hint.weights.layout.name for hint in hints] == ["sd1-inspire-27"]
    assert left_out == ("Line 1 gives no hint: it is for XY plots only.",)
    hints, _ = read_hints(tmp_path / "book.txt", "flux2-27", "inspire")
    assert [hint.weights.layout.name for hint in hints] == ["flux2-27"]


def test_a_file_without_hints_is_refused_with_the_reason(tmp_path):
    (tmp_path / "a.txt").write_text("foo")
    (tmp_path / "b.txt").write_text("")
    with pytest.raises(BlockweightError, match=r"no hint in '.*a.txt': Line 1 gives no hint: there is no"):
        read_hints(tmp_path / "a.txt")
    with pytest.raises(BlockweightError, match=r"no hint in '.*b.txt'; give TOML"):
        read_hints(tmp_path / "b.txt")


def test_the_facts_have_the_weights_by_block():
    facts = hint_facts(FACE)
    assert (facts["name"], facts["layout"], facts["text"]) == ("Face_c", "sd1-26", FACE.weights.text())
    assert facts["values"]["OUT11"] == 1


def test_hints_stand_under_ones_weights_aligned_by_block():
    lines = table_lines([FACE], own_weights(f"私の:{WEIGHTS}"))
    assert lines[0] == "sd1-26"
    assert lines[1].split()[:3] == ["BASE", "IN00*", "IN01"]
    assert lines[2].split() == ["私の", *WEIGHTS.split(",")[:13]]
    assert lines[3].split() == ["Face_c", *FACE.weights.vector().split(",")[:13]]
    assert lines[-1].startswith("Face_c: From LoRA Block Weight Plot Helper.")


def test_a_hint_of_a_longer_layout_says_which_blocks_it_also_has():
    lines = table_lines([FACE], own_weights("A:" + ",".join("1" * 17)))
    assert lines[3].split()[:4] == ["Face_c", "0", "1", "1"]  # BASE, IN01, IN02
    assert "Face_c: also has IN00, IN03, IN06, IN09, IN10, IN11, OUT00, OUT01, OUT02" in lines


def test_a_hint_of_a_shorter_layout_has_dashes():
    short = hint_of("B:" + ",".join("1" * 17))
    row = table_lines([short], own_weights(f"A:{WEIGHTS}"))[3]
    assert row.split()[:5] == ["B", "1", "-", "1", "1"]


def test_a_hint_of_another_family_says_so():
    assert any(
        line == "Face_c: made for sd1, whose blocks are other parts of the model"
        for line in table_lines([FACE], own_weights(TWELVE))
    )


def test_inspires_mids_take_the_middle_of_a_hint():
    lines = table_lines([FACE], own_weights("A:" + ",".join("1" * 27), "sd1-inspire-27"))
    middle = [line for line in lines if "MID" in line or line.startswith("Face_c")]
    assert "also has IN00" in middle[-1] or any("Face_c: also has IN00" in line for line in lines)
    assert middle[1].split()[0] == "Face_c"


def test_a_hint_without_a_common_block_is_refused():
    flux = own_weights("A:" + ",".join(["1"] * 61))
    with pytest.raises(BlockweightError, match="'Face_c' is of sd1-26, which has no block in common with flux1-61"):
        table_lines([FACE], flux)


def test_without_weights_each_layout_has_a_table_of_its_own():
    lines = table_lines([FACE, hint_of(TWELVE)])
    assert lines[0] == "sd1-26"
    assert "sdxl-12" in lines


def test_no_hints_are_no_lines():
    assert table_lines([]) == []


@given(st.text(), st.text() | st.none())
def test_any_text_is_a_hint_or_one_line_of_refusal(text, layout):
    try:
        hint_of(text, "", layout)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
        assert len(str(error)) < 400
