from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from blockweight.errors import BlockweightError
from blockweight.lora import read_header, write_lora
from blockweight.lora.metadata import read_stamps, recommended
from blockweight.workflow.lora_metadata import (
    Saving,
    Wanted,
    plan_copy,
    plan_cover,
    plan_fix,
    plan_hashes,
    plan_set,
    plan_strip,
    values_of,
)
from blockweight.workflow.metadata_files import (
    describe_cover,
    extract_cover,
    hashes,
    plan_sidecars,
    plan_undo,
    verify,
)
from workshop import WEIGHTS, tree, write_lora_file

GIRL = f"ゴブ姫:{WEIGHTS}"
COVERS = "ssmd_cover_images"


def metadata(path):
    return dict(read_header(path).metadata)


def put(path, values, **wanted):
    return plan_set(path, Wanted(values, **wanted)).write()


@pytest.fixture
def picture(tmp_path):
    Image.new("RGB", (1024, 1536), "green").save(tmp_path / "cover.png")
    return tmp_path / "cover.png"


def test_what_is_set_is_in_the_file_with_the_hashes_of_its_data(locon):
    before = metadata(locon)
    assert put(locon, {"ssmd_display_name": "ゴブ姫", "ssmd_author": "作者"})
    after, found = metadata(locon), hashes(locon)
    assert after == {
        **before,
        "ssmd_display_name": "ゴブ姫",
        "ssmd_author": "作者",
        "sshs_legacy_hash": found["sshs_legacy_hash"],
    }
    assert after["sshs_model_hash"] == found["sshs_model_hash"]
    assert verify(locon).problems == ()


def test_planning_writes_nothing(locon, tmp_path):
    before = tree(tmp_path)
    planned = plan_set(locon, Wanted({"ssmd_author": "x"}))
    assert planned.lines() == ["+ ssmd_author: x", "+ sshs_legacy_hash: e3b0c442"]
    assert tree(tmp_path) == before


def test_the_same_values_again_write_nothing_at_all(locon):
    put(locon, {"ssmd_author": "x"})
    os.utime(locon, ns=(1, 1))
    planned = plan_set(locon, Wanted({"ssmd_author": "x"}))
    assert (planned.lines(), planned.write(), planned.undo_file) == ([], False, None)
    assert locon.stat().st_mtime_ns == 1


def test_hashes_are_left_alone_when_asked_for(locon):
    plan_set(locon, Wanted({"ssmd_author": "x", "sshs": "1"}), Saving(stamp=False)).write()
    assert "sshs_legacy_hash" not in metadata(locon)


def test_an_edit_that_asks_for_nothing_is_refused(locon):
    with pytest.raises(BlockweightError, match="Nothing is to be set"):
        plan_set(locon, Wanted())


def test_recommended_weights_are_read_back_as_they_were_typed(locon):
    put(locon, {}, recommended=GIRL)
    found = recommended(metadata(locon))
    assert (found.text(), found.layout.name) == (GIRL, "sd1-26")


def test_weights_of_17_for_a_lora_with_17_blocks_stay_17(lora):
    put(lora, {}, recommended=f"NIN:{','.join('1' * 17)}")
    assert recommended(metadata(lora)).layout.name == "sd1-17"


def test_recommended_weights_may_be_a_preset_of_a_book(locon, tmp_path):
    book = tmp_path / "lbwpresets.txt"
    book.write_text(f"姫:{WEIGHTS}\n", "utf-8")
    put(locon, {}, recommended="姫", book=book)
    assert recommended(metadata(locon)).text() == f"姫:{WEIGHTS}"


def test_blocks_that_recommended_weights_leave_out_need_a_fill(locon):
    short = f"NIN:{','.join('1' * 17)}"
    with pytest.raises(BlockweightError, match="name no value for IN00, IN03"):
        plan_set(locon, Wanted(recommended=short))
    put(locon, {}, recommended=short, fill=0.0)
    found = recommended(metadata(locon))
    assert (found.layout.name, found.weight("IN00")) == ("sd1-26", 0)


def test_the_description_shows_the_weights_and_follows_them(locon):
    put(locon, {"ssmd_description": "ゴブ（リン）姫"}, recommended=GIRL, in_description=True)
    assert metadata(locon)["ssmd_description"] == f"ゴブ（リン）姫\nLoRA Block Weight: {GIRL}"
    put(locon, {"ssmd_description": "新しい"}, in_description=True)
    assert metadata(locon)["ssmd_description"] == f"新しい\nLoRA Block Weight: {GIRL}"
    put(locon, {"ssmd_author": "x"}, recommended="")
    assert metadata(locon)["ssmd_description"] == "新しい"
    assert read_stamps(metadata(locon)) == ()


