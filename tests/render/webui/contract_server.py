"""A WebUI over a real socket: its answers and its silences as live ones gave them, and pictures that show what it drew
with. A LoRA's module paints two columns, as bright as what multiplies it times a number of its own tensors."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from PIL import Image, PngImagePlugin
from quick_server import QuickServer
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blockweight.blocks import REST, TEXT_ENCODERS
from blockweight.lora import Lora, open_lora
from blockweight.lora.hashes import webui_hash

SAMPLERS = ("DPM++ 2M", "Euler", "Euler a", "DDIM", "DPM++ 2M SDE")
SCHEDULERS = ("Automatic", "Uniform", "Karras", "Exponential")
PRESETS = {"NONE": 0.0, "ALL": 1.0}
LENGTHS = (12, 17, 20, 26, 61)
FULL = ("BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12)))

Fault = str
"""refused (closed at once), slow, cut (in the middle of the answer), garbage, or a status."""


@dataclass
class Webui:
    """`loras` is its LoRA folder; `models` its checkpoints and `vaes` its VAEs, name →
    SHA-256; `lbw` one of works, absent, ignored (has no
    effect, as an old one on Forge Neo), unlike (0 does not turn off). `drawn` lists the requests that it drew."""

    loras: Path
    models: dict[str, str]
    flavour: str = "Forge"
    version: str = "f2.0.1v1.10.1-previous-1-gabcdef12"
    lbw: str = "works"
    auth: str = ""
    tasks: bool = True
    step_seconds: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    drawn: list[dict[str, Any]] = field(default_factory=list)
    tells: Callable[[str], str] = str
    vaes: dict[str, str] = field(default_factory=dict)
    url: str = ""
    interrupted: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.known: dict[str, Path] = {}
        self.cache: dict[Path, Lora] = {}
        self.lock = threading.Lock()
        self.task: tuple[str, int, int] | None = None
        self.stop = False
        # A fresh installation's: what a request overrides sticks.
        self.options = {
            "sd_model_checkpoint": next(iter(self.models)),
            "CLIP_stop_at_last_layers": 1,
            "randn_source": "GPU",
            "eta_noise_seed_delta": 0,
            "samples_format": "jpg",
            "sd_vae": "Automatic",
            "emphasis": "Original",
            **({"forge_additional_modules": []} if self.flavour == "Forge" else {}),
            **self.options,
        }
        self.refresh()

    def refresh(self) -> None:
        self.known = {path.stem: path for path in sorted(self.loras.glob("*.safetensors"))}

    def lora(self, path: Path) -> Lora:
        """By its path for good, as Forge does."""
        if path not in self.cache:
            found = open_lora(path)
            found.__dict__["numbers"] = {module: _number(found, module) for module in found.modules}
            self.cache[path] = found
        return self.cache[path]

    def draw(self, body: dict[str, Any]) -> dict[str, Any]:
        """An answer of txt2img. KeyError for an option that there is not."""
        self.override(body.get("override_settings", {}))
        sampler, scheduler = self.sampling(body["sampler_name"], body.get("scheduler", "Automatic"))
        if body.get("enable_hr") and self.flavour == "Forge" and not body.get("hr_additional_modules"):
            raise TypeError("argument of type 'NoneType' is not iterable")
        halfway = self.walk(body.get("force_task_id", ""), body["steps"])
        model = _model_of(self.options["sd_model_checkpoint"])
        said: dict[str, object] = {"Steps": body["steps"], "Sampler": sampler}
        if self.flavour != "classic":
            said["Schedule type"] = scheduler
        said |= {"CFG scale": body["cfg_scale"], "Seed": body["seed"], "Size": f"{body['width']}x{body['height']}"}
        said |= {"Model hash": self.models[model][:10], "Model": model}
        skip = self.options["CLIP_stop_at_last_layers"]
        if skip > 1:
            said["Clip skip"] = skip
        if self.flavour == "Forge":
            modules = self.options["forge_additional_modules"]
            said |= {f"Module {n}": Path(each).stem for n, each in enumerate(modules, start=1)}
        elif self.options["sd_vae"] in self.vaes:
            said["VAE hash"] = self.vaes[self.options["sd_vae"]][:10]
        picture, hashes = self.picture(body, model, sampler, scheduler)
        if hashes:
            said["Lora hashes"] = json.dumps(", ".join(hashes))
        said["Version"] = self.version
        settings = ", ".join(f"{name}: {value}" for name, value in said.items())
        text = self.tells(f"{body['prompt']}\nNegative prompt: {body['negative_prompt']}\n{settings}")
        if halfway:
            picture = picture // 2
        self.drawn.append(body)
        info = {"all_seeds": [body["seed"]], "infotexts": [text], "index_of_first_image": 0, "version": self.version}
        return {
            "images": [_encoded(picture, text, self.options["samples_format"])],
            "parameters": {},
            "info": json.dumps(info),
        }

    def override(self, settings: dict[str, Any]) -> None:
        for name, value in settings.items():
            if name not in self.options:
                raise KeyError(name)
            if name != "sd_model_checkpoint" or _model_of(value) in self.models:
                self.options[name] = value

    def sampling(self, sampler: str, scheduler: str) -> tuple[str, str]:
        plain = sampler.removesuffix(" Karras") if self.flavour == "classic" else sampler
        if plain in SAMPLERS and scheduler in SCHEDULERS:
            return sampler, scheduler
        if self.flavour == "Forge":
            return "DPM++ 2M", "Karras"
        raise LookupError("Sampler not found")

    def walk(self, task: str, steps: int) -> bool:
        """Whether it was interrupted."""
        self.stop = False
        for step in range(steps):
            if self.stop:
                break
            self.task = (task, step, steps)
            self.closing.wait(self.step_seconds)
        self.task = None
        return self.stop

    def picture(self, body: dict[str, Any], model: str, sampler: str, scheduler: str) -> tuple[np.ndarray, list[str]]:
        width, height = body["width"], body["height"]
        if body.get("enable_hr"):
            sides = body["hr_resize_x"], body["hr_resize_y"]
            width, height = sides if any(sides) else (int(s * body["hr_scale"]) for s in (width, height))
        words = re.sub(r"\s*<[^>]*>", "", body["prompt"]).strip()
        kept = {k: v for k, v in self.options.items() if k not in ("samples_format", "sd_model_checkpoint")}
        what = (words, body["negative_prompt"], model, sampler, scheduler, body["steps"], body["cfg_scale"], kept)
        seed = zlib.crc32(json.dumps([*what, body.get("init_images", [])], default=str).encode())
        rng = np.random.default_rng((seed, body["seed"]))
        values = rng.uniform(96, 160, (height, width, 3))
        worn, hashes = self.worn(body)
        for lora, te, unet, vectors in worn:
            for module, number in lora.__dict__["numbers"].items():
                text = module.component in TEXT_ENCODERS
                vector = vectors[0 if text else 1]
                block = lora.block_of(module)
                ratio = 1.0 if vector is None or block == REST else vector[FULL.index(block)]
                place = zlib.crc32(f"{module.component}.{module.path}".encode()) % width
                values[:, place, zlib.crc32(module.path.encode()) % 3] += (te if text else unet) * ratio * number
        return np.clip(values.round(), 0, 255).astype(np.uint8), hashes

    def worn(self, body: dict[str, Any]) -> tuple[list[Any], list[str]]:
        """The LoRAs that are there, their strengths, and the vectors that text encoders and the rest get."""
        found, hashes = [], []
        for tag in re.findall(r"<lora:([^>]*)>", body["prompt"]):
            name, *items = tag.split(":")
            named = dict(item.split("=", 1) for item in items if "=" in item)
            plain = [item for item in items if "=" not in item]
            te = float(named.get("te", plain[0] if plain else 1))
            unet = float(named.get("unet", plain[1] if len(plain) > 1 else te))
            if name in self.known:
                lora = self.lora(self.known[name])
                found.append([lora, te, unet, self.vector(named.get("lbw", ""))])
                whole = hashlib.sha256(lora.path.read_bytes()).hexdigest()[:12] if lora.path.exists() else ""
                stamped = "sshs_model_hash" in lora.header.metadata
                short = webui_hash(lora.path, lora.header) if self.flavour != "Forge" or stamped else whole
                hashes.append(f"{name}: {short}")
        vectors = [each[3] for each in found]
        # Pairs settings with LoRAs by their order among those that have such modules.
        texts = iter(vectors)
        for each in found:
            has_text = any(module.component in TEXT_ENCODERS for module in each[0].modules)
            each[3] = (next(texts) if has_text else None, each[3])
        return found, hashes

    def vector(self, text: str) -> list[float] | None:
        if not text or self.lbw in ("absent", "ignored"):
            return None
        if text in PRESETS:
            return [PRESETS[text]] * 26
        values = [float(item) for item in text.split(",")]
        if len(values) not in LENGTHS:
            return None
        if self.lbw == "unlike":
            values = [0.5 + value / 2 for value in values]
        return (values + [0.0] * 26)[:26]


def _number(lora: Lora, module: Any) -> float:
    up = next(info for role, info in lora.modules[module].items() if role == "lora_up")
    values = lora.read(up).astype(np.float64).ravel()
    return float((values * np.cos(np.arange(values.size))).sum() * 20)


def _model_of(title: str) -> str:
    return title.partition(".safetensors")[0]


def _encoded(picture: np.ndarray, text: str, kind: str) -> str:
    stream = io.BytesIO()
    chunk = PngImagePlugin.PngInfo()
    chunk.add_text("parameters", text)
    Image.fromarray(picture).save(
        stream, "PNG" if kind == "png" else "JPEG", **({"pnginfo": chunk} if kind == "png" else {})
    )
    return base64.b64encode(stream.getvalue()).decode()


def _app(webui: Webui) -> Any:
    tasks = [
        Route("/internal/pending-tasks", lambda _: JSONResponse({"size": 0, "tasks": []})),
        Route("/internal/progress", partial(_task_progress, webui), methods=["POST"]),
    ]
    return _guarded(webui, Starlette(routes=[*_listed(webui), *_done(webui), *(tasks if webui.tasks else [])]))


def _listed(webui: Webui) -> list[Route]:
    """What can be asked for."""
    models = [
        {"title": f"{name}.safetensors [{sha[:10]}]", "model_name": name, "hash": sha[:10], "sha256": sha,
         "filename": f"C:\\models\\{name}.safetensors", "config": None}
        for name, sha in webui.models.items()
    ]  # fmt: skip
    samplers = (*SAMPLERS, *(("DPM++ 2M Karras",) if webui.flavour == "classic" else ()))
    scripts = [{"name": "seed", "is_alwayson": True}]
    scripts += [{"name": "lora block weight", "is_alwayson": True}] if webui.lbw != "absent" else []
    vaes = [{"model_name": name, "filename": f"/models/vae/{name}"} for name in webui.vaes]
    fixed: dict[str, object] = {
        "samplers": [{"name": name, "aliases": [], "options": {}} for name in samplers],
        "sd-models": models,
        "script-info": scripts,
        "upscalers": [{"name": "None"}, {"name": "Lanczos"}],
        "latent-upscale-modes": [{"name": "Latent"}],
        "embeddings": {"loaded": {"bad": {}}, "skipped": {}},
        "cmd-flags": {"no_half": True, "precision": "autocast", "use_cpu": []},
        ("sd-modules" if webui.flavour == "Forge" else "sd-vae"): vaes,
    }
    if webui.flavour != "classic":
        fixed["schedulers"] = [{"name": name.lower(), "label": name} for name in SCHEDULERS]

    def loras() -> list[object]:
        found = [(name, path, webui.lora(path).header.metadata) for name, path in webui.known.items()]
        return [{"name": n, "alias": n, "path": str(path), "metadata": dict(meta)} for n, path, meta in found]

    def progress() -> object:
        task = webui.task
        share = 0.0 if task is None else task[1] / task[2]
        return {"progress": share, "state": {}, "current_image": None}

    said: dict[str, Callable[[], object]] = {name: partial(_same, value) for name, value in fixed.items()}
    said |= {"options": lambda: webui.options, "loras": loras, "progress": progress}
    return [Route(f"/sdapi/v1/{name}", partial(_answered, value)) for name, value in said.items()]


def _same(value: object) -> object:
    return value


def _answered(value: Callable[[], object], _: Request) -> Response:
    return JSONResponse(value())


def _done(webui: Webui) -> list[Route]:
    """What it can be told to do."""

    async def draw(request: Request) -> Response:
        return await run_in_threadpool(_drawn, webui, await request.json())

    def interrupt(_: Request) -> Response:
        webui.stop = True
        webui.interrupted += 1
        return JSONResponse({})

    def refresh(_: Request) -> Response:
        webui.refresh()
        return JSONResponse(None)

    post = {"txt2img": draw, "img2img": draw, "interrupt": interrupt, "refresh-loras": refresh}
    return [Route(f"/sdapi/v1/{name}", answer, methods=["POST"]) for name, answer in post.items()]


def _drawn(webui: Webui, body: dict[str, Any]) -> Response:
    with webui.lock:
        try:
            return JSONResponse(webui.draw(body))
        except LookupError as error:
            status = 404 if error.args == ("Sampler not found",) else 500
            return JSONResponse({"error": type(error).__name__, "detail": "", "errors": str(error)}, status)
        except TypeError as error:
            return JSONResponse({"error": "TypeError", "detail": "", "message": str(error)}, 500)


async def _task_progress(webui: Webui, request: Request) -> Response:
    body, task = await request.json(), webui.task
    if task is None or task[0] != body["id_task"]:
        return JSONResponse({"active": False, "queued": True, "completed": False, "progress": None})
    return JSONResponse({"active": True, "queued": False, "completed": False, "progress": task[1] / task[2]})


def _guarded(webui: Webui, inner: Any) -> Any:
    """The app behind its faults and its door."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"].rpartition("/")[2]
        webui.asked.append(name)
        headers = dict(scope["headers"])
        wanted = f"Basic {base64.b64encode(webui.auth.encode()).decode()}".encode()
        if webui.auth and scope["path"].startswith("/sdapi") and headers.get(b"authorization") != wanted:
            await JSONResponse({"detail": "Incorrect username or password"}, 401)(scope, receive, send)
            return
        fault = (webui.faults.get(name) or [""]).pop(0) if webui.faults.get(name) else ""
        if not fault:
            await inner(scope, receive, send)
        elif fault.isdigit():
            await JSONResponse({"error": "RuntimeError", "detail": "", "errors": "no"}, int(fault))(
                scope, receive, send
            )
        elif fault == "garbage":
            await Response("<html>")(scope, receive, send)
        elif fault == "slow":
            await run_in_threadpool(webui.closing.wait, 60)
        else:
            if fault == "restart":  # it dies after the work, before the answer
                await inner(scope, receive, _swallow)
            head = [(b"content-length", b"1000")]
            if fault != "refused":
                await send({"type": "http.response.start", "status": 200, "headers": head})
                await send({"type": "http.response.body", "body": b'{"images": [', "more_body": True})
            raise ConnectionResetError(fault)

    async def _swallow(_: Any) -> None:
        """Nobody gets it."""

    return app


@contextmanager
def served(webui: Webui) -> Iterator[Webui]:
    """The WebUI, listening; `url` says where."""
    config = uvicorn.Config(_app(webui), host="127.0.0.1", port=0, log_config=None, lifespan="off", ws="none")
    server = QuickServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    webui.url = f"http://127.0.0.1:{port}"
    try:
        yield webui
    finally:
        webui.closing.set()
        server.should_exit = server.force_exit = True
        thread.join()
