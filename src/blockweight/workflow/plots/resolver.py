"""From a picture as it is typed to a job: tags are read, files found and looked at, block weights put together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import Lora
from blockweight.plan import Job, LoraUse, OtherLora, Scene, Variant
from blockweight.render.scales import check_scales
from blockweight.weights import BlockWeights, combined, complement, parse_blocks
from blockweight.weights.notations.tag import LoraTag
from blockweight.workflow.identities import Identities
from blockweight.workflow.named_files import models_called, parts_called
from blockweight.workflow.plots.project_shots import shot_of
from blockweight.workflow.plots.shots import LoraEdit, Shot
from blockweight.workflow.prompt_loras import PromptLoras, one_called, prompt_tags, refuse_twice
from blockweight.workflow.scenes import scenes_of
from blockweight.workflow.settings import Settings, load_settings
from blockweight.workflow.tagged_loras import OPPOSITE, PLOTTED, use_of

_SAMPLED = (
    "sampler", "scheduler", "variation_seed", "variation_strength", "eta", "noise_source", "hires", "guidance",
)  # fmt: skip
"""What of a scene is decided together."""

_FIELDS = tuple(field.name for field in fields(Scene) if field.name not in ("loras", "preview"))
"""What axes can change of a scene."""

_NOBODY = LoraUse("", "")
"""The LoRA of a picture that has none."""


@dataclass(frozen=True)
class _Used:
    """A LoRA that was found, and its tag as it counts now."""

    lora: Lora
    tag: LoraTag


class Resolver:
    """Finds files in the folders of the settings and in `folders`, and reads every file once. `fill` and `book` are for
    block weights, as `read_weights_for` has them. Only `paths` may be named by their paths (None: any file); `files`
    are those that somebody knows already."""

    def __init__(
        self,
        settings: Settings | None = None,
        folders: Sequence[Path] = (),
        fill: float | None = None,
        book: Path | None = None,
        *,
        paths: Collection[str] | None = None,
        files: Identities | None = None,
    ) -> None:
        places = load_settings() if settings is None else settings
        folders = [folder.absolute() for folder in folders]
        self._models, self._paths = (*folders, *places.models), paths
        self._files = Identities() if files is None else files
        self._named = PromptLoras(folders, places, self._files, fill, book, by_path=paths is None)
        self._found: dict[tuple[str, str], Path] = {}
        self._templates: dict[Shot, Scene] = {}

    def job(self, shot: Shot) -> Job:
        """The job. BlockweightError for what is not there, cannot be read, or does not fit together."""
        plotted, tags, bare = self._read(shot)
        used = [_Used(self._named.find(tag.name), tag) for tag in tags]
        if plotted is None and not used and (shot.lora.base or _asks_for_one(shot.lora)):
            raise _no_lora()
        weights = None if plotted is None else self._weights(plotted, shot.lora)
        others = tuple(OtherLora(use_of(each.lora, each.tag), self._other_weights(each, weights)) for each in used)
        scene = self._scene(shot, bare)
        scene = replace(scene, loras=(*scene.loras, *others))
        if plotted is not None:
            refuse_twice(plotted.lora.digest, [scene])
        if plotted is None or weights is None or shot.lora.off:
            return Job(
                scene, _NOBODY if plotted is None else use_of(plotted.lora, plotted.tag), Variant("no LoRA", None)
            )
        use = use_of(plotted.lora, plotted.tag)
        check_scales(weights.name, weights, plotted.lora.blocks, max(use.strength, use.in_texts, key=abs))
        return Job(scene, use, Variant(weights.name, weights))

    def weights_of(self, shot: Shot) -> BlockWeights:
        """The block weights of the LoRA that is plotted, as they are before any axis. BlockweightError if there is
        none."""
        return self._weights(self._needed(shot), shot.lora)

    def _needed(self, shot: Shot) -> _Used:
        plotted, _, _ = self._read(shot)
        if plotted is None:
            raise _no_lora()
        return plotted

    def blocks_of(self, shot: Shot) -> tuple[str, ...]:
        """The blocks that the plotted LoRA changes; BlockweightError if there is none."""
        return self._needed(shot).lora.blocks

    def plotted_digest(self, shot: Shot) -> str:
        """The digest of the plotted LoRA; BlockweightError if there is none."""
        return self._needed(shot).lora.digest

    def lora_at(self, name: str) -> Lora:
        """The LoRA of this path or name."""
        return self._find(name)

    # ----- LoRAs

    def _read(self, shot: Shot) -> tuple[_Used | None, list[LoraTag], str]:
        """The LoRA that is plotted (None if there is none), the other tags, and the prompt without any."""
        tags, bare = prompt_tags(" ".join((shot.prompt, *shot.tags)))
        place = _plotted(tags, beside=shot.lora.beside)
        plotted = self._plotted(shot.lora, None if place is None else tags[place])
        return plotted, [tag for number, tag in enumerate(tags) if number != place], bare

    def _plotted(self, edit: LoraEdit, tag: LoraTag | None) -> _Used | None:
        """The LoRA that the axes change; None if there is none."""
        if tag is None and not edit.name:
            return None
        said = LoraTag(edit.name) if tag is None else tag
        changes = {"te": edit.te, "unet": edit.unet, "start": edit.start, "stop": edit.stop, "name": edit.name or None}
        now = replace(said, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]
        return _Used(self._find(now.name), now)

    def _find(self, name: str) -> Lora:
        if self._paths is not None and name in self._paths:
            return self._files.lora(Path(name))
        return self._named.find(name)

    def _path(self, what: str, name: str) -> Path:
        """A model's file or folder, or a VAE's, by its path, else by its name in the folders."""
        if (what, name) not in self._found:
            self._found[what, name] = self._look(what, name)
        return self._found[what, name]

    def _look(self, what: str, name: str) -> Path:
        path = Path(name)
        try:
            if (self._paths is None or name in self._paths) and path.exists():
                return path
        except (OSError, ValueError):
            pass
        stem = name.removesuffix(".safetensors")
        if what == "model":
            return one_called(what, name, models_called(stem, "", self._models))
        return one_called(what, name, parts_called(stem, what, self._models))

    # ----- weights

    def _weights(self, used: _Used, edit: LoraEdit) -> BlockWeights:
        """The plotted LoRA's: what the axes say, else its tag; then the blocks that an axis sets."""
        own = edit.base or ("" if used.tag.weights == PLOTTED else used.tag.weights)
        texts = edit.weights or ((own,) if own else ())
        if len(texts) > 2:
            raise BlockweightError(
                "Block weights stand on all three axes, but two of them can be combined; take one off."
            )
        if edit.current is not None and not texts:
            read = [edit.current]
        else:
            read = [self._named.weights(used.lora, text, used.tag.base) for text in texts or ("",)]
        first, *more = read
        weights = combined(first, more[0], f"{first.name} + {more[0].name}") if more else first
        if bool(edit.blocks) != (edit.value is not None):
            raise BlockweightError(
                "Blocks on an axis need values to set them to, and values need blocks; give both, such as "
                "--x blocks=IN01,IN02 --y values=0,0.5,1 on two axes."
            )
        if edit.value is None:
            return weights
        chosen = parse_blocks(edit.blocks, weights.layout, rest=True)
        return weights.with_weights(dict.fromkeys(chosen, edit.value))

    def _other_weights(self, used: _Used, plotted: BlockWeights | None) -> BlockWeights:
        """Another LoRA's: its tag's, or those of the plotted one, or their opposite."""
        text = used.tag.weights
        if text in (PLOTTED, OPPOSITE) and plotted is not None:
            turned = plotted if text == PLOTTED else complement(plotted, f"1 - {plotted.name}")
            if used.lora.family.layout.blocks != plotted.layout.blocks:
                raise BlockweightError(
                    f"{quoted(used.tag.name)} takes the weights of the plotted LoRA ({text}), but has other blocks; "
                    "give it weights of its own."
                )
            return turned
        if text in (PLOTTED, OPPOSITE):
            raise BlockweightError(
                f"{quoted(used.tag.name)} has {text}, which another LoRA's {PLOTTED} gives its weights; mark the LoRA "
                f"that is plotted with {PLOTTED}, or write weights."
            )
        return self._named.weights(used.lora, text, used.tag.base)

    # ----- the rest of the picture

    def _scene(self, shot: Shot, bare: str) -> Scene:
        """The scene without the prompt's LoRAs."""
        if shot.scene is None:
            return self._typed_scene(shot, bare)
        base = shot.scene
        self._files.know(base)
        now, then = self._typed_scene(shot, bare), self._typed_scene(shot_of(base, shot.lora), base.prompt)
        different = {name for name in _FIELDS if getattr(now, name) != getattr(then, name)}
        if different & set(_SAMPLED):
            different |= set(_SAMPLED)
        return replace(base, **{name: getattr(now, name) for name in different})

    def _typed_scene(self, shot: Shot, bare: str) -> Scene:
        """What does not depend on prompt and seed is read once. Where samplers differ, not all have an eta."""
        general = replace(shot, prompt="", seed=0, renderer="", lora=LoraEdit(), tags=(), scene=None)
        if shot.embeddings is not None:
            general = replace(general, prompt=bare)
        if not shot.model:
            raise BlockweightError("A plot needs a model; give it with --model, or models on an axis.")
        if general not in self._templates:
            vae = self._path("VAE", shot.vae) if shot.vae else None
            (self._templates[general],) = scenes_of(
                self._path("model", shot.model),
                (general.prompt,),
                shot.negative,
                "0",
                shot.steps,
                shot.cfg,
                shot.sampler,
                shot.size,
                shot.sampling.for_sampler(shot.sampler),
                clip_skip=shot.clip_skip,
                embeddings=shot.embeddings,
                parts=replace(shot.parts, vae=vae),
                files=self._files,
            )
        return replace(self._templates[general], label=bare, prompt=bare, seed=shot.seed, renderer=shot.renderer)


def _plotted(tags: Sequence[LoraTag], *, beside: bool) -> int | None:
    """Which of the tags is that of the plotted LoRA: the one that says XYZ, else the first with block weights, else the
    first; none where the LoRA is given beside the prompt."""
    if beside or not tags:
        return None
    marked = [number for number, tag in enumerate(tags) if tag.weights == PLOTTED]
    others = [number for number, tag in enumerate(tags) if tag.weights != OPPOSITE]
    weighted = [number for number in others if tags[number].weights]
    return next(iter(marked or weighted or others), None)


def _asks_for_one(edit: LoraEdit) -> bool:
    """Whether an axis changes the LoRA that is plotted."""
    said = (edit.te, edit.unet, edit.start, edit.stop, edit.value)
    return bool(edit.weights or edit.blocks) or any(value is not None for value in said)


def _no_lora() -> BlockweightError:
    return BlockweightError("There is no LoRA to plot; give one with --lora, or a tag in the prompt.")
