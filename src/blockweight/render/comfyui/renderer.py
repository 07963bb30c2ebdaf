"""The renderer that works through a ComfyUI."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from blockweight.blocks import FAMILIES
from blockweight.errors import BlockweightError
from blockweight.plan import Job
from blockweight.render.comfyui.conditions import check_embeddings
from blockweight.render.comfyui.conversation import Conversation
from blockweight.render.comfyui.decided import check_alike
from blockweight.render.comfyui.kinds import NodeKinds, check_nodes
from blockweight.render.comfyui.loras import Unrest, check_loras, unrest_of
from blockweight.render.comfyui.models import KINDS
from blockweight.render.comfyui.own import OwnWorkflow, read_own
from blockweight.render.comfyui.results import fetch_picture
from blockweight.render.comfyui.trials import loaded_anew, piece_names, trial_job
from blockweight.render.comfyui.trouble import ended_badly
from blockweight.render.comfyui.unloaded import ServerLog, unloaded_blocks
from blockweight.render.comfyui.uploads import LoraShelf, Upload
from blockweight.render.comfyui.workflow import Workflow, build
from blockweight.render.protocol import Capabilities, Failure, Rendering, RenderingError, Step, Watch, unwatched
from blockweight.render.remote import PAUSES, Address, Server, ServerError, find_credentials
from blockweight.render.wanted import Wanted, wanted_of

_OPTION = "workflow"
_PRECISION = re.compile(r"--(?:force-)?(?:fp|bf)\d\S*|--cpu\S*|--fast|--use-\S+-attention|--deterministic")
_MOST_NAMED = 120


class ComfyuiRenderer:
    """Renders with the ComfyUI at an address, one picture at a time. With the address's option `workflow`, the path of
    a workflow of one's own in the API's format, that is drawn instead of ours (`own`).

    `pauses` and `pause` are in seconds, as `Server` and `Conversation` have them.
    """

    def __init__(self, address: Address, pauses: Sequence[float] = PAUSES, pause: float = 1.0) -> None:
        address.check_options((_OPTION,))
        path = address.option(_OPTION)
        self._own: OwnWorkflow | None = read_own(Path(path).expanduser()) if path else None
        credentials = find_credentials(address)
        self._server = Server(address, credentials, pauses)
        self._conversation = Conversation(self._server, credentials, pause)
        self._log = ServerLog(self._server)
        self._shelf = LoraShelf()
        self._there: set[str] = set()
        self._loaded: dict[tuple[str, str], BlockweightError | None] = {}
        self._kinds = NodeKinds(self._server)
        self._unrest: Unrest = {}
        self._before = ""

    @property
    def capabilities(self) -> Capabilities:
        """One picture at a time, of the families that there is a workflow for. The arithmetic is the server's version,
        torch and device, with the flags it was started with that change its numbers."""
        if self._own is None:
            return Capabilities(tuple(KINDS), 1, self._arithmetic)
        families = tuple(family.name for family in FAMILIES)
        arithmetic = f"{self._arithmetic}, workflow {self._own.digest[:12]}"
        return Capabilities(families, 1, arithmetic, self._own.decides)

    @cached_property
    def _arithmetic(self) -> str:
        told = self._server.get_json("/system_stats")
        system = told.get("system") if isinstance(told, dict) else None
        if not isinstance(system, dict) or "comfyui_version" not in system:
            raise BlockweightError(
                f"What answers at {self._server.address.url} is no ComfyUI, or a very old one; check the address."
            )
        devices = told.get("devices")
        device = devices[0] if isinstance(devices, list) and devices and isinstance(devices[0], dict) else {}
        argv = system.get("argv")
        flags = [flag for flag in map(str, argv if isinstance(argv, list) else ()) if _PRECISION.fullmatch(flag)]
        parts = [
            f"ComfyUI {system['comfyui_version']}",
            f"torch {system.get('pytorch_version')}",
            str(device.get("name", "cpu")),
            *flags,
        ]
        return ", ".join("".join(filter(str.isprintable, part))[:_MOST_NAMED] for part in parts)

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuse what no workflow can be built for, models, nodes and values that the server has not, and LoRAs that do
        not fit. Nothing is sent yet."""
        if not jobs:
            return
        if self._own is not None:
            check_alike(jobs, self._own.decides)
        self._renew()
        # A pool hands over one job at a time, which tells nothing of what changes among them.
        self._unrest = unrest_of(jobs)
        embeddings: list[str] | None = None
        for job in jobs:
            check_loras(job, self._shelf)
            if job.scene.embeddings:
                embeddings = self._names("/embeddings") if embeddings is None else embeddings
                check_embeddings(job.scene, embeddings)
            workflow = self._workflow(job)
            check_nodes(workflow.nodes, self._kinds, {upload.name for upload in workflow.uploads})

    def _renew(self) -> None:
        """Ask what the server is and has: it may have been started anew, with other models or as another version."""
        self._kinds = NodeKinds(self._server)
        self.__dict__.pop("_arithmetic", None)
        if self._before not in ("", self._arithmetic):
            self._loaded.clear()
            self._there.clear()
        self._before = self._arithmetic

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """Render one after the other, those of one model and LoRA together. RenderingError at the end if ComfyUI could
        not make some of them, and before the first one for a LoRA of which it does not load a block; ServerError at
        once if it cannot be reached any more."""
        failures: list[Failure] = []
        self._unrest = {**unrest_of(jobs), **self._unrest}
        wanted = [job for job in jobs if job.key not in finished]
        wanted.sort(key=lambda job: (job.scene.checkpoint.digest, job.lora.digest))
        try:
            for job in wanted:
                try:
                    self._prove(job, watch)
                except ServerError:
                    raise
                except BlockweightError as error:
                    raise RenderingError([Failure(job, str(error))]) from error
            for job in wanted:
                try:
                    yield self._drawn(job, self._workflow(job), watch)
                except ServerError:
                    raise
                except BlockweightError as error:
                    failures.append(Failure(job, str(error)))
        except ServerError:
            # Whoever comes back may have others.
            self._kinds = NodeKinds(self._server)
            raise
        finally:
            self._conversation.close()
        if failures:
            raise RenderingError(failures)

    def _workflow(self, job: Job) -> Workflow:
        if self._own is None:
            return build(job, self._kinds, self._shelf, self._unrest)
        return self._own.filled(job, self._kinds, self._shelf, self._unrest)

    def _drawn(self, job: Job, workflow: Workflow, watch: Watch) -> Rendering:
        started = time.perf_counter()
        steps = _Steps(workflow.steps, watch)
        self._bring(workflow.uploads, steps.wanted)
        entry = self._conversation.run(workflow.nodes, steps.told, steps.wanted)
        if (error := ended_badly(entry)) is not None:
            raise error
        picture = fetch_picture(self._server, entry, workflow.output)
        width, height = job.scene.picture_size
        if picture.shape[:2] != (height, width):
            raise BlockweightError(
                f"ComfyUI made a picture of {picture.shape[1]}×{picture.shape[0]} pixels where {width}×{height} were "
                "asked for; give the workflow its size by %width% and %height%."
            )
        return Rendering(job, picture, time.perf_counter() - started)

    def _bring(self, uploads: Collection[Upload], wanted: Callable[[], None]) -> None:
        """Upload what the server has not yet; a file that it has under this name is the same."""
        missing = [upload for upload in uploads if upload.name not in self._there]
        if not missing:
            return
        there = set(self._names("/models/loras"))
        for upload in missing:
            if upload.name in there:
                continue
            wanted()
            fields = {"type": "input"} if upload.folder == "input" else {"type": "output", "subfolder": upload.folder}
            told = self._server.post_file("/upload/image", upload.name, upload.make(), fields)
            if not isinstance(told, dict) or told.get("name") != upload.name:
                raise BlockweightError(
                    f"ComfyUI has another file called '{upload.name}', which is a damaged one; remove it from its "
                    f"folder '{upload.folder}' and start again."
                )
        loras = {upload.name for upload in missing if upload.folder == "loras"}
        if loras - there and loras - set(self._names("/models/loras")):
            raise BlockweightError(
                "ComfyUI does not list the LoRA files that were uploaded to its output folder 'loras'; update it "
                "(0.3.64 does), or add that folder to its extra_model_paths.yaml."
            )
        self._there.update(upload.name for upload in missing)

    def _names(self, path: str) -> list[str]:
        told = self._server.get_json(path)
        return [str(name) for name in told] if isinstance(told, list) else []

    def _prove(self, job: Job, watch: Watch) -> None:
        """Refuse a job with a LoRA of which the server does not load a block. It says so when it loads the LoRA, and
        not when it has it already: so it loads each file anew once, in a small picture, with each model. Each LoRA has
        a picture of its own, since the log does not say which of several it means."""
        model = job.scene.checkpoint.digest
        wanted = _Steps(self._workflow(job).steps, watch).wanted
        for each in wanted_of(job):
            alone = trial_job(job, each)
            workflow = self._workflow(alone)
            if not all((model, name) in self._loaded for name in piece_names(workflow)):
                self._try(each, model, workflow, wanted)
            for name in sorted(piece_names(workflow)):
                if known := self._loaded[model, name]:
                    raise known

    def _try(self, each: Wanted, model: str, workflow: Workflow, wanted: Callable[[], None]) -> None:
        """Let the server load a LoRA, and note of each of its files whether it did."""
        trial = loaded_anew(workflow)
        self._bring(trial.uploads, wanted)
        self._log.news()
        entry = self._conversation.run(trial.nodes, _unheard, wanted)
        if (error := ended_badly(entry)) is not None:
            raise error
        lines = self._log.news()
        names = piece_names(trial)
        lora, pieces = self._shelf.take(each.use)
        sent = [piece for piece in pieces if piece.upload.name in names]
        dead = unloaded_blocks(each.use.path, lora.family, sent, lines)
        for piece in sent:
            self._loaded[model, piece.upload.name] = dead.get(piece.piece.block)


def _unheard(_node: str, _step: int) -> None:
    """A trial's steps are none of the pictures'."""


class _Steps:
    """The steps of a workflow's samplers as those of one picture."""

    def __init__(self, steps: Mapping[str, int], watch: Watch) -> None:
        self._before: dict[str, int] = {}
        self._of = 0
        for node, count in steps.items():
            self._before[node] = self._of
            self._of += count
        self._done = 0
        self._watch = watch

    def told(self, node: str, value: int) -> None:
        if node in self._before:
            self._done = max(self._done, min(self._before[node] + value, self._of))
            self.wanted()

    def wanted(self) -> None:
        self._watch(Step(1, self._done, self._of))
