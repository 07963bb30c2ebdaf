"""A ComfyUI as the reference describes it, over real sockets: it validates workflows, draws with toy nodes, caches,
logs, and can fail at each point of a conversation."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any

import uvicorn
from node_kinds import OUTPUTS, node_kinds
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from toy_nodes import png, toy_outputs

from blockweight.lora import read_header

MODELS = {"checkpoints": ["SD15/anime.safetensors", "model.safetensors"], "vae": ["kl-f8.safetensors"]}


class Interrupted(Exception):
    pass


@dataclass
class Life:
    """What a server forgets when it starts anew."""

    pending: Queue = field(default_factory=Queue)
    waiting: list[list[Any]] = field(default_factory=list)
    running: list[list[Any]] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    cache: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    log: deque = field(default_factory=lambda: deque(maxlen=300))
    temp: dict[str, bytes] = field(default_factory=dict)
    sockets: dict[str, WebSocket] = field(default_factory=dict)
    interrupted: str | None = None
    over: bool = False


class ComfyuiServer:
    """`faults` are taken in turn by requests to a path (method and its beginning): `None` is none, `cut` closes the
    connection before anything is done, `lost` after it, a number answers with that status, `garbage` with what is no
    JSON. `at_step` is called with a prompt's name and the number of the step that a sampler has come to. `posted` are
    the workflows that were taken but for `trials`, whose LoRAs are next to nothing, `drawn` the
    names of those that were drawn to their end, `ran` the nodes of the last
    one that were not in the cache. `holds` keeps workflows waiting. `unknown` are the beginnings of LoRA keys that are
    not known, `misfits` what is logged of layers that do not fit, `chatter` is how many other lines a loader logs."""

    def __init__(self) -> None:
        self.port = 0
        self.renew()
        self._start()

    def renew(self) -> None:
        """Be as at first."""
        self.models: dict[str, list[str]] = {folder: list(names) for folder, names in MODELS.items()}
        self.embeddings = ["EasyNegative"]
        self.loras: dict[str, bytes] = {}
        self.pictures: dict[str, bytes] = {}
        self.faults: dict[str, list[int | str | None]] = {}
        self.missing_kinds: set[str] = set()
        self.unknown: tuple[str, ...] = ()
        self.chatter = 0
        self.misfits: tuple[str, ...] = ()
        self.failing: dict[str, dict[str, str]] = {}
        self.node_errors: dict[str, Any] = {}
        self.at_step: Callable[[str, int], None] = lambda _prompt, _step: None
        self.password = ""
        self.sockets_open = True
        self.uploaded: list[str] = []
        self.posted: list[dict[str, Any]] = []
        self.trials: list[dict[str, Any]] = []
        self.drawn: list[str] = []
        self.ran: list[str] = []
        self.interrupts: list[object] = []
        self.deleted: list[str] = []
        self.lists_uploads = True
        self.holds = False
        self.metadata: dict[str, dict[str, str]] = {}
        self.version: str | None = "0.3.64"
        if self.port and not self._thread.is_alive():
            self.restart()
        elif self.port:
            self._end_life()
            self._begin_life()

    @property
    def address(self) -> str:
        return f"comfyui+http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._end_life()
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join()

    def restart(self) -> None:
        """Start anew on the same port: the queue, the history and the cache are gone, uploaded files are not."""
        self.close()
        self._start()

    def hang_up(self) -> None:
        """Close the WebSockets."""
        for socket in list(self.life.sockets.values()):
            asyncio.run_coroutine_threadsafe(socket.close(), self._loop).result()

    def _start(self) -> None:
        started = threading.Event()
        config = uvicorn.Config(
            _Faulty(self, self._app()),
            port=self.port,
            log_level="critical",
            ws="websockets-sansio",
            lifespan="off",
            ws_max_size=1 << 24,
        )
        self._server = uvicorn.Server(config)
        socket = config.bind_socket()
        socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.port = socket.getsockname()[1]

        def serve() -> None:
            self._loop = asyncio.new_event_loop()
            self._loop.call_soon(started.set)
            self._loop.run_until_complete(self._server.serve([socket]))
            self._loop.close()
            socket.close()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        started.wait()
        self._begin_life()

    def _begin_life(self) -> None:
        self.life = Life()
        self._worker = threading.Thread(target=self._work, args=(self.life,), daemon=True)
        self._worker.start()

    def _end_life(self) -> None:
        self.life.over = True
        if threading.current_thread() is not self._worker:
            self._worker.join()

    def _app(self) -> Starlette:
        routes = [
            Route("/system_stats", self._stats),
            Route("/object_info/{kind:path}", self._object_info),
            Route("/models/{folder}", self._models),
            Route("/view_metadata/{folder}", self._metadata),
            Route("/embeddings", lambda _request: JSONResponse(self.embeddings)),
            Route("/prompt", self._prompt, methods=["POST"]),
            Route("/queue", self._queue),
            Route("/queue", self._change_queue, methods=["POST"]),
            Route("/interrupt", self._interrupt, methods=["POST"]),
            Route("/history/{prompt}", self._history),
            Route("/view", self._view),
            Route("/upload/image", self._upload, methods=["POST"]),
            Route("/internal/logs/raw", self._logs),
            WebSocketRoute("/ws", self._ws),
        ]
        return Starlette(routes=routes)

    def _kinds(self) -> dict[str, Any]:
        loras = list(self.loras) if self.lists_uploads else []
        kinds = node_kinds(self.models, loras, list(self.pictures))
        return {kind: told for kind, told in kinds.items() if kind not in self.missing_kinds}

    async def _stats(self, _request: Request) -> Response:
        system = {
            "os": "posix",
            "comfyui_version": self.version,
            "pytorch_version": "2.8.0+cpu",
            "argv": ["main.py", "--cpu"],
        }
        if self.version is None:
            return JSONResponse({"detail": "Not Found"})
        return JSONResponse({"system": system, "devices": [{"name": "cpu", "type": "cpu", "index": None}]})

    async def _object_info(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        kinds = self._kinds()
        return JSONResponse({kind: kinds[kind]} if kind in kinds else {})

    async def _models(self, request: Request) -> Response:
        folder = request.path_params["folder"]
        return JSONResponse(
            self._kinds()["LoraLoader"]["input"]["required"]["lora_name"][0] if folder == "loras" else []
        )

    async def _metadata(self, request: Request) -> Response:
        told = self.metadata.get(request.query_params["filename"])
        return Response(status_code=404) if told is None else JSONResponse(told)

    async def _upload(self, request: Request) -> Response:
        form = _form(await request.body(), request.headers["content-type"])
        name, data = form["image"]
        sort, folder = (form.get(key, ("", b""))[1].decode() for key in ("type", "subfolder"))
        if sort not in ("input", "temp", "output"):
            return PlainTextResponse("bad type", 500)
        if ".." in name or len(data) > 100 << 20:
            return Response(status_code=400)
        files = self.loras if (sort, folder) == ("output", "loras") else self.pictures
        self.uploaded.append(name)
        if name in files and files[name] != data:
            stem, dot, ending = name.rpartition(".")
            name = f"{stem} (1){dot}{ending}"
        files[name] = data
        return JSONResponse({"name": name, "subfolder": folder, "type": sort})

    async def _prompt(self, request: Request) -> Response:
        try:
            told = json.loads(await request.body())
        except ValueError:
            return PlainTextResponse("Internal Server Error", 500)
        nodes, prompt = told["prompt"], told["prompt_id"]
        error, errors = self._validated(nodes)
        if error is not None:
            return JSONResponse({"error": error, "node_errors": errors}, 400)
        (self.trials if _is_trial(nodes) else self.posted).append(told)
        item = [len(self.posted) + len(self.trials), prompt, nodes, {"client_id": told.get("client_id")}, []]
        self.life.waiting.append(item)
        self.life.pending.put(item)
        return JSONResponse({"prompt_id": prompt, "number": item[0], "node_errors": self.node_errors})

    def _validated(self, nodes: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        kinds = self._kinds()
        for name, node in nodes.items():
            if node["class_type"] not in kinds:
                message = f"Cannot execute because node {node['class_type']} does not exist."
                return _error("invalid_prompt", message, f"Node ID '#{name}'"), {}
        if not any(node["class_type"] in OUTPUTS for node in nodes.values()):
            return _error("prompt_no_outputs", "Prompt has no outputs"), {}
        errors: dict[str, Any] = {}
        for name, node in nodes.items():
            found = [
                error
                for key, spec in kinds[node["class_type"]]["input"]["required"].items()
                if (error := _input_error(key, spec, node["inputs"], nodes, kinds)) is not None
            ]
            if found:
                errors[name] = {"errors": found, "dependent_outputs": [], "class_type": node["class_type"]}
        if errors:
            return _error("prompt_outputs_failed_validation", "Prompt outputs failed validation"), errors
        return None, {}

    async def _queue(self, _request: Request) -> Response:
        return JSONResponse({"queue_running": self.life.running, "queue_pending": self.life.waiting})

    async def _change_queue(self, request: Request) -> Response:
        for prompt in (await request.json()).get("delete", []):
            self.deleted.append(prompt)
            self.life.waiting[:] = [item for item in self.life.waiting if item[1] != prompt]
        return Response()

    async def _interrupt(self, request: Request) -> Response:
        told = await request.json()
        self.life.interrupted = told.get("prompt_id", "everybody")
        self.interrupts.append(told)
        return Response()

    async def _history(self, request: Request) -> Response:
        prompt = request.path_params["prompt"]
        entry = self.life.history.get(prompt)
        return JSONResponse({} if entry is None else {prompt: entry})

    async def _view(self, request: Request) -> Response:
        data = self.life.temp.get(request.query_params["filename"])
        return Response(status_code=404) if data is None else Response(data, media_type="image/png")

    async def _logs(self, _request: Request) -> Response:
        return JSONResponse({"entries": list(self.life.log), "size": {"cols": 80, "rows": 24}})

    async def _ws(self, socket: WebSocket) -> None:
        if not self.sockets_open:
            await socket.close()
            return
        await socket.accept()
        client = socket.query_params["clientId"]
        life = self.life
        life.sockets[client] = socket
        await socket.send_json(
            {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client}}
        )
        try:
            while True:
                told = await socket.receive_json()
                assert told["type"] == "feature_flags"
                await socket.send_json({"type": "feature_flags", "data": {"max_upload_size": 104857600}})
        except (WebSocketDisconnect, RuntimeError):
            life.sockets.pop(client, None)

    def _tell(self, life: Life, client: str | None, sort: str, **data: object) -> None:
        """To a client, or to all of them as ComfyUI does with progress."""
        text = json.dumps({"type": sort, "data": data})
        for name, socket in list(life.sockets.items()):
            if client in (None, name):
                self._send(socket.send_text(text))

    def _preview(self, life: Life) -> None:
        for socket in list(life.sockets.values()):
            self._send(socket.send_bytes(struct.pack(">II", 1, 1) + b"no picture at all"))

    def _send(self, sending: Any) -> None:
        try:
            asyncio.run_coroutine_threadsafe(sending, self._loop).result(30)
        except (RuntimeError, WebSocketDisconnect, TimeoutError):  # the socket, or the server, is gone
            sending.close()

    def _work(self, life: Life) -> None:
        while not life.over:
            try:
                item = life.pending.get(timeout=0.02)
                while self.holds and item in life.waiting and not life.over:
                    time.sleep(0.01)
            except Empty:
                continue
            if item in life.waiting:
                life.waiting.remove(item)
                life.running.append(item)
                self._run(life, item)
                if life.over:
                    return
                life.running.remove(item)
                self._tell(life, item[3]["client_id"], "executing", node=None, prompt_id=item[1])

    def _run(self, life: Life, item: list[Any]) -> None:
        _, prompt, nodes, extra, _ = item
        client = extra["client_id"]
        outputs: dict[str, Any] = {}
        messages: list[Any] = [["execution_start", {"prompt_id": prompt}]]
        self._tell(life, client, "execution_start", prompt_id=prompt)
        self.ran = []
        done: dict[str, tuple[Any, ...]] = {}
        state = "success"
        node = ""
        try:
            kept: dict[str, tuple[Any, ...]] = {}
            for node in _in_order(nodes):
                done[node] = self._node(life, item, node, done, kept)
                if life.over:
                    return
                if nodes[node]["class_type"] in OUTPUTS:
                    name = f"ComfyUI_temp_{prompt[:8]}_{node}.png"
                    life.temp[name] = png(done[node][0], nodes)
                    images = [{"filename": name, "subfolder": "", "type": "temp"}]
                    outputs[node] = {"images": images}
                    self._tell(life, client, "executed", node=node, output=outputs[node], prompt_id=prompt)
            life.cache = kept
            if not _is_trial(nodes):
                self.drawn.append(prompt)
            messages.append(["execution_success", {"prompt_id": prompt}])
        except Interrupted:
            state, outputs = "error", {}
            told = {"prompt_id": prompt, "node_id": node, "node_type": nodes[node]["class_type"], "executed": []}
            messages.append(["execution_interrupted", told])
            self._tell(life, None, "execution_interrupted", **told)
        except (ValueError, KeyError, OSError) as error:
            state, outputs = "error", {}
            told = {
                "prompt_id": prompt,
                "node_id": node,
                "node_type": nodes[node]["class_type"],
                "exception_message": str(error) + "\nmore lines",
                "exception_type": type(error).__name__,
                "traceback": ["  File ..."],
            } | self.failing.get(nodes[node]["class_type"], {})
            messages.append(["execution_error", told])
            self._tell(life, client, "execution_error", **told)
        life.history[prompt] = {
            "prompt": item,
            "outputs": outputs,
            "status": {"status_str": state, "completed": state == "success", "messages": messages},
            "meta": {},
        }

    def _node(
        self, life: Life, item: list[Any], name: str, done: dict[str, tuple[Any, ...]], kept: dict[str, tuple[Any, ...]]
    ) -> tuple[Any, ...]:
        _, prompt, nodes, extra, _ = item
        kind = nodes[name]["class_type"]
        signature = _signature(name, nodes)
        if signature in life.cache and kind not in OUTPUTS:
            kept[signature] = life.cache[signature]
            return kept[signature]
        self.ran.append(name)
        self._tell(life, extra["client_id"], "executing", node=name, display_node=name, prompt_id=prompt)
        if kind in self.failing and not _is_trial(nodes):
            raise ValueError("it fails")
        inputs = {
            key: done[str(value[0])][value[1]] if isinstance(value, list) else value
            for key, value in nodes[name]["inputs"].items()
        }
        if kind.startswith("KSampler"):
            life.log.extend({"t": f"{time.time_ns()}", "m": f"ERROR lora {key} shape\n"} for key in self.misfits)
            self._sample(life, prompt, name, inputs, nodes)
        if kind.startswith("LoraLoader"):
            self._log_unknown(life, inputs["lora_name"])
            life.log.extend({"t": f"{time.time_ns()}", "m": f"line {line}\n"} for line in range(self.chatter))
        if kind in OUTPUTS:
            return (inputs["images"],)
        kept[signature] = toy_outputs(kind, inputs, self.loras.__getitem__, self.pictures.__getitem__)
        return kept[signature]

    def _sample(self, life: Life, prompt: str, node: str, inputs: dict[str, Any], nodes: dict[str, Any]) -> None:
        steps = inputs["steps"] - inputs.get("start_at_step", 0)
        for step in range(1, steps + 1):
            if life.interrupted in (prompt, "everybody"):
                life.interrupted = None
                raise Interrupted
            if not _is_trial(nodes):
                self.at_step(prompt, step)
            if life.over:
                return
            self._preview(life)
            self._tell(life, None, "progress", value=steps, max=steps, node=node, prompt_id="somebody-else")
            self._tell(life, None, "progress", value=step, max=steps, node=node, prompt_id=prompt)

    def _log_unknown(self, life: Life, name: str) -> None:

        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            Path(file.name).write_bytes(self.loras[name])
            names = [info.name for info in read_header(Path(file.name)).tensors]
        for key in names:
            if self.unknown and key.startswith(self.unknown):
                life.log.append({"t": f"{time.time_ns()}", "m": f"lora key not loaded: {key}\n"})


class _Faulty:
    """The application with the faults before it."""

    def __init__(self, server: ComfyuiServer, app: Starlette) -> None:
        self._server, self._app = server, app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        if self._server.password and not _allowed(scope, self._server.password):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close"})
            else:
                await PlainTextResponse("who are you?", 401)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        asked = f"{scope['method']} {scope['path']}"
        faults = next(
            (each for start, each in self._server.faults.items() if f"{asked}/".startswith(f"{start}/") and each), None
        )
        fault = faults.pop(0) if faults else None
        if fault is None:
            await self._app(scope, receive, send)
        elif fault == "garbage":
            await PlainTextResponse("<html>not what you look for</html>")(scope, receive, send)
        elif isinstance(fault, int):
            await PlainTextResponse("Internal Server Error", fault)(scope, receive, send)
        else:
            if fault == "lost":
                await self._app(scope, receive, _nowhere)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _nowhere(_message: Any) -> None:
    """Swallow an answer."""


def _allowed(scope: Any, password: str) -> bool:

    wanted = b"Basic " + base64.b64encode(password.encode())
    return dict(scope["headers"]).get(b"authorization") == wanted


def _form(body: bytes, kind: str) -> dict[str, tuple[str, bytes]]:
    """A form's fields: name → (file name, content)."""
    boundary = b"--" + kind.partition("boundary=")[2].encode()
    fields = {}
    for part in body.split(boundary)[1:-1]:
        head, _, content = part[2:-2].partition(b"\r\n\r\n")
        words = dict(word.strip().split("=", 1) for word in head.decode().splitlines()[0].split(";") if "=" in word)
        fields[words["name"].strip('"')] = (words.get("filename", "").strip('"'), content)
    return fields


