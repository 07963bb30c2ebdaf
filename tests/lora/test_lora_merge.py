from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lora_files import (
    BLOCKS,
    CONV,
    MID,
    TEXT,
    TUCKER,
    Q,
    V,
    change,
    conv,
    leftovers,
    linear,
    load,
    locon,
    loha,
    metadata_of,
    relative,
    sample,
    tucker,
    weights,
    write,
)

from blockweight.errors import BlockweightError
from blockweight.lora import RankRule, Term, merge, open_alike

PEFT_Q = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
F32 = np.float32


@pytest.fixture
def rng():
    return np.random.default_rng(17)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


@pytest.fixture
def two(tmp_path):
    return [write(tmp_path / f"{name}.safetensors", locon(seed=seed)) for seed, name in enumerate("ab", 1)]


def added(paths, out, *, strengths=(1.0, 1.0), block_weights=(None, None), **options):
    terms = [Term(*each) for each in zip(open_alike(paths), strengths, block_weights, strict=False)]
    return merge(terms, out, **options)


def dense(tensors, name):
    """ΔW as a matrix, 0 where the file has no such module."""
    made = change(tensors, name)
    return 0.0 if made is None else made


@settings(max_examples=60)
@given(st.data())
def test_the_sum_is_that_of_the_weighted_changes_whatever_ranks_alphas_and_signs(data):
    """Against dense matrices: linear layers and convolutions with and without a core, with or without alpha."""
    number = st.floats(-2, 2, width=32).filter(lambda value: abs(value) > 0.01)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    with tempfile.TemporaryDirectory() as folder:
        paths, strengths, given_weights = [], [], []
        for index in range(data.draw(st.integers(1, 3))):
            tensors = {}
            for name, make in ((Q, linear), (CONV, conv), (TUCKER, tucker), (TEXT, linear)):
                if data.draw(st.booleans()) or name == Q:
                    rank = data.draw(st.integers(1, 4))
                    alpha = data.draw(st.one_of(number, st.just(0.0)))
                    tensors |= make(name, rng, rank=rank, alpha=alpha, dtype=F32)
                    if data.draw(st.booleans()):
                        del tensors[f"{name}.alpha"]
            paths.append(write(Path(folder) / f"{index}.safetensors", tensors))
            strengths.append(data.draw(number))
            given_weights.append(weights(**{block: data.draw(number) for block in ("IN04", "IN03", "OUT00", "BASE")}))
        out = Path(folder) / "out.safetensors"
        added(paths, out, strengths=strengths, block_weights=given_weights)
        merged, sources = load(out), [load(path) for path in paths]
        for name in (Q, CONV, TUCKER, TEXT):
            shares = [s * w.weight(BLOCKS[name]) for s, w in zip(strengths, given_weights, strict=True)]
            parts = [share * dense(source, name) for share, source in zip(shares, sources, strict=True)]
            size = sum(np.linalg.norm(part) for part in parts)
            assert np.linalg.norm(dense(merged, name) - sum(parts)) <= 1e-6 * size


def test_no_product_of_one_loras_factor_with_the_others_gets_in(two, out):
    """(up₁+up₂)(down₁+down₂), which mergers write that add factors, is far off."""
    added(two, out)
    a, b = map(load, two)
    wrong = sum(t[f"{Q}.lora_up.weight"].astype(float) for t in (a, b)) @ sum(
        t[f"{Q}.lora_down.weight"].astype(float) for t in (a, b)
    )
    right = change(a, Q) + change(b, Q)
    assert relative(wrong * 0.5, right) > 0.5
    assert relative(change(load(out), Q), right) < 1e-6


def test_factors_stand_side_by_side_with_one_alpha_in_all_modules(tmp_path, out, rng):
    a = write(tmp_path / "a.safetensors", linear(Q, rng, rank=2, alpha=1) | linear(MID, rng, rank=4, alpha=4))
    b = write(tmp_path / "b.safetensors", linear(Q, rng, rank=3, alpha=3))
    report = added([a, b], out)
    merged = load(out)
    assert merged[f"{Q}.lora_down.weight"].shape == (5, 5)
    assert merged[f"{Q}.alpha"] == merged[f"{MID}.alpha"] == 5
    assert report.ranks == (4, 5)
    assert metadata_of(out)["ss_network_dim"] == "Dynamic"


