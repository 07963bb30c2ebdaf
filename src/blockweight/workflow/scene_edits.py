"""A project's scenes one by one: added, removed, changed. Every function appends one event that undo takes back.

New scenes take the project's model. `event_id` is as in `tuning`. BlockweightError, with nothing appended, for what
cannot be read, and a scene that is not there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Scene
from blockweight.project import SCENES, TuningState, scenes_body
from blockweight.weights import format_weight
from blockweight.workflow.further_fields import (
    USUAL,
    changed_scene,
    further_errors,
    further_fields,
    further_text,
    merged,
)
from blockweight.workflow.places import place_of
from blockweight.workflow.prompt_loras import PromptLoras, prompt_of, refuse_twice, scene_label, tag_text
from blockweight.workflow.scenes import (
    found_prompts,
    parse_cfg,
    parse_negative,
    parse_prompts,
    parse_sampler,
    parse_seeds,
    parse_size,
    parse_steps,
    size_for,
    typed_errors,
)
from blockweight.workflow.tuning_project import TuningProject

_PARSERS: Mapping[str, Callable[[str], object]] = {
    "prompts": lambda text: found_prompts(text, PromptLoras(by_path=False)),
    "negative": parse_negative,
    "seeds": parse_seeds,
    "size": parse_size,
    "steps": parse_steps,
    "cfg": parse_cfg,
    "sampler": parse_sampler,
}

FIELDS = (*_PARSERS, *USUAL)
"""The names of a scene's form."""


