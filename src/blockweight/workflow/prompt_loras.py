"""The `<lora:…>` tags of a prompt: which LoRAs they mean, and how each is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora
from blockweight.plan import Infotext, OtherLora, Scene
from blockweight.weights import BlockWeights
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.identities import Identities
from blockweight.workflow.named_files import loras_called
from blockweight.workflow.settings import Settings, load_settings
from blockweight.workflow.tagged_loras import tagged_lora, tagged_weights

_UNCLOSED = re.compile(r"<(?:lora|lyco):[^<]*", re.IGNORECASE)
"""In a prompt without the tags that are closed."""


def prompt_tags(prompt: str) -> tuple[tuple[LoraTag, ...], str]:
    """The LoRAs' tags of a prompt in order, and the prompt without them. BlockweightError for a tag that cannot be
    read, one that is not closed, one of another word, and what pictures are not drawn with."""
    text = Infotext(prompt, "", {})
    for tag in text.tags:
        if tag.problem:
            raise BlockweightError(tag.problem)
        if tag.lora is None:
            raise BlockweightError(f"The prompt holds {quoted(tag.text)}, which is no LoRA's tag; leave it out.")
        if tag.lora.elemental:
            raise BlockweightError(
                f"The tag {quoted(tag.text)} has weights for elements (lbwe=), which pictures are not drawn with; bake "
                "them into a file of its own, or leave them out."
            )
    unclosed = _UNCLOSED.search(text.bare_prompt)
    if unclosed is not None:
        raise BlockweightError(
            f"The tag {quoted(unclosed[0])} is not closed, so it would count as words; end it with >, as in "
            "<lora:NAME:1>."
        )
    return tuple(tag.lora for tag in text.tags if tag.lora is not None), text.bare_prompt


def prompt_of(scene: Scene) -> str:
    """The scene's prompt as one would type it: with a tag for each of its LoRAs."""
    return " ".join((scene.prompt, *map(tag_text, scene.loras)))


def scene_label(bare: str, loras: Sequence[OtherLora]) -> str:
    """What a scene of this prompt and these LoRAs is called, without their numbers."""
    return " + ".join((bare, *(_name(lora) for lora in loras)))


def _name(lora: OtherLora) -> str:
    return Path(lora.use.path).name.removesuffix(".safetensors")


def tag_text(lora: OtherLora) -> str:
    """A LoRA's tag as LoRA Block Weight reads it, with its name, both strengths, steps and block weights."""
    use = lora.use
    tag = LoraTag(
        _name(lora),
        use.in_texts,
        use.strength,
        start=use.start if use.start > 1 else None,
        stop=use.stop,
    )
    return tag.text(lora.weights.vector())


class PromptLoras:
    """LoRAs by the names that tags give them: paths, unless `by_path` is false, or names of files in `folders` and in
    those of the settings. Every file is read once. `fill` and `book` are for block weights, as `read_weights_for` has
    them."""

    def __init__(
        self,
        folders: Sequence[Path] = (),
        settings: Settings | None = None,
        files: Identities | None = None,
        fill: float | None = None,
        book: Path | None = None,
        *,
        by_path: bool = True,
    ) -> None:
        self._given, self._settings, self._by_path = folders, settings, by_path
        self._files = Identities() if files is None else files
        self._fill, self._book = fill, book
        self._found: dict[str, Path] = {}

    def read(self, prompt: str) -> tuple[str, tuple[OtherLora, ...]]:
        """The prompt without its tags, and the LoRAs that they mean. BlockweightError for what cannot be found or
        read."""
        tags, bare = prompt_tags(prompt)
        return bare, tuple(self.other(tag) for tag in tags)

    def other(self, tag: LoraTag) -> OtherLora:
        """The LoRA of a tag with its block weights, all 1 where it names none."""
        return tagged_lora(self.find(tag.name), tag, fill=self._fill, book=self._book)

    def find(self, name: str) -> Lora:
        """The LoRA of this path or name. BlockweightError if there is none, or several."""
        if name not in self._found:
            self._found[name] = self._look(name)
        return self._files.lora(self._found[name])

    def weights(self, lora: Lora, text: str, base: float | None = None) -> BlockWeights:
        """Block weights for the LoRA in any notation, presets of one's own book by name; all 1 for an empty text.
        `base` is what X stands for. BlockweightError for what cannot be read, or does not fit the LoRA."""
        return tagged_weights(lora, text, base, fill=self._fill, book=self._book)

    def _look(self, name: str) -> Path:
        path = Path(name)
        try:
            if self._by_path and path.suffix.lower() == ".safetensors" and path.is_file():
                return path
        except (OSError, ValueError):
            pass
        places = load_settings() if self._settings is None else self._settings
        return one_called("LoRA", name, loras_called(name.removesuffix(".safetensors"), (*self._given, *places.loras)))


def refuse_twice(digest: str, scenes: Iterable[Scene]) -> None:
    """BlockweightError for a scene whose further LoRAs hold the one that is tuned, with this digest."""
    for scene in scenes:
        for each in scene.loras:
            if each.use.digest == digest:
                raise BlockweightError(
                    f"The prompt's tag of {quoted(_name(each))} names the LoRA that is tuned itself, which would count "
                    "twice; leave the tag out, its strength and weights are given by themselves."
                )


def one_called(what: str, name: str, found: Sequence[Path]) -> Path:
    """The file that was found. BlockweightError for none, and for several."""
    if not found:
        raise BlockweightError(
            f"The {what} {quoted(name)} is neither a file nor in the folders of the settings; give its path, or name "
            "its folder in the settings."
        )
    if len(found) > 1:
        raise BlockweightError(
            f"{len(found)} {what}s are called {quoted(name)}, such as '{found[0]}' and '{found[1]}'; give the path of "
            "the one that is meant."
        )
    return found[0]
