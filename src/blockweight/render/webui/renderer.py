"""Jobs in, pictures out, drawn by a WebUI."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from blockweight.blocks import FAMILIES
from blockweight.errors import BlockweightError, quoted
from blockweight.plan import Checkpoint, Job, LoraUse, Scene
from blockweight.render.protocol import Capabilities, Picture, Rendering, Watch, unwatched
from blockweight.render.remote import Address, Server, find_credentials
from blockweight.render.webui.answers import read_answer
from blockweight.render.webui.asking import asked_for, check_scene
from blockweight.render.webui.conversation import converse
from blockweight.render.webui.discovery import ServerModel, Site, discover
from blockweight.render.webui.lora_tags import Worn, worn_by
from blockweight.render.webui.loras import LoraDesk, Piece, Route
from blockweight.render.webui.models import model_for
from blockweight.render.webui.shelf import Shelf
from blockweight.render.webui.trial import LbwTrial, trial_scene
from blockweight.weights import BlockWeights, uniform

_LORAS = "loras"


class WebuiRenderer:
    """Renders on the WebUI at an address. `?loras=/folder` behind it names one of its LoRA folders as this machine sees
    it; LoRAs that the WebUI lacks, and block weights that LoRA Block Weight cannot do there, go through files in it.

    `check` asks the WebUI what it has, and lets it draw small pictures: one for each model and way of sampling, which
    tells its version and proves that it takes what it is told, and five for each LoRA with block weights, which prove
    LoRA Block Weight. BlockweightError at once for what cannot be used.
    """

    def __init__(self, address: Address, server: Server | None = None) -> None:
        address.check_options((_LORAS,))
        self._server = Server(address, find_credentials(address)) if server is None else server
        self._url = address.url
        folder = address.option(_LORAS)
        self._desk = LoraDesk(self._server, Shelf(Path(folder), self._server) if folder else None)
        self._found: Site | None = None
        self._version = ""
        self._models: dict[Checkpoint, tuple[ServerModel, str]] = {}
        self._tried: set[Scene] = set()
        self._lbw: dict[tuple[str, Checkpoint], str] = {}
        self._holding = False

    @property
    def capabilities(self) -> Capabilities:
        """One picture at a time, of every family. The arithmetic names the WebUI's flavour and version, and what it was
        started with, once jobs were checked."""
        site = self._found
        named = "WebUI" if site is None else f"WebUI ({site.flavour}) {self._version}".strip()
        arithmetic = ", ".join([named, *(() if site is None else site.flags)])
        return Capabilities(tuple(family.name for family in FAMILIES), 1, arithmetic)

    def check(self, jobs: Sequence[Job]) -> None:
        """BlockweightError for a job that the WebUI cannot do, or does otherwise than it is told."""
        if jobs:
            self._verify(jobs, anew=True)

    def _verify(self, jobs: Sequence[Job], *, anew: bool) -> None:
        try:
            if anew:
                self._renew()
            self._check(jobs)
        except BlockweightError:
            # Whoever puts it right there wants to be asked anew, also by a process that goes on for days.
            self._forget()
            raise
        finally:
            self._take_back()

    @contextmanager
    def held(self) -> Iterator[None]:
        """In here LoRAs that are lent stay from one call of `render` to the next, as long as jobs wear them."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
            self._take_back()

    def _take_back(self) -> None:
        if not self._holding:
            self._desk.clear()

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """One picture after another, equal block weights next to each other, since a change of them takes a WebUI
        seconds. What `watch` raises interrupts the WebUI."""
        wanted = [job for job in jobs if job.key not in finished]
        self._verify(wanted, anew=False)  # whoever begins work has checked, and a pool hands over one job at a time
        try:
            for job in _in_turn(wanted):
                began = time.monotonic()
                self._desk.check(job)  # a file may have been written since
                self._desk.keep(job)
                route = self._route(job)
                picture = self._draw(job, job.scene, self._pieces(job, route), watch, lbw=route == "live")
                yield Rendering(job, picture, time.monotonic() - began)
        finally:
            self._take_back()

    def _check(self, jobs: Sequence[Job]) -> None:
        for scene in dict.fromkeys(job.scene for job in jobs):
            check_scene(scene, self._site)
        for job in jobs:
            self._desk.check(job)
        for job in jobs:
            self._try_scene(job)
        for job in jobs:
            self._desk.keep(job)
            self._pieces(job, self._route(job), lend=False)

    def _renew(self) -> None:
        """Ask what the WebUI has: it may have been started anew, otherwise."""
        before, now = self._found, discover(self._server)
        if before is not None and before.nature != now.nature:
            self._forget()
        self._found = now

    def _forget(self) -> None:
        self._found, self._version = None, ""
        self._models, self._tried, self._lbw = {}, set(), {}

    @property
    def _site(self) -> Site:
        if self._found is None:
            self._found = discover(self._server)
        return self._found

    def _draw(self, job: Job, scene: Scene, pieces: Iterable[Piece], watch: Watch = unwatched, *, lbw: bool) -> Picture:
        if scene.checkpoint not in self._models:
            self._models[scene.checkpoint] = model_for(scene.checkpoint, self._site)
        model, sha256 = self._models[scene.checkpoint]
        named = tuple(pieces)
        tags = " ".join(piece.tag for piece in named)
        family = self._desk.lora(job.lora).family.name
        asked = asked_for(scene, model, sha256, tags, family, self._site, lbw=lbw)
        told = converse(self._server, asked, watch, has_tasks=self._site.has_tasks)
        drawn = read_answer(told, asked, [piece.expected for piece in named], scene.picture_size, self._url)
        if self._version and drawn.version != self._version:
            before = self._version
            self._forget()
            raise BlockweightError(
                f"The WebUI at {self._url} has become another version ({quoted(drawn.version)} after "
                f"{quoted(before)}); start again."
            )
        self._version = drawn.version
        return drawn.picture

    def _try_scene(self, job: Job) -> None:
        """A small picture without LoRAs, once for each model with its VAE, sampler and so on."""
        scene = trial_scene(job.scene)
        alike = replace(scene, label="", prompt="", negative_prompt="", seed=0, variation_seed=0)
        if alike not in self._tried:
            self._draw(job, scene, (), lbw=False)
            self._tried.add(alike)

    def _route(self, job: Job) -> Route:
        """How the job's LoRAs reach the WebUI. BlockweightError if there is no way."""
        worn = self._desk.left(worn_by(job))
        acting = [each for each in worn if self._desk.needs_lbw(each)]
        if not acting:
            return "plain"
        why = self._desk.why_not_live(worn, self._site)
        why = why or next(filter(None, (self._lbw_failure(job, each.use) for each in acting)), "")
        if not why:
            return "live"
        if any(not each.use.always for each in acting):
            raise BlockweightError(
                f"The WebUI at {self._url} cannot begin or end a LoRA at a step: {why}; leave start and stop out, or "
                "render on this machine."
            )
        if not self._desk.lends:
            raise BlockweightError(
                f"The WebUI at {self._url} cannot take these block weights: {why}. Name one of its LoRA folders "
                "behind the address, as in webui+http://127.0.0.1:7860?loras=/path, and they go there in files."
            )
        self._desk.check_baked(worn)
        return "baked"

    def _pieces(self, job: Job, route: Route, *, lend: bool = True) -> tuple[Piece, ...]:
        worn = self._desk.left(worn_by(job))
        if route == "live":
            return tuple(self._desk.live(each, self._site) for each in worn)
        if route == "baked":
            return tuple(self._desk.baked(each, len(worn)) for each in worn) if lend else ()
        return tuple(self._desk.plain(each.use) for each in worn)

    def _lbw_failure(self, job: Job, use: LoraUse) -> str:
        """Why LoRA Block Weight does not do its work for this LoRA on this model; empty if it does. Asked of the WebUI
        once."""
        key = use.digest, job.scene.checkpoint
        if key not in self._lbw:
            lora, scene = self._desk.lora(use), trial_scene(job.scene)
            always = LoraUse(use.path, use.digest)
            layout = lora.family.layout
            zeros, ones = (uniform("TRIAL", layout, value) for value in (0.0, 1.0))
            mixed = ones.with_weights({block: 0.25 if place % 2 else 0.5 for place, block in enumerate(layout.blocks)})

            def drawn(weights: BlockWeights) -> Picture:
                return self._draw(job, scene, [self._desk.weighted(Worn(always, weights), self._site)], lbw=True)

            self._lbw[key] = LbwTrial(
                self._draw(job, scene, (), lbw=True),
                self._draw(job, scene, [self._desk.plain(always)], lbw=True),
                drawn(zeros),
                drawn(ones),
                drawn(mixed),
            ).failure()
        return self._lbw[key]


def _in_turn(jobs: Sequence[Job]) -> Iterator[Job]:
    """Jobs of one model, and of one LoRA with equal weights there, one after another, in the order in which the first
    of each came."""
    groups: dict[Checkpoint, dict[tuple[Worn, ...], list[Job]]] = {}
    for job in jobs:
        groups.setdefault(job.scene.checkpoint, {}).setdefault(worn_by(job), []).append(job)
    return (job for model in groups.values() for group in model.values() for job in group)
