"""Which device renders: by name, by the settings, and one that the machine lacks."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from blockweight.errors import BlockweightError
from blockweight.render.webui import WebuiRenderer
from blockweight.workflow.renderers import (
    check_renderer,
    chosen_renderer,
    command_renderer,
    local_renderer,
    renderer_named,
    rendering_with,
)
from blockweight.workflow.settings import DEVICES, Settings, save_settings


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """A torch that knows CUDA and not MPS, and a renderer that only says where it would render."""
    made = ModuleType("torch")
    made.cuda = SimpleNamespace(is_available=lambda: True)
    made.backends = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: False))
    made.device = str
    local = ModuleType("blockweight.render.local")
    made.bfloat16 = "torch.bfloat16"
    local.LocalRenderer = lambda place=None, largest=None, dtype=None: place if dtype is None else (place, dtype)
    monkeypatch.setitem(sys.modules, "torch", made)
    monkeypatch.setitem(sys.modules, "blockweight.render.local", local)


@pytest.mark.parametrize(("name", "place"), [("local", None), ("local:cpu", "cpu"), ("local:cuda", "cuda")])
def test_a_name_says_which_device_renders(name, place):
    save_settings(Settings(device="cpu"))
    check_renderer(name)
    assert renderer_named(name) == place


@pytest.mark.parametrize(("device", "name"), [("", "local"), *((device, f"local:{device}") for device in DEVICES)])
def test_the_settings_choose_a_renderer(device, name):
    save_settings(Settings(device=device))
    assert chosen_renderer() == name


def test_commands_render_by_the_settings_device():
    assert local_renderer() is None
    save_settings(Settings(device="cuda"))
    assert local_renderer() == "cuda"


def test_a_name_and_the_settings_say_which_precision_models_calculate_in():
    assert renderer_named("local:cuda:bf16") == ("cuda", "torch.bfloat16")
    assert renderer_named("local:bf16") == (None, "torch.bfloat16")
    save_settings(Settings(device="cuda", precision="bf16"))
    assert chosen_renderer() == "local:cuda:bf16"
    assert local_renderer() == ("cuda", "torch.bfloat16")
    assert renderer_named("local:cpu") == "cpu"


def test_a_command_renders_by_its_option_then_by_the_settings_server_then_here():
    assert command_renderer() is None
    save_settings(Settings(device="cuda", renderer="webui+http://host:7860"))
    assert isinstance(command_renderer(), WebuiRenderer)
    with rendering_with("local:cpu"):
        assert command_renderer() == "cpu"
        with rendering_with(""):
            assert chosen_renderer() == "webui+http://host:7860"
        assert chosen_renderer() == "local:cpu"
    with pytest.raises(BlockweightError, match="There is no renderer 'tpu'"), rendering_with("tpu"):
        pass
    assert chosen_renderer() == "webui+http://host:7860"


def test_a_server_is_named_without_unknown_options(tmp_path):
    with pytest.raises(BlockweightError, match="has no option 'lora'; there are: loras"):
        renderer_named("webui+http://a:1?lora=/x")
    with pytest.raises(BlockweightError, match=r"There is no folder '.*none'; name one of the WebUI's LoRA folders"):
        renderer_named(f"webui+http://a:1?loras={tmp_path}/none")


def test_without_the_client_a_server_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("blockweight.render.remote")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(BlockweightError, match=r'install them with: pip install "blockweight\[remote\]"'):
        check_renderer("webui+http://a:1")


def test_a_device_that_the_machine_lacks_is_refused():
    with pytest.raises(BlockweightError, match=r"no Apple GPU \(MPS\) that its torch can use; choose another device"):
        renderer_named("local:mps")


@pytest.mark.parametrize("name", ["local:", "local:tpu", "local:cuda:1", "local:bf16:cuda", "local:cuda:int8"])
def test_a_device_that_there_is_not_is_refused(name):
    with pytest.raises(BlockweightError, match="There is no renderer"):
        check_renderer(name)
