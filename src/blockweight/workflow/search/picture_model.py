"""The model of pictures that some objectives need: a folder on the person's disk, known by a hash, loaded once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from blockweight.errors import BlockweightError, quoted
from blockweight.measure import PROMPT, Eye, Picture, Wish, load_embedder, parse_wishes
from blockweight.plan import Scene, read_prompt
from blockweight.project import SearchPlan, TargetStore, TuningState
from blockweight.render.embeddings import file_digest
from blockweight.workflow.tuning_project import TuningProject


def checked_model(folder: Path | None, examples: Sequence[Picture], wishes: Sequence[Wish]) -> str:
    """The digest of the model that these wishes need, empty where none needs one. BlockweightError for a model or
    examples that are missing, or given for nothing, and a model that cannot do it."""
    needing = [wish for wish in wishes if wish.needs_model]
    if not needing:
        if folder is not None or examples:
            raise BlockweightError(
                "No objective needs --picture-model or --example; add 'prompt' or 'embedding', or leave them out."
            )
        return ""
    if folder is None:
        raise BlockweightError(
            f"{quoted(needing[0].name)} is told by a model of pictures on your disk, and none is downloaded; name the "
            "folder of a CLIP (for 'embedding' SigLIP or DINOv2 will do) with --picture-model."
        )
    compared = next((wish for wish in needing if wish.name != PROMPT), None)
    if compared is None and examples:
        raise BlockweightError("No objective compares with --example; add 'embedding', or leave it out.")
    if compared is not None and not examples:
        raise BlockweightError(
            f"{quoted(compared.name)} needs pictures to compare with; give one or several with --example FILE."
        )
    if not folder.is_dir():
        load_embedder(folder)  # which says what is missing
    return _checked(folder, _stamp(folder), reads=any(wish.name == PROMPT for wish in wishes))


@lru_cache(maxsize=8)
def _checked(folder: Path, _: tuple[tuple[str, int, int], ...], *, reads: bool) -> str:
    """The digest of a model that can do it, found once for as long as its files stay as they are: a page asks again at
    every change of its form."""
    embedder = load_embedder(folder)
    if reads:
        embedder.text("a picture")  # a model that reads no texts is refused here, not after an hour
    return model_digest(folder)


def _files(folder: Path) -> list[Path]:
    kinds = (".json", ".txt", ".model", ".safetensors")
    return sorted(path for path in folder.iterdir() if path.suffix in kinds and path.is_file())


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    told = ((path.name, path.stat()) for path in _files(folder))
    return tuple((name, each.st_size, each.st_mtime_ns) for name, each in told)


def model_digest(folder: Path) -> str:
    """64 hex digits of SHA-256 over the names and contents of a model's settings, vocabulary and weights."""
    total = hashlib.sha256()
    for path in _files(folder):
        total.update(f"{path.name}\0{file_digest(path)}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def eyes_of(tuning: TuningProject, state: TuningState, plan: SearchPlan) -> tuple[Eye | None, ...]:
    """One for each scene that is searched in, then one for each held out; None where no wish needs any.
    BlockweightError for a model that is not where it was, or was changed."""
    scenes = (*plan.scenes, *plan.held)
    if not plan.model:
        return (None,) * len(scenes)
    place = state.places.get(plan.model)
    if place is None or not Path(place["path"]).is_dir() or model_digest(Path(place["path"])) != plan.model:
        raise BlockweightError(
            "The search's model of pictures is not where it was, or was changed; put it back, or begin the search "
            "again with --picture-model."
        )
    embedder, store = load_embedder(Path(place["path"])), TargetStore(tuning.folder)
    examples = tuple(embedder.features(store.load(digest)) for digest in plan.examples)
    reads = any(wish.name == PROMPT for wish in parse_wishes(plan.wishes))
    return tuple(Eye(embedder, embedder.text(plain_words(each)) if reads else None, examples) for each in scenes)


def plain_words(scene: Scene) -> str:
    """The scene's prompt without the WebUI's signs, as it is read in the last step."""
    parts = read_prompt(scene.prompt, scene.steps)
    return " ".join("".join(piece.text for piece in part.spans[-1].pieces).strip() for part in parts)
