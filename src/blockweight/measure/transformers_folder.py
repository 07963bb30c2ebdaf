"""Models of pictures in folders that transformers reads: loaded from the disk alone, and what is wrong said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockweight.errors import BlockweightError


@dataclass(frozen=True)
class Parts:
    """A loaded model in evaluation mode, and what prepares its input. `missing` are tensors that the file lacks."""

    folder: Path
    title: str
    model: Any
    processor: Any
    device: Any
    missing: tuple[str, ...] = ()

    @contextmanager
    def checking(self) -> Iterator[None]:
        """Run the model for the first time in here: what it raises is that the folder has another kind of model."""
        try:
            yield
        except BlockweightError:
            raise
        except Exception as error:  # of any type: each model has checks of its own
            raise BlockweightError(
                f"'{self.folder}' has no {self.title} ({type(error).__name__} in its first run); give another folder."
            ) from error


def load_parts(
    folder: Path, title: str, model: str, processor: str, *, device: str | None = None, optional: str = ""
) -> Parts:
    """The model and the processor that these classes of transformers read from `folder`, on `device` (a GPU if there is
    one). No code of the folder is run, no pickle is opened, nothing is downloaded.

    `optional` is in the names of tensors that the file may lack. BlockweightError for what cannot be loaded, tensors
    that are missing, and without the extra `local`.
    """
    _check_folder(folder, title)
    try:
        import torch  # noqa: PLC0415 - two seconds
        import transformers  # noqa: PLC0415

        from blockweight.render.local.library import loading  # noqa: PLC0415
        from blockweight.render.local.models import pick_device  # noqa: PLC0415
    except ImportError as error:
        raise BlockweightError(
            f"A {title} needs the extra 'local' ({error.name} is missing): pip install 'blockweight[local]'."
        ) from error
    chosen = pick_device() if device is None else torch.device(device)
    local = {"local_files_only": True, "trust_remote_code": False}
    with loading(folder, title, chosen):
        prepared = getattr(transformers, processor).from_pretrained(str(folder), **local)
        loaded, told = getattr(transformers, model).from_pretrained(
            str(folder), use_safetensors=True, dtype=torch.float32, output_loading_info=True, **local
        )
        missing = tuple(sorted(map(str, told["missing_keys"])))
        loaded = loaded.eval().to(chosen)
    needed = [name for name in missing if not optional or optional not in name]
    if needed:
        raise BlockweightError(
            f"The {title} in '{folder}' lacks {len(needed)} of its tensors, such as {needed[0]}; get it again."
        )
    return Parts(folder, title, loaded, prepared, chosen, missing)


def settings_of(processor: Any, group: str, name: str) -> int | None:
    """One number of a processor's sizes, which are dicts or objects like them; None where it says nothing."""
    sizes = getattr(processor, group, None)
    if sizes is None:
        return None
    found = sizes.get(name) if hasattr(sizes, "get") else getattr(sizes, name, None)
    return None if found is None else int(found)


def _check_folder(folder: Path, title: str) -> None:
    try:
        there = (folder / "config.json").is_file()
    except (OSError, ValueError):  # a NUL in the name
        there = False
    if not there:
        raise BlockweightError(
            f"'{folder}' is no {title}: it has no config.json; give a folder as transformers saves it."
        )