def test_a_small_alpha_beside_a_large_one_loses_no_digits_in_fp16(tmp_path, out, rng):
    """All in up, a scale of 1/256 would leave numbers of some 10⁻⁶, where fp16 has few digits left."""
    a = write(tmp_path / "a.safetensors", linear(Q, rng, rank=4, alpha=4, out=20))
    small = linear(Q, rng, rank=4, alpha=1 / 64, out=20)
    small[f"{Q}.lora_up.weight"] *= np.float16(1 / 64)
    b = write(tmp_path / "b.safetensors", small)
    added([a, b], out)
    assert relative(change(load(out), Q) - change(load(a), Q), change(small, Q)) < 1e-3


def test_the_same_alphas_and_ranks_leave_every_number_as_it_was(two, out):
    added(two, out)
    merged, a, b = load(out), *map(load, two)
    for role, axis in (("lora_up", 1), ("lora_down", 0)):
        parts = [tensors[f"{Q}.{role}.weight"] for tensors in (a, b)]
        found = merged[f"{Q}.{role}.weight"]
        scale = 1 if role == "lora_down" else float(found.flat[0] / parts[0].flat[0])
        assert np.array_equal(found, np.concatenate(parts, axis) * np.float16(scale))


def test_layers_of_one_lora_alone_are_taken_from_it_and_weight_0_takes_nothing(tmp_path, out, rng):
    a = write(tmp_path / "a.safetensors", linear(Q, rng) | linear(V, rng))
    b = write(tmp_path / "b.safetensors", linear(Q, rng) | linear(MID, rng))
    report = added([a, b], out, block_weights=(weights(OUT03=0), weights(IN04=0, M00=-0.5)))
    merged = load(out)
    assert change(merged, V) is None
    assert report.dropped == 1
    assert relative(change(merged, Q), change(load(a), Q)) < 1e-3
    assert relative(change(merged, MID), -0.5 * change(load(b), MID)) < 1e-3


def test_where_no_layer_has_two_parents_every_byte_is_a_copy(tmp_path, out, rng):
    first, second = linear(Q, rng, alpha=1) | loha(V, rng), conv(CONV, rng, alpha=7)
    report = added([write(tmp_path / "a.safetensors", first), write(tmp_path / "b.safetensors", second)], out)
    assert report.count("copied") == 3
    merged = load(out)
    assert {name: array.tobytes() for name, array in merged.items()} == {
        name: array.tobytes() for name, array in (first | second).items()
    }


def test_kohya_and_peft_names_of_one_layer_are_added(tmp_path, out, rng):
    a = write(tmp_path / "a.safetensors", linear(Q, rng, dtype=F32))
    up, down = sample(rng, 6, 2, dtype=F32), sample(rng, 2, 5, dtype=F32)
    b = write(tmp_path / "b.safetensors", {f"{PEFT_Q}.lora_A.weight": down, f"{PEFT_Q}.lora_B.weight": up})
    added([a, b], out)
    wanted = change(load(a), Q) + up.astype(float) @ down
    assert relative(change(load(out), Q), wanted) < 1e-6
    again = out.with_name("peft.safetensors")
    added([b, a], again)
    merged = load(again)
    assert set(merged) == {f"{PEFT_Q}.lora_A.weight", f"{PEFT_Q}.lora_B.weight"}
    product = merged[f"{PEFT_Q}.lora_B.weight"].astype(float) @ merged[f"{PEFT_Q}.lora_A.weight"]
    assert relative(product, wanted) < 1e-6