def scene_key(scene: Scene) -> str:
    """A scene's name among a project's, 16 hex digits of a hash of all that it is."""
    text = json.dumps([scene.label, scene.facts()], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def scene_fields(scene: Scene) -> dict[str, str]:
    """A scene as its form shows it."""
    return {
        "prompts": prompt_of(scene),
        "negative": scene.negative_prompt,
        "seeds": str(scene.seed),
        "size": f"{scene.width}x{scene.height}",
        "steps": str(scene.steps),
        "cfg": format_weight(scene.cfg_scale),
        "sampler": scene.sampler_name,
        **further_fields(scene),
    }


def scene_errors(tuning: TuningProject, typed: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a scene's form for this project: a field's name → why, in one sentence."""
    model = tuning.state().scenes[-1].checkpoint.path
    errors = typed_errors(typed, {**_PARSERS, "size": lambda text: size_for(Path(model), text)})
    return errors | further_errors(typed)


def add_scenes(tuning: TuningProject, typed: Mapping[str, str], *, event_id: str = "") -> TuningState:
    """Add every prompt of a form with every seed, in the project's model. Fields that it lacks are the last scene's;
    scenes that are there already stay once."""

    def change(scenes: Sequence[Scene]) -> list[Scene]:
        made = _made(scenes[-1], merged(scene_fields(scenes[-1]), typed))
        known = {_what(scene) for scene in scenes}
        news = [scene for scene in made if _what(scene) not in known]
        if not news:
            raise BlockweightError("The project has these scenes already; change the prompt or the seed.")
        return [*scenes, *news]

    return _changed(tuning, change, event_id)


def change_scene(tuning: TuningProject, key: str, typed: Mapping[str, str], *, event_id: str = "") -> TuningState:
    """Put what a form says in the place of the scene with this key: more than one prompt or seed makes more scenes of
    it. Fields that the form lacks stay."""

    def change(scenes: Sequence[Scene]) -> list[Scene]:
        place = _place(scenes, key)
        others = {_what(scene) for scene in (*scenes[:place], *scenes[place + 1 :])}
        made = _made(scenes[place], merged(scene_fields(scenes[place]), typed))
        news = [scene for scene in made if _what(scene) not in others]
        if not news:
            raise BlockweightError("The project has this scene already; change the prompt or the seed.")
        return [*scenes[:place], *news, *scenes[place + 1 :]]

    return _changed(tuning, change, event_id)


def remove_scene(tuning: TuningProject, key: str, *, event_id: str = "") -> TuningState:
    """Take the scene with this key out; its pictures stay. BlockweightError for the last one."""

    def change(scenes: Sequence[Scene]) -> list[Scene]:
        place = _place(scenes, key)
        if len(scenes) == 1:
            raise BlockweightError("A project needs a scene, so the last one stays; add another one first.")
        return [*scenes[:place], *scenes[place + 1 :]]

    return _changed(tuning, change, event_id)


def numbered_scene(state: TuningState, number: int) -> str:
    """The key of the scene of this number, from 1 on."""
    if not 1 <= number <= len(state.scenes):
        raise BlockweightError(f"There is no scene {number}; the project has 1 to {len(state.scenes)}.")
    return scene_key(state.scenes[number - 1])


def scenes_facts(state: TuningState) -> list[dict[str, Any]]:
    """The scenes as plain values, in order."""
    return [
        {"number": number, "key": scene_key(scene), "label": scene.label, **scene.facts()}
        for number, scene in enumerate(state.scenes, 1)
    ]


def scenes_lines(state: TuningState) -> Iterator[str]:
    """The scenes for a person, a line each."""
    for number, scene in enumerate(state.scenes, 1):
        yield (
            f"{number:>3}  {quoted(scene.prompt, 300)} seed {scene.seed}, {scene.width}x{scene.height}, {scene.steps} "
            f"steps of {scene.sampler_name}, CFG {scene.cfg_scale:g}{further_text(scene)}"
        )
        for lora in scene.loras:
            yield f"     with {tag_text(lora)}"
        if scene.negative_prompt:
            yield f"     without {quoted(scene.negative_prompt, 300)}"


def _made(base: Scene, typed: Mapping[str, str]) -> list[Scene]:
    """Every prompt of the form with every seed. A prompt that stays keeps its label."""
    width, height = size_for(Path(base.checkpoint.path), typed["size"])
    changed = replace(
        base,
        negative_prompt=parse_negative(typed["negative"].strip()),
        steps=parse_steps(typed["steps"]),
        cfg_scale=parse_cfg(typed["cfg"]),
        width=width,
        height=height,
        **changed_scene(base, typed),
    )
    # A prompt of several lines, from another program, is one prompt as long as nobody touches it.
    if prompt_of(base) == typed["prompts"].replace("\r\n", "\n"):
        prompted = [changed]
    else:
        loras = PromptLoras(by_path=False)
        prompted = [
            replace(changed, label=scene_label(bare, others), prompt=bare, loras=others)
            for text in parse_prompts(typed["prompts"])
            for bare, others in [loras.read(text)]
        ]
        prompted = [replace(each, label=base.label) if each.prompt == base.prompt else each for each in prompted]
    return [replace(each, seed=seed) for each in prompted for seed in parse_seeds(typed["seeds"])]


def _what(scene: Scene) -> str:
    """All that decides its picture: equal ones would be one row twice."""
    return json.dumps(scene.facts(), sort_keys=True)


def _place(scenes: Sequence[Scene], key: str) -> int:
    found = next((place for place, scene in enumerate(scenes) if scene_key(scene) == key), None)
    if found is None:
        raise BlockweightError("The scene is not there any more; load the page anew.")
    return found


def _changed(tuning: TuningProject, change: Callable[[Sequence[Scene]], list[Scene]], event_id: str) -> TuningState:
    def body(state: TuningState) -> dict[str, object]:
        scenes = change(state.scenes)
        refuse_twice(state.subject.digest, scenes)
        loras = {each.use.digest: each.use.path for scene in scenes for each in scene.loras}
        places = {digest: place_of(Path(path)) for digest, path in loras.items() if digest not in state.places}
        return {**scenes_body(scenes), **({"places": places} if places else {})}

    return tuning.log.add(SCENES, body, event_id=event_id)
