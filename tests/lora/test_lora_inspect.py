"""Facts about a file are sums over its modules, block by block in the layout's order."""

from __future__ import annotations

import random

import numpy as np
import pytest
from lora_files import (
    BLOCKS,
    CONV,
    MID,
    TEXT,
    TIME,
    Q,
    V,
    change,
    file_bytes,
    linear,
    locon,
    loha,
    raw,
    sample,
    write,
)

from blockweight.blocks import REST, module_of
from blockweight.errors import BlockweightError
from blockweight.lora import Basis, findings_of, inspect_lora, open_lora


@pytest.fixture
def rng():
    return np.random.default_rng(9)


def facts_of(path):
    return inspect_lora(open_lora(path))


def block(facts, name):
    (part,) = (part for part in facts.blocks if part.name == name)
    return part


def test_blocks_come_in_the_order_of_the_layout_absent_ones_too_and_rest_last(tmp_path):
    facts = facts_of(write(tmp_path / "a.safetensors", locon()))
    assert [part.name for part in facts.blocks] == [*facts.lora.family.layout.blocks, REST]
    assert {part.name for part in facts.blocks if part.modules} == set(BLOCKS.values())
    assert (block(facts, "IN00").norm, block(facts, "IN00").ranks, block(facts, "IN00").bytes) == (None, (), 0)
    without = facts_of(write(tmp_path / "b.safetensors", linear(Q, np.random.default_rng(1))))
    assert REST not in [part.name for part in without.blocks]


def test_every_modules_rank_alpha_numbers_and_bytes_are_those_of_its_tensors(tmp_path, rng):
    tensors = linear(Q, rng, out=6, inputs=5, rank=3, alpha=1.5) | linear(MID, rng, alpha=None, dtype=np.float32)
    facts = facts_of(write(tmp_path / "a.safetensors", tensors))
    first, second = facts.modules
    assert (first.module, first.block, first.algorithm) == (module_of(Q), "IN04", "lora")
    assert (first.rank, first.alpha, first.parameters, first.bytes, first.formats) == (3, 1.5, 33, 68, ("F16",))
    assert (second.alpha, second.formats) == (None, ("F32",))
    assert facts.whole.parameters == 66
    assert facts.whole.bytes == 68 + 132 == sum(facts.formats.values())
    assert facts.formats == {"F32": 132, "F16": 68}


def test_a_blocks_strength_is_that_of_its_modules_changes_side_by_side(tmp_path, rng):
    other = Q.replace("to_q", "to_k")
    tensors = linear(Q, rng, rank=3) | linear(other, rng, rank=2, alpha=4.0) | linear(V, rng)
    facts = facts_of(write(tmp_path / "a.safetensors", tensors))
    part = block(facts, "IN04")
    dense = [change(tensors, name) for name in (Q, other)]
    together = np.block([[dense[0], np.zeros_like(dense[0])], [np.zeros_like(dense[1]), dense[1]]])
    values = np.linalg.svd(together, compute_uv=False)
    assert part.norm == pytest.approx(np.linalg.norm(together), rel=1e-6)
    assert part.rms == pytest.approx(np.linalg.norm(together) / 60**0.5, rel=1e-6)
    assert part.singular_values == pytest.approx(values[:5], rel=1e-5)
    assert part.effective_rank == pytest.approx(sum(facts.modules[n].strength.effective_rank for n in (0, 1)) / 2)
    assert (part.ranks, part.alphas, part.algorithms) == ((2, 3), (1.5, 4.0), {"lora": 2})
    assert facts.whole.norm**2 == pytest.approx(sum(p.norm**2 for p in facts.blocks if p.modules))


def test_a_part_with_modules_of_unknown_strength_says_so_and_sums_the_others(tmp_path, rng):
    other, third = Q.replace("to_q", "to_k"), Q.replace("to_q", "to_v")
    glora = {f"{other}.{name}.weight": sample(rng, 2, 2) for name in ("a1", "a2", "b1", "b2")}
    tensors = linear(Q, rng) | glora | {f"{third}.lora_up.weight": sample(rng, 2, 2)}
    part = block(facts_of(write(tmp_path / "a.safetensors", tensors)), "IN04")
    assert part.bases == (Basis.EXACT, Basis.BASE_MODEL, Basis.BROKEN)
    assert part.norm == pytest.approx(np.linalg.norm(change(tensors, Q)), rel=1e-6)
    assert part.singular_values is None
    alone = block(facts_of(write(tmp_path / "b.safetensors", glora)), "IN04")
    assert (alone.norm, alone.rms, alone.effective_rank) == (None, None, None)


