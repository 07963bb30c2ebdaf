"""Where a project's LoRA and its scenes' files lie on this machine: remembered, checked before use, found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from blockweight.demo.embedded import model_folder
from blockweight.errors import BlockweightError
from blockweight.lora import open_lora
from blockweight.plan import SERVER_MODEL, Held, LoraUse, Scene
from blockweight.plan.parts import Kind
from blockweight.project import LOCATED, TuningLog, TuningState
from blockweight.render import part_digest
from blockweight.render.embeddings import file_digest
from blockweight.workflow.checkpoints import identified_checkpoint
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary, models_below

_Kind = Literal["LoRA"] | Kind

_OTHERS: tuple[_Kind, ...] = ("VAE", "ControlNet", "picture", "other LoRA")
"""What `locate` takes as further files."""


def place_of(path: Path) -> dict[str, str]:
    """A place as the log keeps it: the absolute path, and a stamp of sizes and times by which a change is noticed
    without reading gigabytes. A model on a server is where it says. BlockweightError if it cannot be read."""
    here = path if _on_server(path) else path.absolute()
    return {"path": str(here), "stamp": _stamp(here)}


def places_of(scenes: Iterable[Scene]) -> dict[str, dict[str, str]]:
    """Digest → place of the scenes' files."""
    return {held.digest: place_of(Path(held.path)) for held in _files(scenes)}


def locate(
    log: TuningLog,
    lora: Path | None = None,
    models: Iterable[Path] = (),
    embeddings: Iterable[Path] = (),
    files: Iterable[Path] = (),
) -> TuningState:
    """Say where the project's LoRA, its checkpoints, its embeddings and further `files` of its scenes (VAEs,
    ControlNets, pictures, other LoRAs) are. BlockweightError, with nothing said, for a file that is another one than
    the project's."""
    state, places = log.state(), {}
    if lora is not None:
        if open_lora(lora).digest != state.subject.digest:
            raise BlockweightError(
                f"'{lora}' is not the project's '{state.subject.lora}' (SHA-256 {state.subject.digest[:16]}…); "
                "choose the file that it was made with."
            )
        places[state.subject.digest] = place_of(lora)
    used = {scene.checkpoint.digest for scene in state.scenes}
    for model in models:
        digest = identified_checkpoint(model).digest
        if digest not in used:
            wanted = ", ".join(sorted({Path(scene.checkpoint.path).name for scene in state.scenes}))
            raise BlockweightError(
                f"'{model}' is not the project's model ('{wanted}'); choose the one that it was made with."
            )
        places[digest] = place_of(model)
    held = {each.digest: each.name for scene in state.scenes for each in scene.embeddings}
    for embedding in embeddings:
        digest = file_digest(embedding)
        if digest not in held:
            wanted = f"'{', '.join(sorted(set(held.values())))}'" if held else "none"
            raise BlockweightError(
                f"'{embedding}' is not an embedding of the project ({wanted}); choose one that it was made with."
            )
        places[digest] = place_of(embedding)
    for file in files:
        places[_other_digest(file, state)] = place_of(file)
    return _say(log, places)


def _other_digest(file: Path, state: TuningState) -> str:
    """The digest of a VAE, a ControlNet, a picture or another LoRA of the project."""
    others = {held.digest: held for held in _files(state.scenes) if held.kind in _OTHERS}
    for kind in dict.fromkeys(held.kind for held in others.values()):
        try:
            digest = _digest(file, kind)
        except BlockweightError:
            continue
        if digest in others:
            return digest
    wanted = f"'{', '.join(sorted({Path(held.path).name for held in others.values()}))}'" if others else "none"
    raise BlockweightError(
        f"'{file}' is not a VAE, ControlNet, picture or other LoRA of the project ({wanted}); choose one that it was "
        "made with."
    )


def lost_files(state: TuningState) -> dict[str, str]:
    """Digest → file name of the files whose place nobody has said, or that are gone from it."""
    lost = dict(state.unplaced)
    needed = {state.lora.digest: state.lora.path}
    needed |= {held.digest: held.path for held in _files(state.scenes)}
    return lost | {digest: Path(path).name for digest, path in needed.items() if digest not in lost and _gone(path)}


def find_again(log: TuningLog, folders: Iterable[Path]) -> TuningState:
    """Look in these folders for the files that are lost, by name, and take those with the right digest."""
    state, places = log.state(), {}
    searched = list(dict.fromkeys(folders))
    for digest, name in lost_files(state).items():
        for candidate in (folder / name for folder in searched):
            try:
                if candidate.exists() and _digest(candidate, _kind(state, digest)) == digest:
                    places[digest] = place_of(candidate)
                    break
            except (OSError, ValueError, BlockweightError):
                continue  # another file of that name, which cannot even be read
    return _say(log, places)


