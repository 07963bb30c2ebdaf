"""A trainer's arguments from texts as they are typed, and back from files."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.blocks import FAMILIES
from blockweight.errors import BlockweightError
from blockweight.lora import write_lora
from blockweight.train import TRAINERS
from blockweight.workflow.train_arguments import read_arguments, train_arguments
from workshop import WEIGHTS, module_in

SEVENTEEN = ",".join(["1"] * 17)


def test_the_facts_hold_text_and_modules():
    facts = train_arguments(f"Gobuhime:{WEIGHTS}", "sd1", "sd-scripts").facts(names=True)
    assert sorted(facts) == ["family", "modules", "notes", "text", "trainer", "weights"]
    assert facts["weights"] == f"Gobuhime:{WEIGHTS}"
    assert facts["text"].startswith("--network_module networks.lora")
    modules = facts["modules"]
    assert (modules["trained"], modules["skipped"], modules["kept_at_zero"]) == (252, 12, 0)
    assert [block["block"] for block in modules["blocks"]][:2] == ["BASE", "IN00"]
    assert modules["blocks"][2]["names"][0] == "lora_unet_down_blocks_0_attentions_0_proj_in"
    json.dumps(facts)


def test_names_are_left_out_unless_asked_for():
    blocks = train_arguments(WEIGHTS, "sd1", "sd-scripts").facts()["modules"]["blocks"]
    assert all("names" not in block for block in blocks)


def test_a_transformers_modules_are_not_known():
    made = train_arguments(",".join(["1"] * 61), "flux1", "sd-scripts")
    assert made.dry_run(names=True)["trained"] is None
    assert "not known" in made.table()[-1]


def test_a_short_vector_is_complete_for_a_standard_lora():
    made = train_arguments(SEVENTEEN, "sd1", "sd-scripts")
    assert '"down_lr_weight=1,1,1,1,1,1,1,1,1,1,1,1"' in made.arguments.text
    assert made.notes == ()


@pytest.mark.parametrize(("trainer", "conv"), [("sd-scripts", 4), ("ai-toolkit", None)])
def test_a_short_vector_needs_a_fill_where_the_lora_has_more_modules(trainer, conv):
    with pytest.raises(BlockweightError, match=r"no value for IN00, IN03, .*; add --fill 1"):
        train_arguments(SEVENTEEN, "sd1", trainer, conv_dim=conv)
    made = train_arguments(SEVENTEEN, "sd1", trainer, conv_dim=conv, fill=0)
    assert made.notes[0].startswith("Filled: IN00, IN03")


def test_26_weights_lose_the_blocks_that_sdxl_lacks():
    made = train_arguments(WEIGHTS, "sdxl", "sd-scripts")
    assert made.dropped == ("IN09", "IN10", "IN11", "OUT09", "OUT10", "OUT11")
    assert made.notes[0] == "Dropped, for sdxl has no such blocks: IN09, IN10, IN11, OUT09, OUT10, OUT11."
    assert made.weights.layout.name == "sdxl-20"


def test_the_size_of_the_model_follows_the_length():
    assert train_arguments(",".join(["1"] * 32), "wan", "musubi").weights.layout.name == "wan-32"


@pytest.mark.parametrize(
    ("text", "family", "trainer", "words"),
    [
        (WEIGHTS, None, "sd-scripts", "add --family, for example --family sd1"),
        (WEIGHTS, "generic", "sd-scripts", "name the family that is trained"),
        (WEIGHTS, "sd9", "sd-scripts", "no family called 'sd9'"),
        (WEIGHTS, "sd1", "comfyui", "no trainer called 'comfyui'"),
        ("1,1", "sd1", "sd-scripts", "A vector of length 2 was given"),
        (f"R,{WEIGHTS[2:]}", "sd1", "sd-scripts", "'R' stands for a random weight"),
        (SEVENTEEN, "sdxl", "sd-scripts", "takes 20 or 12"),
        (WEIGHTS, "sd1", "musubi", "use --for sd-scripts or"),
        (",".join(["1"] * 38), "cosmos-predict2", "musubi", "no other trainer known here does"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_sentence(text, family, trainer, words):
    with pytest.raises(BlockweightError, match=words) as refused:
        train_arguments(text, family, trainer)
    assert len(str(refused.value).splitlines()) == 1


def lora_with(path, metadata, names=None):
    tensors = {}
    for name in names or [module_in("IN01"), module_in("OUT09")]:
        tensors[f"{name}.lora_down.weight"] = np.ones((2, 4), np.float16)
        tensors[f"{name}.lora_up.weight"] = np.ones((4, 2), np.float16)
    write_lora(path, tensors, metadata)
    return str(path)


def test_a_file_says_how_its_blocks_were_trained(tmp_path):
    arguments = {"down_lr_weight": "sine", "mid_lr_weight": "0.5"}
    path = lora_with(tmp_path / "a b.safetensors", {"ss_network_args": json.dumps(arguments), "ss_unet_lr": "0.0001"})
    found = read_arguments(f" {path}\n", None)
    assert (found.family, found.blocks["M00"], found.blocks["IN00"], found.unet_lr) == ("sd1", 0.5, 0, 1e-4)


def test_a_file_without_arguments_was_trained_alike(tmp_path):
    path = lora_with(tmp_path / "a.safetensors", {"ss_network_module": "networks.lora"})
    assert read_arguments(path, "sd1").effective is None


def test_a_file_that_tells_nothing_is_refused(tmp_path):
    with pytest.raises(BlockweightError, match="does not say how it was trained"):
        read_arguments(lora_with(tmp_path / "a.safetensors", {}), None)
    with pytest.raises(BlockweightError, match="There is no file"):
        read_arguments(str(tmp_path / "none.safetensors"), None)


@pytest.mark.parametrize("trainer", ["sd-scripts-toml", "kohya-gui"])
def test_a_trainers_own_file_is_read(tmp_path, trainer):
    path = tmp_path / ("a b.toml" if trainer == "sd-scripts-toml" else "a.json")
    path.write_text(train_arguments(WEIGHTS, "sd1", trainer).arguments.text, encoding="utf-8")
    assert list(read_arguments(str(path), "sd1").effective) == [float(weight) for weight in WEIGHTS.split(",")[1:]]


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BlockweightError, match="cannot be read as UTF-8 text"):
        read_arguments(str(tmp_path / "a.toml"), "sd1")
    for name in ("none.toml", "x\0.json", "n" * 300 + ".json"):
        with pytest.raises(BlockweightError, match=r"There is no file|cannot be read"):
            read_arguments(name, "sd1")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.toml")
    with pytest.raises(BlockweightError, match="There is no file"):
        read_arguments(str(tmp_path / "a.toml"), "sd1")


def test_a_lycoris_file_has_no_rates_per_block(tmp_path):
    metadata = {"ss_network_module": "lycoris.kohya", "ss_network_args": json.dumps({"algo": "loha"})}
    with pytest.raises(BlockweightError, match="LyCORIS, which has no learning rate per block"):
        read_arguments(lora_with(tmp_path / "a.safetensors", metadata), "sd1")


FAMILY = st.sampled_from([family.name for family in FAMILIES]) | st.text(max_size=8)
VECTOR = st.lists(st.sampled_from(["0", "1", "0.5", "-1", "1e400", "", "x"]), max_size=63).map(",".join)


@given(
    st.text() | VECTOR,
    FAMILY | st.none(),
    st.sampled_from([trainer.name for trainer in TRAINERS]) | st.text(max_size=8),
    st.none() | st.floats(),
    st.none() | st.integers(),
    st.none() | st.floats(),
)
def test_any_input_gives_arguments_or_one_sentence(text, family, trainer, rate, dim, fill):
    try:
        made = train_arguments(
            text, family, trainer, unet_lr=rate, text_encoder_lr=rate, conv_dim=dim, network_dim=dim, fill=fill
        )
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        json.dumps(made.facts(names=True))
        assert made.table()


FILES = st.tuples(st.text(), st.sampled_from([".toml", ".json", ".safetensors"])).map("".join)


@given(st.text() | FILES | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")), FAMILY | st.none())
def test_any_pasted_text_gives_rates_or_one_sentence(text, family):
    try:
        found = read_arguments(text, family)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        json.dumps(found.facts())
