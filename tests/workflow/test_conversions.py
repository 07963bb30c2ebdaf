"""Weights converted as they are typed."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blockweight.errors import BlockweightError
from blockweight.workflow.conversions import WRITERS, Source, convert_text, show_text
from workshop import WEIGHTS, write_lora_file

TWELVE = "1,1,1,0.5,1,1,1,1,1,1,1,1"


def ones(length):
    return ",".join(["1"] * length)


def test_the_facts_are_names_and_numbers_in_order():
    facts = convert_text(f"Goblin:{TWELVE}", "20", Source(fill=0)).facts()
    assert (facts["name"], facts["layout"], facts["dropped"]) == ("Goblin", "sdxl-20", [])
    assert list(facts["values"])[:2] == ["BASE", "IN00"]
    assert facts["values"]["IN07"] == 0.5
    assert facts["text"].startswith("Goblin:1,0,0,0,0,1,1,0,0.5,")
    assert facts["filled"] == ["IN00", "IN01", "IN02", "IN03", "IN06", "OUT06", "OUT07", "OUT08"]


@pytest.mark.parametrize(
    ("length", "layout"), [(12, "sdxl-12"), (17, "sd1-17"), (20, "sdxl-20"), (26, "sd1-26"), (61, "flux1-61")]
)
def test_the_length_tells_the_layout(length, layout):
    assert Source().read(ones(length)).weights.layout.name == layout


def test_a_family_or_a_name_chooses_among_layouts_of_one_length():
    assert Source(family="SD2").read(WEIGHTS).weights.layout.name == "sd2-26"
    assert Source(layout="flux2-58").read(ones(58)).weights.layout.name == "flux2-58"


def test_a_target_of_the_weights_own_family_is_preferred():
    converted = convert_text(ones(17), "26", Source(family="sd2", fill=0)).converted
    assert converted.weights.layout.name == "sd2-26"


def test_the_tag_is_what_the_webui_takes():
    assert convert_text(f"gobuhime:{WEIGHTS}", "tag").text == f"<lora:gobuhime:1:lbw={WEIGHTS}>"


def test_a_tag_keeps_its_strengths_and_steps():
    tag = f"<lora:girl:0.5:1:lbw={WEIGHTS}:start=3>"
    assert convert_text(f"1girl, {tag}", "tag").text == tag


def test_sd_scripts_takes_three_lists():
    assert convert_text(WEIGHTS, "sd-scripts").text == (
        '"down_lr_weight=0,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0" "mid_lr_weight=1" '
        '"up_lr_weight=0.5,0.5,1,1,1,1,0.5,0.5,0.5,0.5,0,0.5"'
    )


def test_a_recipe_is_toml():
    content = tomllib.loads(convert_text(f'Go "b" 姫:{WEIGHTS}', "toml").text)
    assert (content["name"], content["layout"], content["weights"]["IN01"]) == ('Go "b" 姫', "sd1-26", 0.5)


def test_diffusers_says_which_blocks_it_cannot():
    conversion = convert_text(f"a:{WEIGHTS}", "diffusers")
    scales = json.loads(conversion.text)
    assert scales["unet"]["down"] == {"block_0": [0.5, 1], "block_1": [0.5, 0.5], "block_2": [1, 1]}
    # IN03 is scaled with IN01 (0.5 both), IN06 with IN04; IN00, IN09 and OUT00 have no transformer and stay 1.
    assert conversion.converted.dropped == ("IN00", "IN06", "IN09", "IN10", "IN11", "OUT00", "OUT01")


def test_inspire_gets_the_entries_that_the_file_has(tmp_path):
    lora = write_lora_file(tmp_path / "a.safetensors", ["BASE", "IN04", "M00", "OUT03", "OUT11"])
    vector = ",".join(map(str, range(26)))
    conversion = convert_text(vector, "inspire", Source(lora=lora))
    assert conversion.text == "0,5,13,17,25,25,25,25,25,25,25,25"
    assert "no vector of less than 12" in conversion.hints[0]


def test_inspire_without_a_file_is_its_whole_layout():
    conversion = convert_text(f"a:{WEIGHTS}", "inspire")
    assert conversion.text == "1,0.5,1,0.5,0.5,0.5,0,1,1,0,0,0,1,1,1," + WEIGHTS.split(",", 14)[14]
    assert "--lora FILE" in conversion.hints[0]


@pytest.mark.parametrize("to", WRITERS)
@given(values=st.lists(st.floats(-4, 4).map(lambda value: round(value, 3)), min_size=17, max_size=17))
def test_what_is_written_in_any_notation_reads_back_the_same(to, values):
    text = "Girl:" + ",".join(map(str, values))
    written = convert_text(text, to).text
    if to == "sd-scripts":
        return  # it has no name and no BASE
    assert Source().read(written).weights.values == Source().read(text).weights.values


@pytest.mark.parametrize(
    ("text", "to", "options", "words"),
    [
        ("1,1", "26", {}, "No layout has 2 block weights; there are 12, 17, 20"),
        (WEIGHTS, "25", {}, "no layout of length 25"),
        (WEIGHTS, "9" * 5000, {}, "no layout of length 99999999999999999999;"),
        (WEIGHTS, "sd1-72", {}, "no layout called 'sd1-72'; did you mean"),
        (WEIGHTS, "26", {"family": "sdxl"}, "length 26 was given, but Stable Diffusion XL .sdxl. takes 20 or 12"),
        (WEIGHTS, "26", {"family": "sd9"}, "no family called 'sd9'"),
        (WEIGHTS, "26", {"layout": "sd1-17"}, "26 weights were given for the 17 of the layout sd1-17"),
        (WEIGHTS, "26", {"layout": "sd1-26", "family": "sdxl"}, "The layout sd1-26 is not of sdxl; it has 12, 20, 21"),
        (ones(61), "sd-scripts", {}, "no learning rate per block by these arguments for flux1"),
        (ones(61), "diffusers", {}, "for the UNets of sd1, sd2 and sdxl, not for flux1"),
        (ones(42), "inspire", {"family": "wan"}, "sorts no block of wan and would scale all by BASE"),
        (
            ones(58),
            "inspire",
            {"family": "flux2"},
            "the blocks that a LoRA of flux2 really has; add --lora FILE",
        ),
        ("", "26", {}, "holds no block weights"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_a_sentence(text, to, options, words):
    with pytest.raises(BlockweightError, match=words):
        convert_text(text, to, Source(**options))


def test_show_marks_what_a_standard_lora_lacks():
    lines = show_text(f"Gobuhime:{WEIGHTS}").lines
    assert lines[0] == "sd1-26, read as vector"
    assert lines[1].split()[:4] == ["BASE", "IN00*", "IN01", "IN02"]
    assert lines[2].split()[:5] == ["Gobuhime", "1", "0", "0.5", "1"]
    assert lines[-1].endswith("* a standard LoRA has nothing in this block")
    assert "*" not in "".join(show_text(ones(12)).lines)


def test_show_says_what_an_elemental_preset_does():
    shown = show_text("ATTNDEEPOFF:IN05-IN07:NOT attn:0")
    assert shown.lines[1] == "IN05-IN07: modules without attn weigh 0"
    assert shown.facts["directives"] == [
        {"blocks": ["IN05", "IN06", "IN07"], "elements": ["attn"], "inverted": True, "ratio": 0.0}
    ]


WORDS = """, : = | [ ] { } < > <lora:a:1:lbw= [weights] "IN01" IN01 BASE %default= in1-3= 0.5 1 -1 1e999 R X+0.1 NOT
down_lr_weight= "unet" attn 姫"""
PIECES = st.sampled_from([*WORDS.split(), "\t", "\n", " "])


@given(
    st.text() | st.lists(PIECES, max_size=40).map("".join) | st.lists(st.just("1"), max_size=70).map(",".join),
    st.text() | st.sampled_from(["26", "17", "sdxl-20", *WRITERS]),
    st.sampled_from([None, "sd1", "sdxl", "flux1"]),
)
def test_any_text_gives_weights_or_one_line(text, to, family):
    for attempt in (lambda source: convert_text(text, to, source), lambda source: show_text(text, source)):
        try:
            attempt(Source(family=family, fill=0.0, seed=1))
        except BlockweightError as error:
            assert str(error).splitlines() == [str(error)]
            assert len(str(error)) < 400


V17, V26 = ones(17), ones(26)
ZEROS = ",".join(["0"] * 17)
SHOWN = [
    f"Gobuhime:{WEIGHTS}",
    f"lbw={WEIGHTS}",
    f"<lora:foo:1:lbw={WEIGHTS}>",
    "<lora:foo:1:lbw=OUTD>",
    "<lora:foo:1:OUTD>",
    "<lora:foo:te=0:lbw=OUTD>",
    "OUTD",
    '{"unet": {"down": 0.5}}',
    "{'unet': {'mid': [0.4]}, 'text_encoder': 1}",
    "down_lr_weight=sine mid_lr_weight=1",
    "(" + WEIGHTS + ")",
    "\u22121," + ones(25),
    f"<lora:g:1:{ones(26)}>",
    "<lora:g:1:lbw=OUTD>, (sky:1.2), 8k",
    f"LBW={WEIGHTS}",
    "My girl\t" + WEIGHTS.replace(",", "\t"),
    "Girl " + WEIGHTS.replace(",", " "),
]


@pytest.mark.parametrize("text", SHOWN)
def test_show_reads_what_convert_reads(text):
    facts = show_text(text).facts
    assert facts["values"] == convert_text(text, "json").facts()["values"]


@pytest.mark.parametrize("word", ["r", "u", "A", "a", "B", "b"])
def test_a_word_of_the_inspire_packs_is_never_taken_for_a_name(word):
    text = f"{word},{ones(26)}"
    if word in "ru":
        assert show_text(text, Source(seed=1)).facts["layout"] == "sd1-inspire-27"
    else:
        with pytest.raises(BlockweightError, match="a field of the Inspire Pack's node"):
            show_text(text)
    with pytest.raises(BlockweightError, match=r"length 27 was given|is not a number|stands for"):
        Source(family="sd1", own_lengths=True).read(text)


@pytest.mark.parametrize("to", ["26", "17", "tag", "csv", "tsv", "markdown", "sd-scripts", "diffusers", "inspire"])
def test_a_rest_that_a_notation_cannot_hold_is_named(to):
    text = json.dumps(dict.fromkeys(["REST", *Source().read(V26).weights.layout.blocks], 0.5))
    assert "REST" in convert_text(text, to, Source(fill=0)).facts()["dropped"]
    assert "REST" not in convert_text(text, "toml").facts()["dropped"]


def test_what_is_filled_is_named_whatever_filled_it(tmp_path):
    assert convert_text('{"IN04": 0.5, "IN05": 1}', "sd1-26", Source(fill=0)).facts()["filled"][:2] == ["BASE", "IN00"]
    locon = write_lora_file(tmp_path / "a.safetensors", ["BASE", "IN00", "IN04"])
    assert "IN00" in convert_text(V17, "inspire", Source(lora=locon, fill=0)).facts()["filled"]


def test_a_base_that_learning_rates_cannot_hold_is_named():
    facts = convert_text("0," + ones(25), "sd-scripts").facts()
    assert facts["dropped"] == ["BASE"]
    assert "learning rate of its own" in facts["hints"][0]


def test_a_standard_lora_needs_no_fill_for_the_inspire_pack(tmp_path):
    standard = write_lora_file(tmp_path / "a.safetensors", Source().read(V17).weights.layout.blocks)
    assert convert_text(V17, "inspire", Source(lora=standard)).text == V17


def test_lengths_that_lora_block_weight_ignores_are_told():
    assert "ignores this one" in convert_text(ones(27), "tag").hints[-1]
    assert "may also be flux2-58" in convert_text(ones(58), "json").hints[0]


def test_a_tag_that_says_more_is_told_where_it_is_lost():
    conversion = convert_text(f"<lora:a:te=0.5:unet=1:lbw={V17}:stop=9>", "17")
    assert conversion.hints == ("The tag's te=0.5, stop=9 have no place here.",)


NAMES = [
    "Ⅱ",
    "①",
    "½",
    "ａ",
    "ｶﾞｰﾙ",
    "e\u0301",
    '"q"',
    "x*",
    "a|b",
    "50%=x",
    "[weights]",
    "down_lr_weight",
    "{x}",
    "|x|",
]


@pytest.mark.parametrize("to", ["26", "toml", "json", "markdown", "csv", "tsv"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_as_it_was(name, to):
    written = convert_text(f"{name}:{WEIGHTS}", to).text
    assert Source().read(written).weights.name == name


ROWS = {
    "the sheet's own row, with its WEIGHT": "NAME\t{heads}\tWEIGHT\nGirl\t{cells}\tGirl:1,0",
    "a head without NAME": "{heads}\nGirl\t{cells}",
    "quoted heads": '"NAME",{quoted}\nGirl,{commas}',
    "semicolons": "NAME;{semis}\nGirl;{semicells}",
    "ends of lines of Windows": "NAME\t{heads}\r\nGirl\t{cells}\r\n",
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_rows_of_spreadsheets_are_read(row):
    heads, cells = list(Source().read(V26).weights.layout.blocks), WEIGHTS.split(",")
    heads[13] = "MID"
    text = row.format(
        heads="\t".join(heads),
        cells="\t".join(cells),
        quoted=",".join(f'"{head}"' for head in heads),
        commas=WEIGHTS,
        semis=";".join(heads),
        semicells=";".join(cells),
    )
    assert Source().read(text).weights.text() == f"Girl:{WEIGHTS}"


def test_what_json_prints_is_read_back():
    made = convert_text(json.dumps({"REST": 0.5, "IN03": 0.25}), "json", Source(fill=1, layout="sd1-26"))
    again = Source().read(made.text).weights
    assert (again.rest, again.weight("IN03")) == (0.5, 0.25)
    facts = convert_text(V17, "26", Source(fill=0)).facts()
    assert Source().read(json.dumps(facts)).weights.weight("IN03") == 0


def test_middles_of_the_inspire_pack_that_differ_have_no_scale():
    middles = ",".join(["1"] * 12 + ["1", "0", "1"] + ["1"] * 12)
    with pytest.raises(BlockweightError, match="is one block"):
        convert_text(middles, "diffusers", Source(layout="sd1-inspire-27"))


def test_a_row_may_end_in_empty_cells():
    heads = "\t".join(["NAME", *Source().read(V26).weights.layout.blocks])
    row = "\t".join(["Girl", *WEIGHTS.split(",")])
    assert Source().read(f"{heads}\t\t\n{row}").weights.text() == f"Girl:{WEIGHTS}"
    assert Source().read(f"{heads}\n{row}\t\t\n").weights.text() == f"Girl:{WEIGHTS}"


SLIPS = ["–1", "—1", "x", "x+0.1", "Infinity", "∞", "~1", "$1", "#REF!", "TRUE", "None"]


@pytest.mark.parametrize("cell", SLIPS)
@pytest.mark.parametrize("sign", [",", "\t"])
def test_a_slip_of_the_hand_is_not_a_name(cell, sign):
    with pytest.raises(BlockweightError):
        Source().read(sign.join([cell, *WEIGHTS.split(",")]))


PROMPTS = [
    "(best quality), <lora:g:1:lbw=OUTD>, (1girl)",
    "(masterpiece, <lora:g:1:lbw=OUTD>:1.2)",
    "{red|blue} hair, <lora:g:1:lbw=OUTD>, {a|b}",
    "[<lora:g:1:lbw=OUTD>]",
    "<lora:g:1:lbw=OUTD>, (masterpiece:1.2), 1girl: 1,2,3",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompts_brackets_and_numbers_are_not_taken_for_weights(prompt):
    assert Source().read(prompt).notation == "tag"


def test_a_step_of_1_that_is_lost_is_told_too():
    assert "stop=1" in convert_text(f"<lora:a:1:lbw={V17}:stop=1>", "17").hints[0]


@pytest.mark.parametrize("sign", [",", "\t"])
def test_x_is_no_word_of_the_inspire_packs(sign):
    with pytest.raises(BlockweightError, match="word of LoRA Block Weight's"):
        Source().read(sign.join(["X", *["1"] * 20]))


def test_a_vector_taken_for_another_tools_is_told():
    assert "sd1-inspire-27" in Source().read(ones(27)).hints[0]
