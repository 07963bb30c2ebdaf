"""IA3, OFT and BOFT under PEFT's own names."""

from __future__ import annotations

import numpy as np
import pytest
from lora_files import load, weights, write

from blockweight.errors import BlockweightError
from blockweight.lora import Basis, Recipe, bake, findings_of, inspect_lora, open_lora, unbake

TO_Q = "base_model.model.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"  # IN04
PROJ = "base_model.model.up_blocks.1.attentions.0.transformer_blocks.0.ff.net.0.proj"  # OUT03
IA3, IA3_IN = f"{TO_Q}.ia3_l", f"{PROJ}.ia3_l"

# Names and shapes as peft 0.21's get_peft_model_state_dict gives them; oft_r and oft_s as 0.12's.
ROTATIONS = {
    "oft": {"oft_R.weight": (2, 6)},
    "oft with the adapter's name": {"oft_R.default.weight": (2, 6)},
    "oft before 0.16": {"oft_r": (2, 4, 4), "oft_s": (8, 1)},
    "boft": {"boft_R": (1, 2, 4, 4), "boft_s": (8, 1)},
}


@pytest.fixture
def rng():
    return np.random.default_rng(31)


@pytest.fixture
def ia3(tmp_path, rng):
    """One factor for outputs and one, of a feed-forward layer, for inputs; both near 1."""
    vectors = {IA3: 1 + 0.2 * rng.standard_normal((8, 1)), IA3_IN: 1 + 0.2 * rng.standard_normal((1, 6))}
    return write(tmp_path / "ia3.safetensors", {name: vector.astype(np.float16) for name, vector in vectors.items()})


@pytest.fixture(params=ROTATIONS)
def rotation(request, tmp_path, rng):
    tensors = {f"{TO_Q}.{end}": rng.standard_normal(shape).astype(np.float16)
               for end, shape in ROTATIONS[request.param].items()}  # fmt: skip
    return write(tmp_path / "rotation.safetensors", tensors)


def test_inspect_knows_them_and_that_their_change_needs_the_model(ia3, rotation):
    for path, algorithm in ((ia3, "ia3"), (rotation, "oft")):
        for facts in inspect_lora(open_lora(path)).modules:
            assert (facts.algorithm, facts.strength.basis) == (algorithm, Basis.BASE_MODEL)


def test_that_loaders_do_not_know_these_names_is_a_finding_and_no_fault(ia3, rotation):
    for path in (ia3, rotation):
        (finding,) = findings_of(inspect_lora(open_lora(path)))
        assert (finding.code, finding.fault) == ("peft-kind", False)


@pytest.mark.parametrize("weight", [0.5, -0.7, 3.0])
def test_ia3s_distance_from_1_is_scaled_whatever_the_model(tmp_path, ia3, rng, weight):
    before = load(ia3)
    after = load(bake(ia3, weights(IN04=weight, OUT03=weight), tmp_path / "out.safetensors").out)
    for name, shape in ((IA3, (8, 5)), (IA3_IN, (4, 6))):
        model = rng.standard_normal(shape)
        change, wanted = (model * each.astype(float) - model for each in (after[name], before[name]))
        assert np.abs(change - weight * wanted).max() < 2e-3
        assert after[name].dtype == np.float16


def test_ia3_of_weight_0_is_dropped_or_kept_as_ones(tmp_path, ia3):
    dropped = bake(ia3, weights(IN04=0.0), tmp_path / "a.safetensors").out
    assert set(load(dropped)) == {IA3_IN}
    kept = bake(ia3, weights(IN04=0.0), tmp_path / "b.safetensors", Recipe(zeros="keep")).out
    assert (load(kept)[IA3] == 1).all()
    assert load(kept)[IA3_IN].tobytes() == load(ia3)[IA3_IN].tobytes()


def test_ia3_of_a_weight_that_its_format_cannot_tell_from_0_is_refused(tmp_path, ia3):
    with pytest.raises(BlockweightError, match=r"Block IN04 times 0\.0001 is too small for the numbers of this file"):
        bake(ia3, weights(IN04=0.0001), tmp_path / "out.safetensors")


def test_ia3_in_fp32_comes_back_bit_by_bit(tmp_path, ia3):
    baked = bake(ia3, weights(IN04=0.3), tmp_path / "baked.safetensors", Recipe(precision="fp32")).out
    back = unbake(baked, tmp_path / "back.safetensors").out
    assert load(back)[IA3].tobytes() == load(ia3)[IA3].tobytes()


def test_ia3_has_no_alpha_to_scale(tmp_path, ia3):
    with pytest.raises(BlockweightError, match="loaders ignore the alpha of its kind, 'ia3'"):
        bake(ia3, weights(IN04=0.5), tmp_path / "out.safetensors", Recipe(via="alpha"))


def test_rotations_take_1_and_0_alone(tmp_path, rotation):
    with pytest.raises(BlockweightError, match=r"kind 'oft', and it rotates the model's weights, .* 1 or 0"):
        bake(rotation, weights(IN04=0.5), tmp_path / "out.safetensors")
    copied = bake(rotation, weights(IN04=1.0), tmp_path / "out.safetensors").out
    assert {name: array.tobytes() for name, array in load(copied).items()} == {
        name: array.tobytes() for name, array in load(rotation).items()
    }


@pytest.mark.parametrize("end", ["boft_R", "boft_s", "oft_s"])
def test_half_a_rotation_is_incomplete(tmp_path, end):
    path = write(tmp_path / "a.safetensors", {f"{TO_Q}.{end}": np.ones((8, 1), np.float16)})
    (module,) = inspect_lora(open_lora(path)).modules
    assert module.algorithm == "incomplete"