def test_sdxl_layers_are_one_under_their_original_and_their_diffusers_names(tmp_path, out, rng):
    original = "lora_unet_output_blocks_3_1_transformer_blocks_0_attn2_to_out_0"
    diffusers = "unet.up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_out.0"
    te = linear("lora_te2_text_model_encoder_layers_30_mlp_fc1", rng)
    a = write(tmp_path / "a.safetensors", linear(original, rng, dtype=F32) | te)
    up, down = sample(rng, 6, 2, dtype=F32), sample(rng, 2, 5, dtype=F32)
    b = write(tmp_path / "b.safetensors", {f"{diffusers}.lora_A.weight": down, f"{diffusers}.lora_B.weight": up})
    added([b, a], out, dialect="kohya")
    assert relative(change(load(out), original), change(load(a), original) + up.astype(float) @ down) < 1e-6


def test_alpha_from_diffusers_own_settings_counts(tmp_path, out, rng):
    up, down = sample(rng, 6, 2, dtype=F32), sample(rng, 2, 5, dtype=F32)
    settings_ = {"unet.r": 2, "unet.lora_alpha": 6, "unet.alpha_pattern": {}}
    tensors = {f"{PEFT_Q}.lora_A.weight": down, f"{PEFT_Q}.lora_B.weight": up}
    a = write(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": json.dumps(settings_)})
    added([a], out, strengths=(0.5,), dialect="kohya")
    assert relative(change(load(out), Q), 0.5 * 3 * up.astype(float) @ down) < 1e-6
    assert "lora_adapter_metadata" not in metadata_of(out)


def test_loha_is_added_exactly_as_the_product_of_higher_rank_that_it_is(tmp_path, out, rng):
    shapes = {"hada_w1_a": (30, 2), "hada_w1_b": (2, 20), "hada_w2_a": (30, 2), "hada_w2_b": (2, 20)}
    tensors = loha(Q, rng, dtype=F32, **shapes) | {f"{Q}.alpha": np.array(1, F32)}
    a = write(tmp_path / "a.safetensors", tensors)
    b = write(tmp_path / "b.safetensors", linear(Q, rng, out=30, inputs=20, dtype=F32))
    added([a, b], out, strengths=(-0.7, 1))
    w = {name.split(".")[1]: array.astype(float) for name, array in tensors.items()}
    hada = 0.5 * (w["hada_w1_a"] @ w["hada_w1_b"]) * (w["hada_w2_a"] @ w["hada_w2_b"])
    assert relative(change(load(out), Q), -0.7 * hada + change(load(b), Q)) < 1e-6
    assert load(out)[f"{Q}.lora_down.weight"].shape[0] == 4 + 3


@pytest.mark.parametrize("kernel", [(), (3, 3)])
@pytest.mark.parametrize("whole", [True, False])
def test_lokr_is_added_exactly_too(tmp_path, out, rng, whole, kernel):
    name = CONV if kernel else Q
    first = {"lokr_w1": (2, 3)} if whole else {"lokr_w1_a": (2, 1), "lokr_w1_b": (1, 3)}
    shapes = first | {"lokr_w2_a": (16, 2), "lokr_w2_b": (2, 12 * int(np.prod(kernel)))}
    tensors = {f"{name}.{role}": sample(rng, *shape, dtype=F32) for role, shape in shapes.items()}
    a = write(tmp_path / "a.safetensors", tensors | {f"{name}.alpha": np.array(3, F32)})
    added([a], out, strengths=(0.5,))
    w = {key.split(".")[1]: array.astype(float) for key, array in tensors.items()}
    small = w["lokr_w1"] if whole else w["lokr_w1_a"] @ w["lokr_w1_b"]
    second = (w["lokr_w2_a"] @ w["lokr_w2_b"]).reshape(16, 12, *kernel)
    wanted = 0.5 * 1.5 * np.kron(small.reshape(*small.shape, *[1] * len(kernel)), second)
    assert relative(change(load(out), name), wanted) < 1e-6


def test_whole_differences_and_norms_are_added_number_by_number(tmp_path, out, rng):
    roles = ("diff", "diff_b")
    files = [{f"{Q}.{role}": sample(rng, 4, 4, dtype=F32) for role in roles[: index + 1]} for index in range(2)]
    paths = [write(tmp_path / f"{index}.safetensors", tensors) for index, tensors in enumerate(files)]
    report = added(paths, out, strengths=(2, -0.5))
    merged = load(out)
    assert report.modules[0].action == "summed"
    assert np.allclose(merged[f"{Q}.diff"], 2 * files[0][f"{Q}.diff"] - 0.5 * files[1][f"{Q}.diff"], rtol=1e-6)
    assert np.allclose(merged[f"{Q}.diff_b"], -0.5 * files[1][f"{Q}.diff_b"], rtol=1e-6)


def test_a_lora_minus_itself_is_zero_and_still_verified(two, out):
    report = added([two[0], two[0]], out, strengths=(1, -1))
    assert report.max_error < 1e-3
    assert np.abs(change(load(out), Q)).max() == 0


@pytest.mark.parametrize(
    ("dtypes", "precision", "wanted"),
    [
        ((np.float16, np.float16), None, np.float16),
        ((np.float16, np.float32), None, np.float32),
        ((ml_dtypes.bfloat16, ml_dtypes.bfloat16), None, ml_dtypes.bfloat16),
        ((np.float16, ml_dtypes.bfloat16), None, np.float32),
        ((ml_dtypes.float8_e4m3fn, np.float16), None, np.float16),
        ((np.float32, np.float32), "F16", np.float16),
    ],
)
def test_numbers_are_in_the_parents_format_or_in_fp32_where_they_differ(tmp_path, out, dtypes, precision, wanted):
    paths = [write(tmp_path / f"{n}.safetensors", locon(dtype, seed=n)) for n, dtype in enumerate(dtypes)]
    report = added(paths, out, dtype=precision)
    assert load(out)[f"{Q}.lora_up.weight"].dtype == wanted
    assert report.max_error <= report.max_limit


# ---- ranks cut --------------------------------------------------------------------------------------------------


def test_a_cut_rank_is_the_best_approximation_that_there_is(tmp_path, out, rng):
    big = {"out": 40, "inputs": 30, "rank": 6, "dtype": F32}
    paths = [write(tmp_path / f"{n}.safetensors", linear(Q, rng, **big) | conv(CONV, rng, dtype=F32)) for n in "ab"]
    report = added(paths, out, rules=lambda block: RankRule(4) if block == "IN04" else None)
    total = sum(change(load(path), Q) for path in paths)
    values = np.linalg.svd(total, compute_uv=False)
    found = np.linalg.norm(change(load(out), Q) - total)
    assert found == pytest.approx(np.linalg.norm(values[4:]), rel=1e-5)
    check = next(module for module in report.modules if module.block == "IN04")
    assert (check.action, check.rank, check.full_rank) == ("shrunk", 4, 12)
    assert check.lost * check.size == pytest.approx(found, rel=1e-5)


def test_a_rank_at_least_as_large_as_the_sum_cuts_nothing(tmp_path, out, rng):
    paths = [write(tmp_path / f"{n}.safetensors", linear(Q, rng, out=40, inputs=30, rank=6)) for n in "ab"]
    report = added(paths, out, rules=lambda _: RankRule(12))
    assert report.count("joined") == 1


def test_ranks_that_the_layer_cannot_have_are_cut_without_loss(two, out):
    """Twice rank 3 in a layer of 6 × 5."""
    report = added(two, out, rules=lambda _: RankRule(64))
    check = next(module for module in report.modules if module.block == "IN04")
    assert (check.rank, check.full_rank) == (5, 6)
    assert check.lost < 1e-12


def test_energy_keeps_the_fewest_ranks_that_hold_the_share(tmp_path, out, rng):
    paths = [write(tmp_path / f"{n}.safetensors", linear(Q, rng, out=40, inputs=30, rank=8, dtype=F32)) for n in "ab"]
    total = sum(change(load(path), Q) for path in paths)
    share = np.cumsum(np.linalg.svd(total, compute_uv=False) ** 2) / np.linalg.norm(total) ** 2
    ranks = []
    for energy in (0.2, 0.5, 0.8, 0.99, 1.0):
        report = added(paths, out, rules=lambda _, e=energy: RankRule(energy=e), overwrite=True)
        ranks.append(report.modules[0].rank)
        if energy < 1:
            assert share[ranks[-1] - 1] >= energy > (share[ranks[-1] - 2] if ranks[-1] > 1 else 0)
    assert ranks == sorted(ranks)
    assert ranks[-1] == 16


def test_full_energy_finds_the_true_rank_of_a_lora_added_to_itself(two, out):
    report = added([two[0], two[0]], out, rules=lambda _: RankRule(energy=1.0))
    assert all(module.rank == module.full_rank // 2 for module in report.modules)


def test_a_change_that_is_zero_has_no_relative_error(tmp_path, out, rng):
    paths = [write(tmp_path / f"{n}.safetensors", linear(Q, rng) | linear(MID, rng, alpha=0.0)) for n in (1, 2)]
    report = added(paths, out)
    assert report.max_error <= report.max_limit < 1e-2


# ---- metadata ---------------------------------------------------------------------------------------------------


def test_metadata_keeps_what_parents_say_alike_and_names_the_parents(tmp_path, out):
    texts = [
        {
            "modelspec.title": title,
            "ss_base_model_version": "sd_v1",
            "ss_session_id": title,
            "ss_tag_frequency": json.dumps({"1_girl": {"1girl": 2, title: 1}}),
            "sshs_legacy_hash": "same",
            "modelspec.hash_sha256": "stale",
            "blockweight.weights": "stale",
        }
        for title in ("ゴブ姫", "B, second")
    ]
    paths = [write(tmp_path / f"{n}.safetensors", locon(seed=n), text) for n, text in enumerate(texts)]
    report = added(paths, out)
    found = metadata_of(out)
    assert found["ss_base_model_version"] == "sd_v1"
    assert json.loads(found["ss_tag_frequency"]) == {"1_girl": {"1girl": 4, "ゴブ姫": 1, "B, second": 1}}
    assert found["modelspec.merged_from"] == "ゴブ姫, B  second"
    assert found["modelspec.title"] == found["ss_output_name"] == "out"
    assert (found["modelspec.architecture"], found["modelspec.implementation"]) == (
        "stable-diffusion-v1/lora",
        "diffusers",
    )
    assert found["sshs_model_hash"] == report.digest
    assert found["modelspec.hash_sha256"] == f"0x{report.digest}"
    assert not {"ss_session_id", "sshs_legacy_hash", "blockweight.weights"} & found.keys()
    told = json.loads(found["blockweight.merged_from"])
    assert [(each["file"], each["digest"]) for each in told] == [
        (p.name, lora.data_digest) for p, lora in zip(paths, open_alike(paths), strict=True)
    ]


def test_a_parents_own_name_of_its_architecture_is_kept(tmp_path, out):
    own = {"modelspec.sai_model_spec": "1.0.0", "modelspec.architecture": "my-own/lora"}
    added([write(tmp_path / "a.safetensors", locon(), own)] * 2, out)
    assert own.items() <= metadata_of(out).items()


@pytest.mark.parametrize("tags", ["not json", "[1]", '{"a": 1}', '{"a": {"b": "many"}}'])
def test_tags_that_cannot_be_read_are_left_out_with_a_word(tmp_path, out, tags):
    paths = [write(tmp_path / f"{n}.safetensors", locon(seed=n), {"ss_tag_frequency": tags}) for n in range(2)]
    report = added(paths, out)
    assert "ss_tag_frequency is left out" in report.remarks[0]
    assert "ss_tag_frequency" not in metadata_of(out)


# ---- refusals ---------------------------------------------------------------------------------------------------


def odd_pair(tmp_path, rng, kind):
    a = linear(Q, rng, out=8, inputs=6)
    second = {
        "other size": linear(Q, rng, out=9, inputs=6),
        "dora": linear(Q, rng, out=8, inputs=6) | {f"{Q}.dora_scale": sample(rng, 8, 1)},
        "oft": {f"{Q}.oft_blocks": sample(rng, 2, 4, 4), f"{Q}.alpha": np.array(1, np.float16)},
        "full beside lora": {f"{Q}.diff": sample(rng, 8, 6)},
        "bias": linear(Q, rng, out=8, inputs=6) | {f"{Q}.diff_b": sample(rng, 8)},
        "large loha": loha(Q, rng, hada_w1_a=(8, 3), hada_w1_b=(3, 6), hada_w2_a=(8, 3), hada_w2_b=(3, 6)),
        "flux": linear("lora_unet_double_blocks_0_img_attn_proj", rng),
        "overflow": linear(Q, rng, out=8, inputs=6, spread=1e4, alpha=60000),
        "nan": linear(Q, rng, out=8, inputs=6, spread=np.nan),
    }[kind]
    return [write(tmp_path / f"{n}.safetensors", tensors) for n, tensors in enumerate((a, second))]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("other size", "8×6 in .* and 9×6 in .* made for different models"),
        ("dora", "kind 'dora', which cannot be added exactly to another"),
        ("oft", "kind 'oft', which cannot be added exactly to another"),
        ("full beside lora", "kind 'full', which cannot be added exactly to another"),
        ("bias", "changes more than a weight"),
        ("large loha", "has the rank 9, which would take more room than the whole matrix"),
        ("flux", "their layers have nothing in common .*; choose LoRAs of one family"),
        ("overflow", "beyond the largest number of F16"),
        ("nan", "not finite numbers"),
    ],
)
def test_what_cannot_be_added_is_refused_and_leaves_nothing(tmp_path, out, rng, kind, words):
    with pytest.raises(BlockweightError, match=words):
        added(odd_pair(tmp_path, rng, kind), out, strengths=(1, 30 if kind == "overflow" else 1))
    assert not out.exists()
    assert leftovers(tmp_path) == []


