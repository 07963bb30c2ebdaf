"""What every command makes of a layer's change is what a dense array says, whatever form the file holds it in."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from dense_forms import CONV_IN, CONV_OUT, FORMS, IN, OUT
from lora_files import CONV, Q, conv, linear, load, relative, sample, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import (
    RankRule,
    Term,
    bake,
    conflicts,
    inspect_lora,
    merge,
    merge_into_checkpoint,
    open_alike,
    open_checkpoint,
    open_lora,
    resized,
    verify_baked,
)
from blockweight.lora.algebra import Change
from blockweight.lora.strength import Basis
from blockweight.lora.verify import _Measure

BLOCK = {Q: "IN04", CONV: "IN03"}
TENSOR = {
    Q: "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q",
    CONV: "model.diffusion_model.input_blocks.3.0.op",
}
F32 = np.float32

every_form = pytest.mark.parametrize("name", FORMS)


@pytest.fixture
def rng():
    return np.random.default_rng(23)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.safetensors"


def plain(layer, rng, dtype=F32):
    """A plain LoRA of the same layer, and its ΔW."""
    made = linear(layer, rng, out=OUT, inputs=IN, rank=2, alpha=1, dtype=dtype, spread=0.5)
    if layer == CONV:
        made = conv(layer, rng, out=CONV_OUT, inputs=CONV_IN, alpha=1, dtype=dtype)
    up, down = (made[f"{layer}.lora_{role}.weight"].astype(float) for role in ("up", "down"))
    return made, 0.5 * np.tensordot(up.reshape(len(up), 2), down, axes=(1, 0))


def factors(tensors, layer):
    """ΔW of a file that `merge` made."""
    up, down = (tensors[f"{layer}.lora_{role}.weight"].astype(float) for role in ("up", "down"))
    return float(tensors[f"{layer}.alpha"]) / len(down) * np.tensordot(up.reshape(len(up), -1), down, axes=(1, 0))


def matrix(dense):
    return dense.reshape(len(dense), -1)


@every_form
@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, F32])
def test_a_strength_is_that_of_the_dense_change(tmp_path, rng, name, dtype):
    form = FORMS[name]
    tensors = form.make(rng, dtype)
    dense = matrix(form.change(tensors))
    (facts,) = inspect_lora(open_lora(write(tmp_path / "a.safetensors", tensors))).modules
    values = np.linalg.svd(dense, compute_uv=False)
    shares = values[values > 1e-9 * values[0]] / values.sum()
    found = facts.strength
    assert (found.basis, found.elements) == (Basis.EXACT, dense.size)
    assert found.norm == pytest.approx(np.linalg.norm(dense), rel=1e-5)
    assert found.effective_rank == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-3)
    count = min(len(values), len(found.singular_values))
    assert np.allclose(found.singular_values[:count], values[:count], rtol=1e-4, atol=1e-5 * values[0])


@every_form
@pytest.mark.parametrize(("dtype", "near"), [(F32, 1e-6), (np.float16, 2e-3)])
@pytest.mark.parametrize("full_rank", [False, True], ids=["joined", "full rank"])
def test_a_merge_is_the_sum_of_the_dense_changes(tmp_path, out, rng, name, dtype, near, full_rank):
    form = FORMS[name]
    tensors = form.make(rng, dtype)
    other, its_change = plain(form.layer, rng, dtype)
    paths = [write(tmp_path / "a.safetensors", tensors), write(tmp_path / "b.safetensors", other)]
    one, two = open_alike(paths)
    terms = [Term(one, 0.5, weights(**{BLOCK[form.layer]: -1.5})), Term(two, 2.0)]
    if not form.joins and not full_rank:
        with pytest.raises(BlockweightError, match="would take more room than the whole matrix; give --rank"):
            merge(terms, out)
        return
    report = merge(terms, out, rules=lambda _: RankRule(len(matrix(its_change))) if full_rank else None)
    wanted = -0.75 * matrix(form.change(tensors)) + 2 * matrix(its_change)
    assert relative(matrix(factors(load(out), form.layer)), wanted) < near
    (module,) = report.modules
    assert module.size == pytest.approx(
        0.75 * np.linalg.norm(form.change(tensors)) + 2 * np.linalg.norm(its_change), rel=1e-5
    )
    assert module.error <= module.limit < 2 * near


@every_form
def test_a_lower_rank_is_the_best_approximation_of_the_dense_change(tmp_path, out, rng, name):
    form = FORMS[name]
    tensors = form.make(rng)
    lora = open_lora(write(tmp_path / "a.safetensors", tensors))
    report = merge([Term(lora)], out, rules=lambda _: RankRule(2), metadata=resized)
    u, values, vt = np.linalg.svd(matrix(form.change(tensors)), full_matrices=False)
    assert relative(matrix(factors(load(out), form.layer)), (u[:, :2] * values[:2]) @ vt[:2]) < 1e-5
    assert report.max_lost == pytest.approx(np.linalg.norm(values[2:]) / np.linalg.norm(values), rel=1e-5)


@every_form
def test_a_cosine_is_that_of_the_dense_changes(tmp_path, rng, name):
    form = FORMS[name]
    tensors = form.make(rng)
    other, second = plain(form.layer, rng)
    one, two = open_alike([write(tmp_path / "a.safetensors", tensors), write(tmp_path / "b.safetensors", other)])
    found = conflicts(Term(one, 0.5, weights(**{BLOCK[form.layer]: -1})), Term(two, 2.0))[0]
    first, second = -0.5 * matrix(form.change(tensors)), 2 * matrix(second)
    norms = np.linalg.norm(first), np.linalg.norm(second)
    assert found.norms == pytest.approx(norms, rel=1e-6)
    assert found.cosine == pytest.approx((first * second).sum() / norms[0] / norms[1], abs=1e-6)
    assert found.together == pytest.approx(np.linalg.norm(first + second), rel=1e-6)


def checkpoint(path, rng, dtype=F32):
    """The two layers of a checkpoint that a form may change, and one that none does."""
    tensors = {
        f"{TENSOR[Q]}.weight": sample(rng, OUT, IN, dtype=dtype, spread=1),
        f"{TENSOR[Q]}.bias": sample(rng, OUT, dtype=dtype, spread=1),
        f"{TENSOR[CONV]}.weight": sample(rng, CONV_OUT, CONV_IN, 3, 3, dtype=dtype, spread=1),
        "cond_stage_model.transformer.text_model.final_layer_norm.weight": sample(rng, 4, dtype=dtype, spread=1),
    }
    return write(path, tensors), tensors


@every_form
@pytest.mark.parametrize(("dtype", "near"), [(F32, 1e-6), (np.float16, 1e-3), (np.float64, 1e-12)])
def test_a_checkpoint_takes_the_dense_change(tmp_path, out, rng, name, dtype, near):
    form = FORMS[name]
    base, before = checkpoint(tmp_path / "base.safetensors", rng, dtype)
    tensors = form.make(rng)
    other, second = plain(form.layer, rng)
    paths = [write(tmp_path / "a.safetensors", tensors), write(tmp_path / "b.safetensors", other)]
    terms = [Term(lora, strength) for lora, strength in zip(open_alike(paths), (-0.5, 2), strict=True)]
    report = merge_into_checkpoint(open_checkpoint(base), terms, out)
    key, after = f"{TENSOR[form.layer]}.weight", load(out)
    old = before[key].astype(float)
    change = (-0.5 * matrix(form.change(tensors)) + 2 * matrix(second)).reshape(old.shape)
    assert np.allclose(after[key], old + change, rtol=near, atol=near)
    off = relative(after[key].astype(float) - old, change)
    assert [report.error, report.worst] == pytest.approx([off, off], rel=1e-6, abs=1e-12)
    assert report.error <= report.limit
    assert all(after[other].tobytes() == array.tobytes() for other, array in before.items() if other != key)


@every_form
@pytest.mark.parametrize("weight", [0.3, -1.7])
def test_a_baked_file_holds_the_weight_times_the_dense_change(tmp_path, out, rng, name, weight):
    form = FORMS[name]
    tensors = form.make(rng, np.float16)
    source = write(tmp_path / "a.safetensors", tensors)
    chosen = weights(**{BLOCK[form.layer]: weight})
    (check,) = bake(source, chosen, out).check.modules
    off = relative(form.change(load(out)), weight * form.change(tensors))
    assert check.error == pytest.approx(off, rel=1e-2, abs=1e-7)
    assert check.error <= check.limit < 0.01
    assert verify_baked(source, chosen, out).max_error == check.error


@every_form
@pytest.mark.parametrize("blind", [False, True], ids=["measured", "blind"])
def test_a_factor_off_by_some_percent_is_noticed_whatever_formulas_say(tmp_path, out, rng, monkeypatch, name, blind):
    """Each of a module's tensors in turn; also where every error of ΔW is taken for 0, numbers have to be right."""
    form = FORMS[name]
    source = write(tmp_path / "a.safetensors", form.make(rng, np.float16))
    chosen = weights(**{BLOCK[form.layer]: 0.5})
    bake(source, chosen, out)
    if blind:
        monkeypatch.setattr("blockweight.lora.verify._measure", lambda *_: _Measure(lambda _: 0.0, 1.0))
    baked = load(out)
    for key, array in baked.items():
        changed = write(tmp_path / "changed.safetensors", baked | {key: (array * np.float16(1.03)).astype(np.float16)})
        with pytest.raises(BlockweightError, match="is not the source with these weights"):
            verify_baked(source, chosen, changed)


SPOILT = {"columns": lambda left, right: (left[:, ::-1], right), "scale": lambda left, right: (1.01 * left, right)}


@pytest.mark.parametrize("spoilt", SPOILT)
@every_form
def test_a_wrong_product_does_not_confirm_itself(tmp_path, out, rng, monkeypatch, name, spoilt):
    """What is written comes from the identities in `Change.thin`, what it is compared with from the formulas."""
    form = FORMS[name]
    lora = open_lora(write(tmp_path / "a.safetensors", form.make(rng)))
    base, _ = checkpoint(tmp_path / "base.safetensors", rng)
    right = Change.thin
    monkeypatch.setattr(Change, "thin", lambda change: SPOILT[spoilt](*right(change)))
    with pytest.raises(BlockweightError, match="is not the weighted sum"):
        merge([Term(lora, 0.5)], out, rules=lambda _: RankRule(100))
    with pytest.raises(BlockweightError, match="is not the checkpoint's plus the LoRAs' change"):
        merge_into_checkpoint(open_checkpoint(base), [Term(lora)], out)
    assert not out.exists()
