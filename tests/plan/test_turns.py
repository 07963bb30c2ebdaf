"""Scenes of several prompts, of which only the first are taken."""

from dataclasses import replace

from blockweight.plan import taking_turns
from workshop import SCENE


def listed(*prompts):
    return [replace(SCENE, prompt=prompt, seed=seed) for seed, prompt in enumerate(prompts)]


def test_prompts_take_turns():
    assert taking_turns(listed("a", "a", "a", "b", "b", "c")) == (0, 3, 5, 1, 4, 2)


def test_scenes_of_one_prompt_or_of_turns_already_stay_in_order():
    assert taking_turns(listed("a", "a", "a")) == (0, 1, 2)
    assert taking_turns(listed("a", "b", "a", "b")) == (0, 1, 2, 3)
    assert taking_turns([]) == ()
