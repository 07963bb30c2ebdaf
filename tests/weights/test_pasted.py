"""Reading what people paste."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.weights import parse_pasted

LISTS = {"down_lr_weight": "0.5,1", "mid_lr_weight": "1"}

FORMS = {
    "bare words": "down_lr_weight=0.5,1 mid_lr_weight=1",
    "bare lines": "down_lr_weight=0.5,1\n  mid_lr_weight=1\n",
    "quoted words": '"down_lr_weight=0.5,1" "mid_lr_weight=1"',
    "quoted values": 'down_lr_weight="0.5,1" mid_lr_weight="1"',
    "an option": '--network_args "down_lr_weight=0.5,1" "mid_lr_weight=1"',
    "a command": "accelerate launch train_network.py --unet_lr=1e-4 --network_args 'down_lr_weight=0.5,1' "
    "mid_lr_weight=1 --text_encoder_lr 5e-5 --network_train_unet_only",
    "bash lines": 'train.py --network_args \\\n  "down_lr_weight=0.5,1" \\\n  "mid_lr_weight=1" \\\n --seed 1',
    "cmd lines": 'train.py --network_args ^\r\n  "down_lr_weight=0.5,1" ^\r\n  "mid_lr_weight=1"',
    "PowerShell lines": 'train.py --network_args `\n  "down_lr_weight=0.5,1" `\n  "mid_lr_weight=1"',
    "word processor's quotes": "--network_args “down_lr_weight=0.5,1” “mid_lr_weight=1”",
    "TOML": 'unet_lr = 1e-4\nnetwork_args = ["down_lr_weight=0.5,1", "mid_lr_weight=1"]\n',
    "TOML in a section": '[network]\nnetwork_args = [\n  "down_lr_weight=0.5,1",\n  "mid_lr_weight=1",\n]\n',
    "ss_network_args": json.dumps(LISTS),
    "metadata": json.dumps({"ss_network_args": json.dumps(LISTS), "ss_unet_lr": "0.0001"}),
    "kohya_ss": json.dumps(
        {"LoRA_type": "Standard", **LISTS, "up_lr_weight": "", "train_blocks": "all", "unet_lr": 1e-4}
    ),
    "with a byte order mark": "\ufeffdown_lr_weight=0.5,1 mid_lr_weight=1",
}


@pytest.mark.parametrize("form", FORMS)
def test_one_pair_of_lists_in_every_form(form):
    assert parse_pasted(FORMS[form]).network_args == LISTS


@pytest.mark.parametrize("form", ["a command", "TOML", "metadata", "kohya_ss"])
def test_the_learning_rate_is_read_along(form):
    assert parse_pasted(FORMS[form]).unet_lr == 1e-4


def test_the_text_encoders_rates_are_read_along():
    assert parse_pasted(FORMS["a command"]).text_encoder_lr == (5e-5,)
    assert parse_pasted(
        json.dumps({"ss_network_args": "{}", "ss_text_encoder_lr": "[5e-05, 1e-5]"})
    ).text_encoder_lr == (
        5e-5,
        1e-5,
    )


def test_the_general_learning_rate_stands_in_for_a_missing_one():
    assert parse_pasted("--learning_rate 2e-4 --network_args a=1").unet_lr == 2e-4
    assert (
        parse_pasted(json.dumps({"ss_network_args": "{}", "ss_unet_lr": "None", "ss_learning_rate": "0.1"})).unet_lr
        == 0.1
    )


def test_values_of_bare_words_may_hold_blanks():
    assert parse_pasted("down_lr_weight=1, 0.5 mid_lr_weight=1").network_args["down_lr_weight"] == "1, 0.5"


def test_blanks_before_a_bare_value_are_kept_as_the_trainer_counts_them():
    assert parse_pasted("down_lr_weight= sine mid_lr_weight=1").network_args["down_lr_weight"] == " sine"


def test_a_list_of_patterns_keeps_its_quotes():
    text = "exclude_patterns=['blocks[.](0|1)[.].*', r'x']"
    assert parse_pasted(text).network_args == {"exclude_patterns": text.partition("=")[2]}
    assert parse_pasted(f"a=1 {text}").network_args == {"a": "1", "exclude_patterns": text.partition("=")[2]}


def test_a_second_network_args_replaces_the_first():
    pasted = parse_pasted("x.py --network_args a=1 --network_args b=2")
    assert pasted.network_args == {"b": "2"}
    assert "replaces the first" in pasted.notes[0]


def test_a_key_given_twice_is_said():
    pasted = parse_pasted("a=1 a=2")
    assert (pasted.network_args, pasted.notes) == ({"a": "2"}, ("'a' is given twice; the last counts.",))


def test_no_metadata_of_arguments_is_none():
    assert parse_pasted(json.dumps({"ss_network_module": "networks.lora"})).network_args == {}
    assert parse_pasted(json.dumps({"ss_network_args": "None"})).network_args == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Nothing was given"),
        ("  \n", "Nothing was given"),
        ("sdxl_train.py --block_lr 1e-5,1e-5", "a whole SDXL model's blocks"),
        ("hello", "'hello' holds no arguments to read"),
        ("sine mid_lr_weight=1", "holds no arguments to read"),
        ('--network_args "a=1', "never closed"),
        ('--network_args "down_lr_weight=1,1 up_lr_weight=1,1"', "two arguments in one pair of quotes"),
        ("--network_args down_lr_weight=1, 1", "'1' among the network arguments has no '='"),
        ('{"a": 1', "begins like JSON but is none"),
        ('{"a": [1]}', "'a' is neither text nor a number"),
        ('{"ss_network_args": 3}', "not an object of arguments"),
        ('{"a":' * 100_000, "begins like JSON but is none"),
        ("network_args = [1, 2]", "must be a list of texts"),
        ("network_args = [", "The pasted TOML cannot be read"),
        ("network_args = [" * 20_000, "The pasted TOML cannot be read"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text, words):
    with pytest.raises(BlockweightError, match=words) as refused:
        parse_pasted(text)
    assert len(str(refused.value).splitlines()) == 1


PIECES = st.sampled_from(
    [
        "--network_args",
        '"',
        "'",
        "=",
        "down_lr_weight=1,1",
        "{",
        "}",
        "[",
        "]",
        " ",
        "\n",
        "network_args = [",
        "\\",
        "--",
        ",",
    ]
)


@given(st.text() | st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_any_text_gives_arguments_or_one_sentence(text):
    try:
        pasted = parse_pasted(text)
    except BlockweightError as error:
        assert str(error).splitlines() == [str(error)]
    else:
        assert all(isinstance(value, str) for value in pasted.network_args.values())