def test_removing_advice_that_is_not_there_touches_no_description(locon):
    planned = plan_set(locon, Wanted(recommended=""))
    assert planned.changes == ()


def test_a_line_for_weights_that_nobody_recommends_is_refused(locon):
    with pytest.raises(BlockweightError, match="recommends no block weights yet"):
        plan_set(locon, Wanted(in_description=True))


def test_modelspec_says_the_same_with_what_it_requires(locon):
    put(locon, {"ssmd_display_name": "ゴブ姫", "ssmd_keywords": "gobuhime"}, modelspec=True)
    after = {key: text for key, text in metadata(locon).items() if key.startswith("modelspec.")}
    assert after == {
        "modelspec.title": "ゴブ姫",
        "modelspec.trigger_phrase": "gobuhime",
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.hash_sha256": f"0x{metadata(locon)['sshs_model_hash']}",
    }
    assert verify(locon).problems == ()


def test_modelspec_of_a_model_with_no_certain_name_is_not_guessed(tmp_path):
    flux = write_lora_file(tmp_path / "f.safetensors", [], ["lora_unet_double_blocks_0_img_attn_proj"])
    with pytest.raises(BlockweightError, match=r"give it by --key modelspec\.architecture=…"):
        plan_set(flux, Wanted({"ssmd_author": "x"}, modelspec=True))
    named = {"modelspec.architecture": "flux-1-dev/lora", "modelspec.implementation": "x"}
    put(flux, named, modelspec=True)
    assert metadata(flux)["modelspec.architecture"] == "flux-1-dev/lora"


def test_pairs_and_removals_become_values(locon):
    values = values_of({"ssmd_author": "x", "ssmd_tags": None}, ["modelspec.license=a=b", " k =v"], ["z"])
    assert values == {"ssmd_author": "x", "modelspec.license": "a=b", "k": "v", "z": ""}
    with pytest.raises(BlockweightError, match="'license' is not KEY=VALUE"):
        values_of({}, ["license"], [])


def test_a_cover_is_set_described_taken_out_and_removed(locon, picture, tmp_path):
    plan_cover(locon, picture, keep_texts=False, saving=Saving()).write()
    assert describe_cover(locon)["text"].startswith("1 picture: PNG, 512×768")
    assert extract_cover(locon, tmp_path / "out.png", overwrite=False).startswith("PNG, 512×768")
    assert Image.open(tmp_path / "out.png").size == (512, 768)
    plan_cover(locon, None, keep_texts=False, saving=Saving()).write()
    assert metadata(locon)[COVERS] == "[]"
    with pytest.raises(BlockweightError, match="has no cover"):
        extract_cover(locon, tmp_path / "again.png", overwrite=False)


def test_a_cover_is_never_written_over_a_file_or_over_the_lora_itself(locon, picture):
    put(locon, {}, cover=picture)
    before = locon.read_bytes()
    with pytest.raises(BlockweightError, match="exists already"):
        extract_cover(locon, picture, overwrite=False)
    with pytest.raises(BlockweightError, match="is the LoRA itself"):
        extract_cover(locon, locon, overwrite=True)
    assert locon.read_bytes() == before


def test_with_a_cover_the_whole_header_stays_within_1_mib(locon, tmp_path):
    long = "あ" * 250_000  # 750 kB of the header
    noise = os.urandom(512 * 768 * 3)
    Image.frombytes("RGB", (512, 768), noise).save(tmp_path / "noise.png")
    put(locon, {"ssmd_description": long}, cover=tmp_path / "noise.png")
    assert 1_000_000 < read_header(locon).data_start - 8 <= 1 << 20
    assert verify(locon).problems == ()


def copies(source, *targets, same_session=True, only_empty=True, weights=False):
    return plan_copy(
        source, targets, same_session=same_session, only_empty=only_empty, weights=weights, saving=Saving()
    )


