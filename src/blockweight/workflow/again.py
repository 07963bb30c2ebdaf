"""A picture rendered again, from what it carries."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from blockweight.errors import BlockweightError, quoted
from blockweight.lora import open_lora
from blockweight.plan import (
    GRID_SCRIPT,
    Held,
    Infotext,
    Job,
    LoraUse,
    Note,
    OtherLora,
    SceneSettings,
    Variant,
    decided_of,
    infotext_of,
    read_infotext,
    scene_settings,
)
from blockweight.project import (
    PictureTexts,
    job_from_facts,
    picture_format,
    picture_texts,
    webui_hashes,
    write_picture,
)
from blockweight.render import Picture, Renderer, Rendering, RenderingError
from blockweight.weights import BlockWeights
from blockweight.workflow.file_search import FileSearch
from blockweight.workflow.named_loras import other_lora
from blockweight.workflow.named_parts import named_parts
from blockweight.workflow.part_options import PartOptions
from blockweight.workflow.picture_info import picture_data
from blockweight.workflow.progress import Progress, SilentProgress
from blockweight.workflow.sampling_options import SamplingOptions
from blockweight.workflow.scenes import scenes_of

_ENDINGS = {"PNG": ".png", "WEBP": ".webp", "JPEG": ".jpg"}

_LEVELS = 255

_BATCHES = "So it is with pictures that were drawn in a batch: others beside them decide the last digits."


@dataclass(frozen=True)
class Remade:
    """A picture's job with its files in their places. `exact` if it is the very job that the picture was made by, not
    what its infotext says of it; `notes` are sentences on what that does not hold."""

    job: Job
    exact: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """How far two pictures of one size are apart: the most that a value of a pixel differs, in levels of 255, and the
    share of the pixels that differ at all, 0 to 1."""

    most: int
    share: float

    def text(self) -> str:
        """In a sentence."""
        if not self.most:
            return "The same pixels."
        told = f"The pixels differ by at most {self.most} of {_LEVELS} levels; {self.share:.1%} of them differ."
        return f"{told} {_BATCHES}" if self.most == 1 else told


@dataclass(frozen=True)
class Again:
    """A picture that was rendered again: where it is, what it was made by, how far it is from the first one (None if
    they were not compared), and how many were drawn together for it."""

    out: Path
    made: Remade
    difference: Difference | None
    together: int = 1

    def facts(self) -> dict[str, object]:
        """As plain values, for JSON."""
        apart = self.difference
        return {
            "out": str(self.out),
            "exact": self.made.exact,
            "key": self.made.job.key,
            "notes": list(self.made.notes),
            "drawn_together": self.together,
            "difference": None if apart is None else {"most": apart.most, "share": apart.share},
        }

    def lines(self) -> list[str]:
        """For a person to read."""
        source = "the picture's own facts" if self.made.exact else "its infotext"
        compared = [] if self.difference is None else [self.difference.text()]
        batch = f", with the {self.together - 1} others of its batch" if self.together > 1 else ""
        return [f"Rendered from {source}{batch}: {self.out}", *compared]


def renderer_of(picture: Path) -> str:
    """The renderer that a picture of a plot names, empty where it names none. BlockweightError for what is no
    picture."""
    facts = picture_texts(picture_data(picture)).facts
    try:
        return job_from_facts(facts).scene.renderer if facts else ""
    except BlockweightError:
        return ""


def again(
    picture: Path,
    search: FileSearch,
    renderer: Renderer,
    out: Path | None = None,
    *,
    compare: bool = True,
    overwrite: bool = False,
    embeddings: Path | None = None,
    named: str = "",
    progress: Progress | None = None,
) -> Again:
    """Render a picture again and write it, with what it was made with, to `out`: by default its name with `-again`, in
    the current folder.

    `named` is the renderer's name if the picture names it (`renderer_of`); with another one the new picture names none.
    `embeddings` is the folder of those that an infotext's prompts name. BlockweightError, before anything is rendered,
    for a picture that does not say enough, a file that is missing or another one, and a file that is in the way.
    """
    data = picture_data(picture)
    texts = picture_texts(data)
    target = Path(f"{picture.stem}-again{_ENDINGS[texts.kind]}") if out is None else out
    picture_format(target)
    _check_free(target, picture, overwrite=overwrite)
    made = remade(texts, search, embeddings)
    if made.job.scene.renderer != named:
        made = replace(made, job=replace(made.job, scene=replace(made.job.scene, renderer=named)))
    renderer.check([made.job])
    made = replace(made, notes=(*made.notes, *_decided_otherwise(texts, renderer)))
    progress = progress or SilentProgress()
    rendering = _rendered([made.job], renderer, progress)
    apart, together = (difference(data, rendering.picture) if compare else None), 1
    batch = _batch(picture, texts, made, search) if apart is not None and apart.most else []
    if batch:
        progress.say(f"It was drawn in a batch of {len(batch)}, which decides its last digits: all of them are drawn.")
        with suppress(RenderingError):  # the picture that was drawn alone is there
            in_batch = _rendered(batch, renderer, progress, made.job.key)
            then = difference(data, in_batch.picture)
            if apart is not None and then is not None and then.share < apart.share:
                rendering, apart, together = in_batch, then, len(batch)
    job = rendering.job
    try:
        infotext = infotext_of(job, webui_hashes(job), renderer.capabilities.decides)
        write_picture(target, rendering.picture, infotext, job.facts())
    except OSError as error:
        reason = error.strerror or str(error)
        raise BlockweightError(
            f"'{target}' could not be written ({reason}); choose another place with --out."
        ) from None
    return Again(target, made, apart, together)


def _decided_otherwise(texts: PictureTexts, renderer: Renderer) -> tuple[str, ...]:
    decided = decided_of(read_infotext(texts.infotext))
    now = renderer.capabilities.decides
    if all(now.get(name) == value for name, value in decided.items()):
        return ()
    named = ", ".join(
        f"{name.replace('_', ' ')} {quoted(value) if value else ''}".strip() for name, value in decided.items()
    )
    return (
        f"The workflow that drew it decided this by itself ({named}); for the same picture, render it with the same "
        "workflow.",
    )


def _rendered(jobs: Sequence[Job], renderer: Renderer, progress: Progress, key: str = "") -> Rendering:
    """The picture of this key among the jobs, of a single one whatever its key."""
    with progress.track("Rendering", len(jobs)) as bar:
        for rendering in renderer.render(jobs, watch=bar.step):
            bar.advance()
            if not key or rendering.job.key == key:
                found = rendering
    return found


def _batch(picture: Path, texts: PictureTexts, made: Remade, search: FileSearch) -> list[Job]:
    """The jobs that the picture was drawn together with, itself among them, in their order; none where they are not
    known: they are those of the pictures that lie beside it, as in a project's folder."""
    if not made.exact or made.job.key not in texts.batch:
        return []
    jobs = []
    for key in texts.batch:
        if key == made.job.key:
            jobs.append(made.job)
            continue
        try:
            jobs.append(remade(picture_texts(picture_data(picture.with_name(f"{key}.png"))), search).job)
        except BlockweightError:
            return []
    if [job.key for job in jobs] != list(texts.batch):
        return []
    # One without the LoRA does not say which it is without, and was drawn with those that have it.
    used = next((job.lora for job in jobs if job.variant.weights is not None), made.job.lora)
    return [job if job.variant.weights is not None else replace(job, lora=used) for job in jobs]


