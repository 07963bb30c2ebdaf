"""A cluster of Ray's, begun on this machine or joined over the network, and its workers."""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import blockweight
from blockweight.errors import BlockweightError, UnavailableError, quoted
from blockweight.render.cluster.actor import Greeting, RenderActor
from blockweight.render.protocol import Renderer

STARTING = 180.0
"""Seconds that the workers have to begin."""

STORE = 512 * 2**20
"""Bytes of memory for pictures on their way through a cluster of our own; there are two a worker at most."""

_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Where Ray takes a system for one without clusters, its processes listen on the loopback only. Otherwise on all
addresses: it replaces a loopback `_node_ip_address` by one that others can reach (2.60)."""

_EQUAL = {"RAY_worker_niceness": "0"}
"""Workers are as important as a renderer in this process would be. Ray lets them stand back behind everything else."""

_SETTLING = 5.0
"""Seconds until what another program has just let go of counts as free."""

_CONNECTING = 10.0
"""Seconds in which a cluster must answer at all."""


@dataclass(frozen=True)
class Actor:
    """A worker on some machine: a handle of Ray's, and who answered there."""

    ray: ModuleType
    handle: Any
    greeting: Greeting

    def ask(self, method: str, *arguments: object) -> Any:
        """What a method of the RenderActor gives. UnavailableError if it is gone."""
        try:
            return self.ray.get(getattr(self.handle, method).remote(*arguments))
        except (self.ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
            # A RuntimeError comes out of Ray's client when the first machine is gone; the actor's own are RayErrors.
            raise UnavailableError(
                f"its process has ended, or its machine is gone ({type(error).__name__}); see what it printed there."
            ) from error


class Cluster:
    """The workers of a cluster, each with a renderer that `make` makes there: on every graphics card that is free, or
    `cpus` without any. `address` is where Ray's client server is (`ray://host:10001`), None for a cluster on this
    machine that ends with this object, at the latest with the process.

    BlockweightError if Ray is not installed, if the cluster has not what is wanted or has another version of
    Blockweight; UnavailableError if it does not answer or others use it.
    """

    def __init__(self, make: Callable[[], Renderer], address: str | None, cpus: int | None) -> None:
        self._address = address
        local = address is None
        ray = _ray(local=local)
        if ray.is_initialized():
            raise BlockweightError("This process renders on a cluster already; end that first.")
        folder = tempfile.mkdtemp(prefix="bw-ray-") if local else None
        self._end = weakref.finalize(self, _end, ray, folder)
        try:
            if address is None:
                _begin(ray, folder, cpus)
            else:
                _join(ray, address)
            share = max(1, (os.cpu_count() or 1) // cpus) if local and cpus else 1
            options = {"num_gpus": 1, "num_cpus": 0} if cpus is None else {"num_gpus": 0, "num_cpus": share}
            self.actors = self._started(ray, make, self._count(ray, cpus), options)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers, and the cluster if it is our own."""
        self._end()

    def _count(self, ray: ModuleType, cpus: int | None) -> int:
        """How many workers there can be. Ray itself would wait for ever for what it has not."""
        kind, wanted = ("GPU", 1) if cpus is None else ("CPU", cpus)
        there = int(ray.cluster_resources().get(kind, 0))
        if there < wanted and cpus is not None:
            raise BlockweightError(f"The cluster has {there} processor cores for workers, not {cpus}; ask for fewer.")
        if there < wanted and self._address is None:
            raise BlockweightError(
                "This machine has no graphics card that Ray knows of; for workers without one ask for ray:2, with as "
                "many as there are cores to spare."
            )
        if there < wanted:
            raise BlockweightError(
                f"The cluster has no graphics card that Ray knows of; for workers without one ask for "
                f"{self._address}?cpus=2, with as many as there are cores to spare."
            )
        end = time.monotonic() + _SETTLING
        while (free := int(ray.available_resources().get(kind, 0))) < wanted:
            if time.monotonic() > end:
                raise UnavailableError(
                    f"Of the {there} that the cluster has ({kind}), others use all but {free}; wait for them, or ask "
                    "for fewer workers."
                )
            time.sleep(0.1)
        return free if cpus is None else cpus

    def _started(
        self, ray: ModuleType, make: Callable[[], Renderer], count: int, options: dict[str, Any]
    ) -> list[Actor]:
        # A worker that dies begins anew by itself; what it was at is begun anew by whoever asked for it.
        remote = ray.remote(RenderActor).options(max_restarts=-1, max_task_retries=0, **options)
        handles = [remote.remote(make) for _ in range(count)]
        greetings = [handle.greet.remote() for handle in handles]
        _, waiting = ray.wait(greetings, num_returns=count, timeout=STARTING)
        if waiting:
            raise UnavailableError(
                f"{len(waiting)} of {count} workers have not begun within {STARTING:.0f} s; look at the cluster with "
                "ray status, or ask for fewer."
            )
        try:
            answers: list[Greeting] = ray.get(greetings)
        except ray.exceptions.RayError as error:
            raise BlockweightError(
                f"A worker could not begin ({said(error)}); every machine of the cluster needs the same version "
                f'of Blockweight: pip install "blockweight[local,cluster]=={blockweight.__version__}"'
            ) from error
        for answer in answers:
            if answer.version != blockweight.__version__:
                raise BlockweightError(
                    f"The machine {quoted(answer.machine)} has Blockweight {answer.version}, this one "
                    f"{blockweight.__version__}, and their pictures may differ; install the same version on both."
                )
        return [Actor(ray, handle, greeting) for handle, greeting in zip(handles, answers, strict=True)]


def said(error: BaseException) -> str:
    """What an error of Ray's says, without its pages of advice."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:200].rstrip('.') if lines else ''}"


def _ray(*, local: bool) -> ModuleType:
    """Ray, imported with what it reads only then."""
    # Nothing is reported to Ray's makers.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with _environment(_LOOPBACK if local else {}):
        try:
            ray = importlib.import_module("ray")
            importlib.import_module("ray.exceptions")
            if not local:
                importlib.import_module("grpc")
        except ImportError as error:
            raise BlockweightError(
                f'Rendering on many machines needs Ray ({error}); install it with: pip install "blockweight[cluster]"'
            ) from error
    return ray


def _begin(ray: ModuleType, folder: str | None, cpus: int | None) -> None:
    cores = os.cpu_count() or 1
    if cpus is not None and cpus > cores:
        raise BlockweightError(f"This machine has {cores} processor cores, not {cpus}; ask for ray:{cores} at most.")
    # With no mode set Ray asks for a token; it would write one into the home folder if it found none.
    token = {"RAY_AUTH_MODE": None, "RAY_AUTH_TOKEN": _token()}
    with _environment({**_LOOPBACK, **_EQUAL, **token}):
        try:
            ray.init(
                address="local",
                num_cpus=cores,
                num_gpus=None if cpus is None else 0,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
                object_store_memory=STORE,
                _temp_dir=folder,
            )
        except (RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
            raise UnavailableError(f"Ray could not begin on this machine ({said(error)}).") from error


def _join(ray: ModuleType, address: str) -> None:
    place = urlsplit(address)
    try:
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=_CONNECTING):
            pass
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise UnavailableError(
            f"The cluster {quoted(address)} does not answer ({said(error)}); check the address, and that "
            "ray start --head runs there with the same versions of Python and Ray."
        ) from error


def _end(ray: ModuleType, folder: str | None) -> None:
    """Workers end with the program that began them."""
    ray.shutdown()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _token() -> str:
    """The password of the clusters that this process begins; Ray remembers the first one that it sees."""
    return secrets.token_hex(32)


@contextmanager
def _environment(values: Mapping[str, str | None]) -> Iterator[None]:
    """With these environment variables (None: without), which processes that are begun meanwhile keep."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