def _is_trial(nodes: dict[str, Any]) -> bool:
    strengths = [node["inputs"].get(f"strength_{side}", 0) for node in nodes.values() for side in ("model", "clip")]
    return any(0 < strength < 0.001 for strength in strengths)


def _error(sort: str, message: str, details: str = "") -> dict[str, Any]:
    return {"type": sort, "message": message, "details": details, "extra_info": {}}


def _input_error(
    key: str, spec: list[Any], inputs: dict[str, Any], nodes: dict[str, Any], kinds: dict[str, Any]
) -> dict[str, Any] | None:
    if key not in inputs:
        return _error("required_input_missing", "Required input is missing", key)
    value = inputs[key]
    settings = spec[1] if len(spec) > 1 else {}
    listed = spec[0] if isinstance(spec[0], list) else settings.get("options") if spec[0] == "COMBO" else None
    if isinstance(value, list):
        if str(value[0]) not in nodes:
            return _error("exception_during_inner_validation", "Exception when validating inner node", "Traceback\n…")
        given = kinds[nodes[str(value[0])]["class_type"]]["output"][value[1]]
        if given != spec[0]:
            return _error("return_type_mismatch", "Return type mismatch between linked nodes", f"{key}, {given}")
    elif listed is not None:
        if value not in listed:
            return _error("value_not_in_list", "Value not in list", f"{key}: '{value}' not in {listed}")
    elif spec[0] in ("INT", "FLOAT"):
        return _number_error(key, value, settings)
    elif spec[0] not in ("STRING", "BOOLEAN"):
        return _error("bad_linked_input", "Bad linked input, must be a length-2 list", key)
    return None