def remade(texts: PictureTexts, search: FileSearch, embeddings: Path | None = None) -> Remade:
    """The job of a picture, from its facts if it carries them, else from its infotext as far as that goes.
    BlockweightError as `again`."""
    changed: tuple[str, ...] = ()
    if texts.facts:
        try:
            job = job_from_facts(texts.facts)
        except BlockweightError as error:
            if not texts.infotext:
                raise
            changed = (str(error),)
        else:
            return Remade(_placed(job, read_infotext(texts.infotext), search), exact=True)
    if texts.infotext:
        read = read_infotext(texts.infotext)
        if read.settings.get("Script") == GRID_SCRIPT:
            raise BlockweightError(
                "The picture is a grid of several, as an X/Y/Z plot draws it, and only single pictures are rendered "
                "again; take one of those."
            )
        made = _from_infotext(read, search, embeddings)
        return replace(made, notes=(*changed, *made.notes))
    if texts.comfy_prompt or texts.comfy_workflow:
        raise BlockweightError(
            "The picture is from ComfyUI, whose graphs are shown ('blockweight info') but not run; run it there."
        )
    raise BlockweightError("The picture does not say how it was made; choose the file as it was saved.")


def difference(data: bytes, picture: Picture) -> Difference | None:
    """How far a picture's file is from a picture, (H, W, 3) uint8; None if it has another size or cannot be read."""
    height, width = picture.shape[:2]
    try:
        with Image.open(io.BytesIO(data), formats=list(_ENDINGS)) as image:
            # The size is asked first: no more is decoded than there is to compare.
            if image.size != (width, height):
                return None
            first = np.asarray(image.convert("RGB"), dtype=np.int16)
    except Exception:  # noqa: BLE001 - Pillow raises what it likes on a damaged file: struct.error, zlib.error, …
        return None
    apart = np.abs(first - picture.astype(np.int16)).max(axis=2)
    return Difference(int(apart.max()), float((apart > 0).mean()))


