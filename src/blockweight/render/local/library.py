"""Calls of diffusers and transformers that load and draw: without their chatter, and what they raise about a model as a
sentence."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import diffusers
import torch
import transformers

from blockweight.errors import BlockweightError
from blockweight.lora import read_header
from blockweight.render.local.memory import ran_out_of_memory


@contextmanager
def loading(path: Path, title: str, device: torch.device) -> Iterator[None]:
    """Load what is at `path` in here, a `title` ("VAE", "flux1 model"), on `device`: quietly, and with a
    BlockweightError for whatever the libraries raise about files that are not as they expect. That is of any type, as
    are the checks of huggingface_hub and a division by a number of the settings."""
    try:
        with quiet():
            yield
    except BlockweightError:
        raise
    except Exception as error:
        if ran_out_of_memory(error):
            raise BlockweightError(
                f"'{path}' does not fit into the memory of {device}; close other programs that use it."
            ) from error
        if isinstance(error, NotImplementedError) and "meta tensor" in str(error):
            # diffusers makes the model without numbers and moves it when all have come.
            raise BlockweightError(
                f"'{path}' is incomplete: some of its weights are missing; get the model again."
            ) from error
        lines = str(error).strip().splitlines()
        cause = lines[0][:200].rstrip(". :") if lines else type(error).__name__
        raise BlockweightError(
            f"'{path}' could not be loaded as a {title} ({cause}); get the model again, or give another one."
        ) from error


def check_weights(path: Path, parts: Collection[str]) -> None:
    """Refuse a diffusers folder that has no `.safetensors` weights for one of its parts, or damaged ones, by what their
    headers say."""
    for part in parts:
        files = sorted((path / part).glob("*.safetensors"))
        if not files:
            raise BlockweightError(
                f"The model '{path}' has no .safetensors weights in its folder '{part}' (pickled .bin weights can run "
                "code when opened and are not read); get the model in .safetensors."
            )
        for file in files:
            read_header(file)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries from chatting on the terminal while they load: log lines, progress bars, deprecations."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    bars = [library.is_progress_bar_enabled() for library in libraries]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    for library in libraries:
        library.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for library, shown in zip(libraries, bars, strict=True):
            if shown:
                library.enable_progress_bar()