def test_a_kind_that_cannot_be_added_is_copied_where_it_is_alone_with_weight_1(tmp_path, out, rng):
    dora = linear(V, rng) | {f"{V}.dora_scale": sample(rng, 6, 1)}
    a = write(tmp_path / "a.safetensors", linear(Q, rng) | dora)
    b = write(tmp_path / "b.safetensors", linear(Q, rng))
    added([a, b], out)
    assert all(load(out)[name].tobytes() == array.tobytes() for name, array in dora.items())
    with pytest.raises(BlockweightError, match=r"takes only the weights 1 and 0 here, not 0\.5"):
        added([a, b], out, strengths=(0.5, 1), overwrite=True)


def test_a_parent_is_never_overwritten(two):
    before = two[1].read_bytes()
    with pytest.raises(BlockweightError, match="one of the sources"):
        added(two, two[1], overwrite=True)
    assert two[1].read_bytes() == before


def test_weights_that_leave_nothing_are_refused(two, out):
    with pytest.raises(BlockweightError, match="nothing would be left"):
        added(two, out, strengths=(0, 0))


@pytest.mark.parametrize("rule", [{"most": 0}, {"most": -3}, {"energy": 0}, {"energy": 1.5}])
def test_a_rank_rule_that_means_nothing_is_refused(rule):
    with pytest.raises(BlockweightError, match=r"rank|share"):
        RankRule(**rule)


def test_numbers_that_were_made_wrong_are_noticed_before_the_file_gets_its_name(two, out, monkeypatch):
    """The check multiplies the parents out by itself, so a fault in making factors cannot hide."""
    merging = sys.modules["blockweight.lora.merge"]
    honest = merging._rounded

    def off(info, values):
        return honest(info, values * (1.01 if info.name.startswith(Q) and "up" in info.name else 1))

    monkeypatch.setattr(merging, "_rounded", off)
    with pytest.raises(BlockweightError, match="is not the weighted sum"):
        added(two, out)
    assert not out.exists()