@pytest.fixture
def family(tmp_path):
    """A source with all there is, and five targets in a folder with it."""
    folder = tmp_path / "loras"
    folder.mkdir()
    picture = tmp_path / "p.png"
    Image.new("RGB", (8, 8), "red").save(picture)
    own = tmp_path / "own.png"
    Image.new("RGB", (8, 8), "blue").save(own)
    contents = {
        "source": {"ss_session_id": "1", "ssmd_display_name": "姫", "ssmd_author": "作者"},
        "same": {"ss_session_id": "1"},
        "other": {"ss_session_id": "2"},
        "none": {},
        "named": {"ss_session_id": "1", "ssmd_display_name": "own", "ssmd_tags": "own"},
    }
    for name, values in contents.items():
        path = write_lora_file(folder / f"{name}.safetensors", ["IN01", "M00"])
        if values:
            put(path, values, force=True, cover={"source": picture, "named": own}.get(name))
    (folder / "broken.safetensors").write_bytes(b"no lora")
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.mark.parametrize(
    ("same_session", "only_empty", "reached"),
    [
        (True, True, {"same"}),
        (False, True, {"same", "other", "none"}),
        (True, False, {"same", "named"}),
        (False, False, {"same", "other", "none", "named"}),
    ],
)
def test_metadata_are_copied_where_each_condition_allows_it(family, same_session, only_empty, reached):
    plans = copies(family / "source.safetensors", family, same_session=same_session, only_empty=only_empty)
    assert {each.path.stem for each in plans if each.edit} == reached
    assert {each.path.stem for each in plans} == {"same", "other", "none", "named", "broken"}
    assert all(each.reason for each in plans if not each.edit)


def test_a_copy_brings_the_cover_and_leaves_training_and_hashes_alone(family):
    source, target = family / "source.safetensors", family / "named.safetensors"
    before = metadata(target)
    (planned,) = copies(source, target, only_empty=False)
    planned.edit.write()
    after, theirs = metadata(target), metadata(source)
    assert after[COVERS] == theirs[COVERS] != before[COVERS]
    assert {key: after[key] for key in before if not key.startswith("ssmd_") or key == "ssmd_tags"} == {
        key: before[key] for key in before if not key.startswith("ssmd_") or key == "ssmd_tags"
    }
    assert after["ssmd_display_name"] == "姫"


def test_recommended_weights_are_copied_only_when_asked_for(family):
    source, target = family / "source.safetensors", family / "same.safetensors"
    put(source, {}, recommended=GIRL)
    (without,) = copies(source, target)
    assert recommended(without.edit.new) is None
    (within,) = copies(source, target, weights=True)
    assert recommended(within.edit.new).text() == GIRL


def test_a_named_target_that_cannot_be_read_stops_the_copy_before_it_begins(family):
    with pytest.raises(BlockweightError, match=r"broken\.safetensors"):
        copies(family / "source.safetensors", family / "same.safetensors", family / "broken.safetensors")


def test_a_source_with_nothing_to_copy_is_refused(family):
    with pytest.raises(BlockweightError, match="has nothing to copy"):
        copies(family / "same.safetensors", family)


def test_stripping_corrects_the_hashes_that_stay_and_adds_none(locon):
    put(locon, {"ss_tag_frequency": "{}", "ss_v2": "False"}, force=True)
    planned = plan_strip(locon, ["training"], [], Saving())
    planned.write()
    assert "ss_v2" in metadata(locon)
    assert "ss_tag_frequency" not in metadata(locon)
    assert verify(locon).problems == ()
    assert "keeps what is removed" in planned.hints[0]


def test_stripping_training_data_moves_the_legacy_hash_and_corrects_its_stamp(tmp_path):
    path = tmp_path / "large.safetensors"
    weight = np.random.default_rng(1).standard_normal((600_000,)).astype(np.float16)
    write_lora(path, {"x": weight}, {"ss_tag_frequency": "{}", "sshs_legacy_hash": "?"})
    before = metadata(path)["sshs_legacy_hash"]
    assert before != "e3b0c442"
    plan_strip(path, ["training"], [], Saving()).write()
    assert metadata(path)["sshs_legacy_hash"] not in (before, "e3b0c442")
    assert verify(path).problems == ()


def test_stripping_without_undo_leaves_no_copy_of_what_was_removed(locon):
    put(locon, {"ssmd_author": "secret"}, force=True)
    plan_undo(locon).write()
    plan_set(locon, Wanted({"ssmd_author": "secret"}), Saving(undo=False)).write()
    planned = plan_strip(locon, ["user"], [], Saving(undo=False))
    planned.write()
    assert planned.hints == ()
    assert b"secret" not in b"".join(content or b"" for content in tree(locon.parent).values())


def test_stripping_everything_leaves_a_file_without_metadata(locon):
    plan_strip(locon, ["all"], [], Saving()).write()
    assert metadata(locon) == {}