def _check_free(target: Path, picture: Path, *, overwrite: bool) -> None:
    if target.exists() and target.samefile(picture):
        raise BlockweightError(f"'{target}' is the picture itself; choose another name with --out.")
    if target.exists() and not overwrite:
        raise BlockweightError(f"'{target}' exists; choose another name with --out, or add --overwrite.")


def _placed(job: Job, read: Infotext, search: FileSearch) -> Job:
    """The job of a picture's facts with every file where it was found. Names are those of the infotext beside them."""
    parts, tags = scene_settings(read).parts, list(scene_settings(read).loras.all)
    scene, weights = job.scene, job.variant.weights
    names: dict[str, tuple[str, str]] = {scene.checkpoint.digest: (read.settings.get("Model", ""), "")}
    if scene.vae is not None:
        names[scene.vae.digest] = (parts.vae, "")
    names |= {each.digest: (each.name, "") for each in scene.embeddings}
    for control, unit in zip(scene.controls, parts.controls, strict=False):
        names[control.model.digest] = (unit.model, "")
    uses = [*([] if weights is None else [job.lora]), *(each.use for each in scene.loras)]
    if len(tags) == len(uses):
        names |= {use.digest: (tag.name, tag.short_hash) for use, tag in zip(uses, tags, strict=True)}
    wanted = [*scene.files, *([] if weights is None else [Held("other LoRA", "", job.lora.digest)])]
    places: Mapping[str, str] = {
        file.digest: str(search.held(file, *names.get(file.digest, ("", "")))) for file in dict.fromkeys(wanted)
    }
    scene = scene.moved(lambda digest, _path: places[digest])
    loras = tuple(OtherLora(each.use, _in_layout(each.use, each.weights)) for each in scene.loras)
    lora = job.lora
    if weights is not None:
        lora = replace(lora, path=places[lora.digest])
        weights = _in_layout(lora, weights)
    return Job(replace(scene, loras=loras), lora, Variant("", weights))


def _in_layout(use: LoraUse, weights: BlockWeights) -> BlockWeights:
    """The weights in the layout that the file's own family has of these blocks."""
    values = dict(weights.items())
    for layout in open_lora(Path(use.path)).family.layouts:
        if set(layout.blocks) == set(values):
            return replace(weights, layout=layout, values=tuple(values[block] for block in layout.blocks))
    return weights


def _from_infotext(read: Infotext, search: FileSearch, embeddings: Path | None) -> Remade:
    said = scene_settings(read)
    missing = [
        name
        for name, value in (
            ("Steps", said.steps), ("Sampler", said.sampling.sampler), ("Seed", said.seed), ("Size", said.width),
            ("CFG scale", said.cfg_scale),
        )
        if value is None
    ]  # fmt: skip
    if missing:
        raise BlockweightError(
            f"The picture's infotext does not say {', '.join(missing)} in a way that can be done here, so the picture "
            "cannot be made again."
        )
    notes = list(said.notes)
    model = search.model(read.settings.get("Model", ""), read.model_hash, notes)
    loras = [(tagged is said.loras.tuned, other_lora(tagged, search.lora(tagged), notes)) for tagged in said.loras.all]
    others = tuple(lora for tuned, lora in loras if not tuned)
    (scene,) = scenes_of(
        model,
        (said.prompt,),
        said.negative_prompt,
        str(said.seed),
        said.steps or 0,
        said.cfg_scale or 0.0,
        said.sampling.sampler or "",
        f"{said.width}x{said.height}",
        SamplingOptions().filled(said.sampling, ()),
        clip_skip=said.clip_skip or 1,
        embeddings=embeddings,
        parts=PartOptions().filled(named_parts(said.parts, search.settings.models, notes), ()),
        loras=others,
        bare=True,
    )
    own = next((lora for tuned, lora in loras if tuned), None)
    use, weights = (LoraUse("", ""), None) if own is None else (own.use, own.weights)
    return Remade(Job(scene, use, Variant("", weights)), exact=False, notes=tuple(_told(notes, said, embeddings)))


def _told(notes: list[Note], said: SceneSettings, embeddings: Path | None) -> list[str]:
    """The notes that still count, and the one on what no infotext holds."""
    idle = () if embeddings is None else ("TI hashes", "Used embeddings")
    kept = [note.text for note in notes if not (note.fields and set(note.fields) <= set(idle))]
    hashed = all(lora.short_hash for lora in said.loras.all)
    more = "" if hashed else ", nor is it known whether the LoRAs are the same files"
    return [*kept, f"An infotext does not hold which program drew the picture and with what arithmetic{more}."]
