"""When LoRA Block Weight may be trusted with a LoRA, and the literal vector that it gets."""

from __future__ import annotations

import numpy as np
import pytest

from blockweight.blocks import family_by_name
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora, write_lora
from blockweight.plan import LoraUse
from blockweight.render.webui.lora_tags import literal, plain_tag, why_not_live
from blockweight.weights import uniform
from workshop import FULL, SHORT, module_in, write_lora_file


def opened(path, names=(), extra=()):
    """A LoRA in BASE and M00, with further modules, and tensors beside M00's."""
    file = write_lora_file(path / "plain.safetensors", ("BASE",), (module_in("M00"), *names))
    if not extra:
        return open_lora(file)
    lora = open_lora(file)
    tensors = {info.name: lora.read(info) for info in lora.header.tensors}
    more = {f"{module_in('M00')}.{name}": np.ones((4, 1), np.float16) for name in extra}
    write_lora(path / "odd.safetensors", tensors | more, {})
    return open_lora(path / "odd.safetensors")


def test_a_short_layout_is_written_out_with_1_where_it_has_no_block():
    weights = uniform("x", SHORT, 0.5).with_weights({"BASE": 0.0, "OUT11": -1.0})
    values = literal(weights).split(",")
    assert len(values) == 26
    assert (values[0], values[25]) == ("0", "-1")
    by_block = dict(zip(FULL.blocks, values, strict=True))
    assert (by_block["IN00"], by_block["IN01"], by_block["OUT02"]) == ("1", "0.5", "1")


def test_flux_gets_61_values_and_sdxl_26():
    assert len(literal(uniform("x", family_by_name("flux1").layout, 0.5)).split(",")) == 61
    assert literal(uniform("x", family_by_name("sdxl").layout, 0.5)).split(",").count("1") == 6


@pytest.mark.parametrize(
    ("flavour", "made", "rest", "why"),
    [
        ("A1111", {}, 1.0, ""),
        ("A1111", {"extra": ["dora_scale"]}, 1.0, "modules of the kind 'dora'"),
        ("Forge", {"extra": ["dora_scale"]}, 1.0, ""),
        ("Forge", {"names": ["lora_unet_time_embedding_linear_1"]}, 1.0, ""),
        ("Forge", {"names": ["lora_unet_time_embedding_linear_1"]}, 0.5, "what no block claims (REST) at 1"),
    ],
)
def test_lora_block_weight_is_asked_only_for_what_it_can_do(tmp_path, flavour, made, rest, why):
    weights = uniform("x", FULL, 0.5).with_weights({"REST": rest})
    found = why_not_live([(opened(tmp_path, **made), weights)], flavour)
    assert why in found
    assert bool(why) == bool(found)


def test_both_strengths_are_written_out():
    use = LoraUse("a.safetensors", "0" * 64, 0.7, 0.0)
    assert plain_tag("a", use) == "<lora:a:te=0:unet=0.7>"
    with pytest.raises(BlockweightError, match="cannot hold the name 'a:b'"):
        plain_tag("a:b", use)
