"""What a page's script uploads, as raw bytes: a small thing whole, a large one to a temporary file, piece by piece."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from blockweight.errors import BlockweightError

_PIECE = 4 << 20
"""Bytes that are collected before they are written, so that few steps leave the event loop."""

_ABANDONED = 24 * 3600
"""Seconds after which an upload is one that a killed process left."""


async def small_upload(request: Request) -> bytes:
    """The whole body; the guard knows how large it may be."""
    return await request.body()


@asynccontextmanager
async def file_upload(request: Request, folder: Path) -> AsyncIterator[Path]:
    """The body as a file in `folder`, which is made if it is missing; the file is gone afterwards. BlockweightError for
    what the disk refuses, and a browser that has left."""
    file = folder / f".upload-{secrets.token_hex(8)}.tmp"
    try:
        await run_in_threadpool(_prepare, folder)
        try:
            await _receive(request, file)
        except ClientDisconnect:
            raise BlockweightError("The upload was broken off; send the file again.") from None
        yield file
    except OSError as error:
        raise BlockweightError(
            f"The file cannot be received in '{folder}' ({error.strerror or error}); make room there, or choose "
            "another folder for projects in the settings."
        ) from None
    finally:
        with suppress(OSError):
            await run_in_threadpool(file.unlink, missing_ok=True)


async def _receive(request: Request, file: Path) -> None:
    piece = bytearray()
    handle = await run_in_threadpool(file.open, "xb")
    try:
        async for part in request.stream():
            piece += part
            if len(piece) >= _PIECE:
                await run_in_threadpool(handle.write, bytes(piece))
                piece.clear()
        await run_in_threadpool(handle.write, bytes(piece))
    finally:
        await run_in_threadpool(handle.close)


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".upload-*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
