"""One way from a tag to a LoRA, for prompts and for infotexts."""

from __future__ import annotations

import pytest

import workshop
from blockweight.errors import BlockweightError
from blockweight.plan import read_infotext, scene_settings
from blockweight.workflow.named_loras import other_lora
from blockweight.workflow.prompt_loras import PromptLoras

VECTOR = ",".join(["1", "0.5", *["0"] * (len(workshop.FULL.blocks) - 2)])


def from_infotext(tag, path):
    said = scene_settings(read_infotext(f"1girl {tag}\nSteps: 20, Sampler: Euler a, Seed: 1"))
    assert said.loras.tuned is not None
    return other_lora(said.loras.tuned, path, [])


@pytest.mark.parametrize(
    "options", ["0.5", "0.5:0.7", f"1:lbw={VECTOR}", "1:lbw=MIDD:start=3:stop=9", f"1:1:2:lbw=X{VECTOR[1:]}"]
)
def test_a_tag_means_the_same_lora_in_a_prompt_and_in_an_infotext(locon, options):
    tag = f"<lora:{locon.stem}:{options}>"
    _, (typed,) = PromptLoras([locon.parent], fill=1.0).read(f"1girl {tag}")
    found = from_infotext(tag, locon)
    assert (typed.use, typed.weights.values) == (found.use, found.weights.values)


def test_steps_that_end_before_they_begin_are_refused_in_both(locon):
    tag = f"<lora:{locon.stem}:1:start=9:stop=3>"
    for read in (lambda: PromptLoras([locon.parent]).read(tag), lambda: from_infotext(tag, locon)):
        with pytest.raises(BlockweightError, match="comes first"):
            read()