def test_all_hashes_are_stamped_when_asked_for(locon):
    plan_hashes(locon, Saving()).write()
    found = hashes(locon)
    for key in ("sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256"):
        assert metadata(locon)[key] == found[key]


def test_wrong_stamps_and_an_empty_cover_are_found_and_fixed(locon):
    from blockweight.lora.metadata import edit_to, new_head, rewrite  # noqa: PLC0415 - only here, to do damage

    header = read_header(locon)
    bad = {"sshs_model_hash": f"0x{'ab' * 32}", "sshs_legacy_hash": "12345678", COVERS: "", "a": "b"}
    head = new_head(locon, header, bad)
    digest = hashes(locon)["sshs_model_hash"]
    rewrite(locon, header, head, edit_to(locon, header, head, digest=digest, at="", what=""), undo=False)
    assert {each.key for each in verify(locon).problems} == {"sshs_model_hash", "sshs_legacy_hash", COVERS}
    plan_fix(locon, Saving()).write()
    assert verify(locon).problems == ()
    assert metadata(locon)["a"] == "b"
    assert list(metadata(locon)) == list(bad)


def test_undo_brings_back_the_file_with_all_its_hashes(locon):
    before = hashes(locon)
    put(locon, {"ssmd_author": "x"})
    assert hashes(locon)["autov2"] != before["autov2"]
    planned = plan_undo(locon)
    assert planned.lines() == ["- ssmd_author: x", "- sshs_legacy_hash: e3b0c442"]
    planned.write()
    assert hashes(locon) == before


def test_a_file_with_another_name_is_edited_with_a_hint(locon, tmp_path):
    try:
        os.link(locon, tmp_path / "other.safetensors")
    except OSError:
        pytest.skip("this file system has no hard links")
    planned = plan_set(locon, Wanted({"ssmd_author": "x"}))
    assert "hard links" in planned.hints[0]


def test_a_file_of_another_ending_is_not_edited(locon):
    odd = locon.rename(locon.with_suffix(".bin"))
    with pytest.raises(BlockweightError, match=r"does not end in \.safetensors"):
        plan_set(odd, Wanted({"ssmd_author": "x"}))
    capital = odd.rename(odd.with_suffix(".SAFETENSORS"))
    assert put(capital, {"ssmd_author": "x"})


def test_the_sidecar_gets_the_activation_text_and_keeps_what_is_not_ours(locon, picture):
    sidecar = locon.with_suffix(".json")
    own = {"notes": "私の", "preferred weight": 0.8, "activation text": "old", "x": [1]}
    sidecar.write_text(json.dumps(own), "utf-8-sig")
    put(locon, {"ssmd_keywords": "gobuhime, 姫"}, recommended=GIRL, cover=picture)
    planned = plan_sidecars(locon, preview=True, overwrite=False)
    assert planned.lines()[:2] == ["- activation text: old", "+ activation text: gobuhime, 姫"]
    planned.write()
    assert json.loads(sidecar.read_text("utf-8")) == {**own, "activation text": "gobuhime, 姫", "block weights": GIRL}
    assert "姫" in sidecar.read_text("utf-8")
    assert Image.open(locon.with_suffix(".preview.png")).size == (512, 768)
    assert plan_sidecars(locon, preview=False, overwrite=False).contents == {}


def test_a_preview_that_exists_is_kept_unless_overwritten(locon, picture):
    put(locon, {}, cover=picture)
    preview = locon.with_suffix(".preview.png")
    preview.write_bytes(b"mine")
    with pytest.raises(BlockweightError, match="exists already; replace it with --overwrite"):
        plan_sidecars(locon, preview=True, overwrite=False)
    assert preview.read_bytes() == b"mine"
    plan_sidecars(locon, preview=True, overwrite=True).write()
    assert preview.read_bytes().startswith(b"\x89PNG")


def test_removing_the_cover_deletes_no_sidecar(locon, picture):
    put(locon, {}, cover=picture)
    plan_sidecars(locon, preview=True, overwrite=False).write()
    plan_cover(locon, None, keep_texts=False, saving=Saving()).write()
    assert locon.with_suffix(".preview.png").exists()


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_sidecar_that_cannot_be_read_is_kept(locon, content):
    sidecar = locon.with_suffix(".json")
    sidecar.write_bytes(content)
    put(locon, {"ssmd_keywords": "x"})
    with pytest.raises(BlockweightError, match="mend it or move it away"):
        plan_sidecars(locon, preview=False, overwrite=True)
    assert sidecar.read_bytes() == content