def test_components_are_the_denoiser_and_each_text_encoder(tmp_path, rng):
    second = "lora_te2_text_model_encoder_layers_0_mlp_fc1"
    sdxl = "lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q"
    facts = facts_of(write(tmp_path / "a.safetensors", linear(sdxl, rng) | linear(second, rng)))
    assert [(part.name, len(part.modules)) for part in facts.components] == [("unet", 1), ("text_encoder_2", 1)]
    assert facts.lora.family.name == "sdxl"


def test_dialects_are_counted_by_keys(tmp_path, rng):
    peft = "unet.mid_block.attentions.0.proj_in"
    tensors = linear(Q, rng) | {f"{peft}.lora_A.weight": sample(rng, 2, 5), f"{peft}.lora_B.weight": sample(rng, 6, 2)}
    facts = facts_of(write(tmp_path / "a.safetensors", tensors | {"note": sample(rng, 1)}))
    assert facts.dialects == {"kohya": 3, "diffusers": 2}


@pytest.mark.parametrize(
    ("key", "prefix"), [("sshs_model_hash", ""), ("modelspec.hash_sha256", "0x")], ids=["sshs", "modelspec"]
)
def test_a_stamp_that_is_not_the_hash_of_the_data_is_named(tmp_path, rng, key, prefix):
    tensors = linear(Q, rng)
    right = open_lora(write(tmp_path / "a.safetensors", tensors)).data_digest
    for text, wrong in ((prefix + right, ()), (prefix + right.upper(), ()), ("0" * 64, (key,)), (right[:12], (key,))):
        stamped = write(tmp_path / "b.safetensors", tensors, {key: text})
        assert facts_of(stamped).wrong_stamps == wrong


def test_a_legacy_stamp_is_checked_too(tmp_path, rng):
    # A file below 1 MiB has the hash of nothing.
    for text, wrong in (("e3b0c442", ()), ("00000000", ("sshs_legacy_hash",))):
        stamped = write(tmp_path / "a.safetensors", linear(Q, rng), {"sshs_legacy_hash": text})
        assert facts_of(stamped).wrong_stamps == wrong


def test_a_format_without_arithmetic_is_a_broken_module_not_an_error(tmp_path):
    content = file_bytes({f"{Q}.diff": np.zeros(8, np.uint8)}).replace(b'"U8"', b'"F4"').replace(b"[8]", b"[16]")
    path = tmp_path / "a.safetensors"
    header = content[8 : 8 + int.from_bytes(content[:8], "little") + 1]
    path.write_bytes(raw(header.strip(), content[-8:]))
    (module,) = facts_of(path).modules
    assert module.strength.basis is Basis.BROKEN
    assert "stored as F4" in module.strength.why
    assert [finding.code for finding in findings_of(facts_of(path))] == ["format"]


def test_a_file_that_vanishes_meanwhile_is_an_error(tmp_path, rng):
    lora = open_lora(write(tmp_path / "a.safetensors", linear(Q, rng)))
    lora.path.unlink()
    with pytest.raises(BlockweightError, match="can no longer be read"):
        inspect_lora(lora)


def test_a_file_with_any_spoiled_bytes_is_inspected_or_refused(tmp_path, rng):
    tensors = locon() | loha(Q.replace("to_q", "to_k"), rng) | {f"{TEXT}.dora_scale": sample(rng, 6, 1)}
    good = file_bytes(tensors, {"ss_network_args": '{"down_lr_weight": "0,1"}'})
    path, dice = tmp_path / "a.safetensors", random.Random(5)
    inspected = refused = 0
    for _ in range(400):
        content = bytearray(good)
        start = 8 if dice.random() < 0.5 else 8 + int.from_bytes(good[:8], "little")
        for _ in range(dice.randint(1, 6)):
            content[dice.randrange(start, len(content))] = dice.randrange(256)
        path.write_bytes(content)
        try:
            findings_of(facts_of(path))
            inspected += 1
        except BlockweightError:
            refused += 1
    assert inspected > 100
    assert refused > 100


def test_tensors_of_any_shape_in_any_combination_are_inspected(tmp_path, rng):
    names = [f"{name}.{role}" for name in (Q, CONV, TIME) for role in ("alpha", "lora_up.weight", "hada_w1_a")]
    names += [f"{V}.{role}" for role in ("lokr_w1", "lokr_w2_a", "lokr_w2_b", "lokr_t2", "lora_down.weight", "diff")]
    dice = random.Random(6)
    for number in range(300):
        tensors = linear(MID, rng)
        for name in dice.sample(names, dice.randint(1, len(names))):
            shape = [dice.randint(0, 3) for _ in range(dice.randint(0, 4))]
            tensors[name] = sample(rng, *shape) if shape else np.array(1.0, np.float16)
        facts = facts_of(write(tmp_path / f"{number}.safetensors", tensors))
        assert all(finding.names for finding in findings_of(facts))