def _number_error(key: str, value: Any, settings: dict[str, Any]) -> dict[str, Any] | None:
    if not isinstance(value, int | float):
        return _error("invalid_input_type", "Failed to convert an input value", key)
    if value < settings.get("min", value):
        return _error("value_smaller_than_min", f"Value {value} smaller than min", key)
    if value > settings.get("max", value):
        return _error("value_bigger_than_max", f"Value {value} bigger than max", key)
    return None


def _in_order(nodes: dict[str, Any]) -> list[str]:
    """The nodes that outputs need, each after those that it needs."""
    found: list[str] = []

    def visit(name: str) -> None:
        if name in found:
            return
        for value in nodes[name]["inputs"].values():
            if isinstance(value, list):
                visit(str(value[0]))
        found.append(name)

    for name, node in nodes.items():
        if node["class_type"] in OUTPUTS:
            visit(name)
    return found


def _signature(name: str, nodes: dict[str, Any]) -> str:
    told = [nodes[name]["class_type"]]
    for key, value in sorted(nodes[name]["inputs"].items()):
        told.append(f"{key}={(_signature(str(value[0]), nodes), value[1]) if isinstance(value, list) else value!r}")

    return hashlib.sha256("\n".join(told).encode()).hexdigest()


@contextmanager
def comfyui_server() -> Iterator[ComfyuiServer]:
    server = ComfyuiServer()
    try:
        yield server
    finally:
        server.close()
