"""The renderers that a person can choose, each loaded only when it is wanted."""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.settings import DEVICES, PRECISIONS, load_settings

if TYPE_CHECKING:
    from blockweight.plan import Checkpoint
    from blockweight.render import Renderer
    from blockweight.render.remote import Address

_NAME = re.compile(
    rf"local(:(?P<device>{'|'.join(DEVICES)}))?(:(?P<precision>{'|'.join(PRECISIONS)}))?"
    r"|fake(:(?P<seconds>\d{1,3}(\.\d{1,3})?))?",
    re.ASCII,
)

_CLUSTER = re.compile(
    r"ray(:(?P<workers>[1-9]\d{0,3}))?|(?P<address>ray://[^\s/?#@]+:\d{1,5})(\?cpus=(?P<cpus>[1-9]\d{0,3}))?", re.ASCII
)

_SERVERS = {
    "webui": "blockweight.render.webui:WebuiRenderer",
    "comfyui": "blockweight.render.comfyui:ComfyuiRenderer",
}
"""What renders on a server of each kind, made of its address."""

AT_ONCE = 6
"""The most pictures that a renderer which somebody watches makes at once: they appear sooner, and a pause waits for
fewer, at little loss (small pictures go faster in larger batches)."""


def renderer_named(name: str) -> Renderer:
    """The renderer of this name, for somebody who watches: `local` for this machine, by the best device that it has, or
    by another one (`local:cpu`, any of DEVICES), in its usual precision or another one (`local:cuda:bf16`, any of
    PRECISIONS), a server (`webui+http://host:7860`, `comfyui+https://host`) or several with commas between them, every
    graphics card of this machine (`ray`), so many workers without one (`ray:4`), those of a cluster
    (`ray://host:10001`, `ray://host:10001?cpus=4`), or `fake` for stripes instead of pictures, at once and without a
    model (`fake:0.1` takes 0.1 s for each), to try what is around the rendering. BlockweightError for another name, a
    device that the machine lacks, and a server or cluster that cannot be used."""
    if _is_cluster(name):
        return _cluster_renderer(name)
    if _is_server(name):
        return _server_renderer(_addresses(name))
    found = _local_name(name)
    if name.startswith("local"):
        return local_renderer(AT_ONCE, found["device"] or "", found["precision"] or "")
    from blockweight.render.fake import FakeRenderer  # noqa: PLC0415 - numpy is not needed to read --help

    return FakeRenderer(float(found["seconds"] or 0))


def check_renderer(name: str) -> None:
    """BlockweightError for what is no name of a renderer; no server is asked."""
    if _is_cluster(name):
        _cluster_name(name)
    elif _is_server(name):
        _addresses(name)
    else:
        _local_name(name)


def _is_cluster(name: str) -> bool:
    return re.match(r"ray(:|$)", name) is not None


def _cluster_name(name: str) -> Mapping[str, str | None]:
    found = _CLUSTER.fullmatch(name)
    if found is None:
        raise BlockweightError(
            f"There is no cluster {quoted(name)}; use ray for this machine's graphics cards, ray:2 for two workers "
            "without one, ray://host:10001 for the graphics cards of a cluster, or ray://host:10001?cpus=2."
        )
    return found.groupdict()


def _cluster_renderer(name: str) -> Renderer:
    said = _cluster_name(name)
    from blockweight.render.cluster import RayRenderer  # noqa: PLC0415 - numpy is not needed to read --help

    cpus = said["workers"] or said["cpus"]
    make = partial(local_renderer, AT_ONCE, "cpu" if cpus else "", load_settings().precision)
    return RayRenderer(make, said["address"], int(cpus) if cpus else None, _tell)


def _server_renderer(addresses: tuple[Address, ...]) -> Renderer:
    made: list[Renderer] = [pkgutil.resolve_name(_SERVERS[address.kind])(address) for address in addresses]
    if len(made) == 1:
        return made[0]
    from blockweight.render.pool import PoolRenderer, Worker  # noqa: PLC0415 - numpy is not needed to read --help

    names = [f"The {address.program} at {address.url}" for address in addresses]
    return PoolRenderer([Worker(name, each) for name, each in zip(names, made, strict=True)], _tell)


def _to_terminal(sentence: str) -> None:
    """Beside what is shown of the progress there."""
    sys.stderr.write(f"{sentence}\n")


_HEARD: ContextVar[Callable[[str], object]] = ContextVar("heard", default=_to_terminal)


@contextmanager
def hearing(tell: Callable[[str], object]) -> Iterator[None]:
    """In here `tell` hears what renderers say of workers that are lost, in one sentence each, instead of the
    terminal."""
    before = _HEARD.set(tell)
    try:
        yield
    finally:
        _HEARD.reset(before)


def _tell(sentence: str) -> None:
    _HEARD.get()(sentence)


def check_server(text: str) -> None:
    """BlockweightError for what is neither empty nor the address of servers or a cluster; none is asked."""
    if _is_cluster(text):
        _cluster_name(text)
    elif text:
        _addresses(text)


def _is_server(name: str) -> bool:
    return "://" in name and not _is_cluster(name)


def _addresses(name: str) -> tuple[Address, ...]:
    try:
        from blockweight.render.remote import read_addresses  # noqa: PLC0415 - brings the client, which takes a while
    except ImportError as error:
        raise BlockweightError(
            f"Rendering on a server needs httpx2 and keyring ({error}); install them with: "
            'pip install "blockweight[remote]"'
        ) from error
    return read_addresses(name)


