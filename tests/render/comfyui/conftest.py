from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from comfyui_jobs import renderer_for
from comfyui_server import ComfyuiServer, comfyui_server

from blockweight.lora import open_lora
from blockweight.plan import LoraUse
from blockweight.render.comfyui import ComfyuiRenderer


@pytest.fixture(scope="module")
def server() -> Iterator[ComfyuiServer]:
    with comfyui_server() as server:
        yield server


@pytest.fixture
def comfyui(server: ComfyuiServer) -> ComfyuiServer:
    server.renew()
    return server


@pytest.fixture
def renderer(comfyui: ComfyuiServer) -> ComfyuiRenderer:
    return renderer_for(comfyui)


@pytest.fixture
def use(locon: Path) -> LoraUse:
    return LoraUse(str(locon), open_lora(locon).digest, 1.0)