def look_in_libraries(log: TuningLog, loras: Library, models: ModelLibrary) -> TuningState:
    """Look for the files that are lost in the folders of the settings and those below them, as `find_again`."""
    names = set(lost_files(log.state()).values())
    paths = [*(file.path for file in loras.files()), *(path for each in models.folders for path in models_below(each))]
    paths.append(model_folder())
    return find_again(log, [path.parent for path in paths if path.name in names])


def check_places(log: TuningLog, scenes: Sequence[Scene] | None = None, loras: Iterable[LoraUse] = ()) -> TuningState:
    """The state, with the LoRA, further `loras` and every file of its scenes (or of these of the state) known to be
    where it says and unchanged. BlockweightError otherwise: pictures of another file must not be taken for this
    one's."""
    state = log.state()
    used = state.scenes if scenes is None else scenes
    needed: list[tuple[str, str, _Kind]] = [(state.lora.path, state.lora.digest, "LoRA")]
    others = {(each.path, each.digest) for each in loras if each.digest != state.lora.digest}
    needed += [(path, digest, "other LoRA") for path, digest in sorted(others)]
    needed += [(held.path, held.digest, held.kind) for held in _files(used)]
    return _checked(log, needed)


def lora_place(log: TuningLog) -> Path:
    """Where the project's LoRA is, known to be there and unchanged; BlockweightError otherwise."""
    state = log.state()
    if state.subject.digest not in state.places:
        raise _asks(state.subject.lora, state.subject.digest, "LoRA")
    return Path(_checked(log, [(state.lora.path, state.lora.digest, "LoRA")]).lora.path)


def _checked(log: TuningLog, needed: Iterable[tuple[str, str, _Kind]]) -> TuningState:
    """The state after a look at files: path, digest, and what it is."""
    state, places = log.state(), {}
    for path, digest, kind in needed:
        here = Path(path)
        if digest not in state.places or _gone(path):
            raise _asks(path, digest, kind)
        if _stamp(here) == state.places[digest]["stamp"]:
            continue
        if _digest(here, kind) != digest:
            raise BlockweightError(
                f"'{path}' is not the file any more that the project was made with; put that back, or say where it is "
                f"now: blockweight project locate DIR {_option(kind)} PATH."
            )
        places[digest] = place_of(here)
    return _say(log, places)


def _gone(path: str) -> bool:
    try:
        return not (_on_server(Path(path)) or Path(path).exists())
    except (OSError, ValueError):
        return True


def _say(log: TuningLog, places: Mapping[str, Mapping[str, str]]) -> TuningState:
    return log.add(LOCATED, lambda _: {"places": places}) if places else log.state()


def _asks(name: str, digest: str, kind: _Kind) -> BlockweightError:
    return BlockweightError(
        f"The project's {kind} '{name}' (SHA-256 {digest[:16]}…) is not there; say where it is: "
        f"blockweight project locate DIR {_option(kind)} PATH."
    )


def _option(kind: _Kind) -> str:
    return "--file" if kind in _OTHERS else f"--{kind.lower()}"


def _files(scenes: Iterable[Scene]) -> list[Held]:
    """The scenes' files, each once."""
    return list(dict.fromkeys(held for scene in scenes for held in scene.files))


def _kind(state: TuningState, digest: str) -> _Kind:
    """What a file of the project is."""
    if digest == state.subject.digest:
        return "LoRA"
    return next(held.kind for held in _files(state.scenes) if held.digest == digest)


def _digest(path: Path, kind: _Kind) -> str:
    if kind == "LoRA" or kind == "other LoRA":  # noqa: PLR1714 - by which the type of the rest is known
        return open_lora(path).digest
    if kind == "model":
        return identified_checkpoint(path).digest
    return file_digest(path) if kind == "embedding" else part_digest(path, kind)


def _on_server(path: Path) -> bool:
    return str(path).startswith(SERVER_MODEL)


def _stamp(path: Path) -> str:
    """Sizes and times of change: of a file, or of all files in a folder together. A server's own models are told by
    their digests whenever they are used."""
    if _on_server(path):
        return SERVER_MODEL
    try:
        if not path.is_dir():
            state = path.stat()
            return f"{state.st_size}-{state.st_mtime_ns}"
        total = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            if file.is_file():
                state = file.stat()
                line = f"{file.relative_to(path).as_posix()}\0{state.st_size}\0{state.st_mtime_ns}\n"
                total.update(line.encode("utf-8", "surrogateescape"))
        return total.hexdigest()
    except (OSError, ValueError) as error:
        raise BlockweightError(f"'{path}' cannot be read ({error}); check the path and its permissions.") from error