def _local_name(name: str) -> Mapping[str, str | None]:
    found = _NAME.fullmatch(name)
    if found is None:
        raise BlockweightError(
            f"There is no renderer {quoted(name)}; use local, local:cpu, local:cuda or local:mps, with :fp16, :bf16 or "
            ":fp32 behind it for another precision, the address of a server as in webui+http://127.0.0.1:7860, ray "
            "for every graphics card, or fake to try the pages without a model."
        )
    return found.groupdict()


_ASKED: ContextVar[str] = ContextVar("renderer", default="")


@contextmanager
def rendering_with(name: str) -> Iterator[None]:
    """In here the renderer of this name is chosen, whatever the settings say; empty for what they say. BlockweightError
    for what is no name of a renderer."""
    if name:
        check_renderer(name)
    before = _ASKED.set(name)
    try:
        yield
    finally:
        _ASKED.reset(before)


def asked_renderer() -> str:
    """The name that `rendering_with` was given; empty outside of it."""
    return _ASKED.get()


def check_renderers(names: Iterable[str]) -> None:
    """BlockweightError for a renderer on another machine that the person has not chosen: a project that somebody else
    made must not send prompts, LoRAs and passwords wherever it likes."""
    chosen = renderer_choices()
    for name in names:
        if "://" in name and name not in chosen:
            raise BlockweightError(
                f"The plot is to be rendered by {quoted(name)}, which your settings do not name; if it is yours, "
                "choose it on the Settings page or with --renderer, and go on."
            )


def renderer_choices() -> tuple[str, ...]:
    """The renderers that a page offers to compare: the chosen one, of several servers each, and this machine's."""
    found = chosen_renderer()
    each = [address.name for address in _addresses(found)] if _is_server(found) else []
    return tuple(dict.fromkeys((found, *each, "local", "local:cpu")))


def chosen_renderer() -> str:
    """The name of the renderer that `rendering_with` or else the settings choose. BlockweightError for settings that
    cannot be read."""
    asked = _ASKED.get()
    if asked:
        return asked
    settings = load_settings()
    return settings.renderer or ":".join(["local", *filter(None, (settings.device, settings.precision))])


def command_renderer() -> Renderer:
    """The chosen renderer for a command, which nobody watches picture by picture. BlockweightError as
    `renderer_named`."""
    name = chosen_renderer()
    if not name.startswith("local"):
        return renderer_named(name)
    found = _local_name(name)
    return local_renderer(None, found["device"] or "", found["precision"] or "")


def server_checkpoint(name: str) -> Checkpoint:
    """The model that the chosen renderer's server calls `name`, or all of several. BlockweightError if the chosen
    renderer is no server, if servers have other models by that name, and as `server_checkpoint` of `render.webui` or
    `render.comfyui`."""
    chosen = chosen_renderer()
    if not _is_server(chosen):
        raise BlockweightError(
            f"{quoted(name)} is to be a model of a server, but none is chosen; name it, as in --renderer "
            "webui+http://127.0.0.1:7860, or choose it in the settings."
        )
    found: set[Checkpoint] = set()
    addresses = _addresses(chosen)
    if sum(address.kind == "comfyui" for address in addresses) and len(addresses) > 1:
        raise BlockweightError(
            f"A ComfyUI does not tell whether its {quoted(name)} is the same file as another server's; give the path "
            "of the file here, which each of them must have by its name, or render on one of them."
        )
    for address in addresses:
        package = _SERVERS[address.kind].partition(":")[0]
        found.add(pkgutil.resolve_name(f"{package}:server_checkpoint")(address, name))
    if len(found) > 1:
        raise BlockweightError(
            f"The servers have several models that they call {quoted(name)}, or do not tell them apart; give them the "
            "same file under a name of its own, or render on one of them."
        )
    return found.pop()


def local_renderer(largest: int | None = None, device: str | None = None, precision: str | None = None) -> Renderer:
    """The renderer on this machine, with at most `largest` pictures at once (None: as many as it likes), by `device`:
    one of DEVICES, empty for the best that there is, in `precision`: one of PRECISIONS, empty for the device's usual;
    None for what the settings say. BlockweightError if the `local` extra is not installed, and for a device that the
    machine lacks."""
    wanted = load_settings().device if device is None else device
    numbers = load_settings().precision if precision is None else precision
    try:
        import torch  # noqa: PLC0415 - takes seconds to import

        from blockweight.render.local import LocalRenderer  # noqa: PLC0415
    except (ImportError, OSError) as error:  # OSError: torch is there, but one of its libraries cannot be loaded
        raise BlockweightError(
            f"Rendering on this machine needs torch, diffusers and transformers ({error}); "
            'install them with: pip install "blockweight[local]"'
        ) from error
    lacks = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if lacks.get(wanted):
        raise BlockweightError(
            f"This machine has no {DEVICES[wanted]} that its torch can use; choose another device in the settings."
        )
    place = torch.device(wanted) if wanted else None
    dtype = getattr(torch, PRECISIONS[numbers]) if numbers else None
    if largest is None:
        return LocalRenderer(place, dtype=dtype)
    return LocalRenderer(place, largest=largest, dtype=dtype)
