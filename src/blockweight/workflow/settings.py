"""What a person has set for good: folders with models, LoRAs and projects, language, theme. A TOML file in the config
folder."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from blockweight.errors import BlockweightError, quoted
from blockweight.workflow.config_folder import CONFIG, config_folder

LANGUAGES = {"en": "English", "ja": "日本語"}
"""The studio's languages: code → what its readers call it."""

THEMES = ("light", "dark")

DEVICES = {"cpu": "CPU", "cuda": "NVIDIA or AMD GPU (CUDA)", "mps": "Apple GPU (MPS)"}
"""What can render: torch's name → what people call it."""

PRECISIONS = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32"}
"""What a model can calculate in: what people call it → torch's name."""

_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Folders with models and with LoRAs, absolute; `language` is one of LANGUAGES, or empty to follow the browser, and
    `theme` one of THEMES, or empty to follow the system. `projects` is where new projects go, absolute; None for the
    usual place (`projects_folder`). `device` is the one of DEVICES that renders, or empty for the best that
    there is; `precision` the one of PRECISIONS that models calculate in, or empty for the device's usual. `renderer` is
    the address of the servers or the cluster that render instead (`webui+http://host:7860`, `ray`, `ray://host:10001`),
    without a password, or empty for this machine."""

    models: tuple[Path, ...] = ()
    loras: tuple[Path, ...] = ()
    language: str = ""
    theme: str = ""
    projects: Path | None = None
    device: str = ""
    precision: str = ""
    renderer: str = ""

    def __post_init__(self) -> None:
        check_look("language", self.language)
        check_look("theme", self.theme)
        if self.device and self.device not in DEVICES:
            raise BlockweightError(
                f"There is no device {quoted(self.device)}; use one of {', '.join(DEVICES)}, or leave it empty."
            )
        if self.precision and self.precision not in PRECISIONS:
            raise BlockweightError(
                f"There is no precision {quoted(self.precision)}; use one of {', '.join(PRECISIONS)}, or leave it "
                "empty."
            )
        elsewhere = "://" in self.renderer or re.match(r"ray(:|$)", self.renderer)
        if self.renderer and (not elsewhere or re.search(r"//[^/@]*:[^/@]*@", self.renderer)):
            raise BlockweightError(
                "renderer is the address of a server without a password, as in renderer = "
                '"webui+http://127.0.0.1:7860"; leave it empty for this machine.'
            )

    def text(self) -> str:
        """The file's text, TOML."""
        folders = [f"{name} = [{', '.join(map(_toml, paths))}]" for name, paths in self._folders()]
        where = [] if self.projects is None else [f"projects = {_toml(self.projects)}"]
        chosen = {"device": self.device, "precision": self.precision}
        renders = [f'{name} = "{value}"' for name, value in chosen.items() if value]
        renders += [f"renderer = {_toml(self.renderer)}"] if self.renderer else []
        return "\n".join([*folders, *where, *renders, f'language = "{self.language}"', f'theme = "{self.theme}"', ""])

    def _folders(self) -> tuple[tuple[str, tuple[Path, ...]], ...]:
        return ("models", self.models), ("loras", self.loras)


def check_look(name: Literal["language", "theme"], value: str) -> None:
    """BlockweightError for a language or a theme that there is not; empty is one."""
    known = tuple(LANGUAGES) if name == "language" else THEMES
    if value and value not in known:
        raise BlockweightError(f"There is no {name} {quoted(value)}; use one of {', '.join(known)}, or leave it empty.")


def settings_file() -> Path:
    """The file of the person's settings; there is none until something is set."""
    return config_folder() / "settings.toml"


def load_settings() -> Settings:
    """The person's settings, or the defaults if there is no file. BlockweightError for a file that cannot be read."""
    path = settings_file()
    try:
        with path.open("rb") as handle:
            data = handle.read(_MOST_BYTES)
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BlockweightError(f"The settings '{path}' cannot be read ({reason}); set {CONFIG}.") from None
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:80] or "nested too deeply"
        raise BlockweightError(f"The settings '{path}' are not TOML ({reason}); mend or remove the file.") from None
    try:
        return _settings_of(found)
    except BlockweightError as error:
        raise BlockweightError(f"In '{path}': {error}") from None


def save_settings(settings: Settings) -> None:
    """Write the settings, whole or not at all. BlockweightError for what the system refuses."""
    # The one writer of whole files that follows links and keeps permissions lives among the LoRA files.
    from blockweight.lora.atomic import write_atomically  # noqa: PLC0415 - brings numpy, which reading does not need

    path = settings_file()
    try:
        data = settings.text().encode()
    except UnicodeEncodeError:
        raise BlockweightError(
            "A folder's name is not text (UTF-8), so it cannot be kept; rename the folder."
        ) from None

    def write(handle: BinaryIO) -> None:
        handle.write(data)

    def check(temporary: Path) -> None:
        if temporary.read_bytes() != data:
            raise BlockweightError(f"'{path}' does not read back as it was written; check the disk.")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write, check, overwrite=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise BlockweightError(f"'{path}' cannot be written ({error}); set {CONFIG}.") from None


def folders_of(text: str) -> tuple[Path, ...]:
    """Folders as they are typed, one a line, `~` for the home folder; each once, absolute. BlockweightError for what is
    no folder, or a path that does not say where it begins."""
    found: dict[Path, None] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        path, there = _whole_path(line)
        if not there:
            raise BlockweightError(f"There is no folder {quoted(line, 200)}; check the path, or make the folder first.")
        found[path] = None
    return tuple(found)


def folder_to_be(text: str) -> Path | None:
    """A folder as it is typed, which need not be there yet; None for an empty text. BlockweightError for what cannot be
    a folder, and a path that does not say where it begins."""
    line = text.strip()
    if not line:
        return None
    path, there = _whole_path(line)
    if not there and path.exists():
        raise BlockweightError(f"{quoted(line, 200)} is a file; name a folder.")
    return path


def _whole_path(line: str) -> tuple[Path, bool]:
    """The path of a line, and whether it is a folder."""
    try:
        path = Path(line).expanduser()
        there = path.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise BlockweightError(f"{quoted(line, 200)} cannot be read ({error}); check the path.") from None
    if not path.is_absolute():
        raise BlockweightError(f"{quoted(line, 200)} is not a whole path; write it from the root of the disk on.")
    return path, there


def _settings_of(found: Mapping[str, object]) -> Settings:
    unknown = set(found) - {"models", "loras", "projects", "language", "theme", "device", "precision", "renderer"}
    if unknown:
        raise BlockweightError(
            f"{quoted(min(unknown))} is no setting; there are models, loras, projects, device, precision, renderer, "
            "language and theme."
        )
    language, theme, projects = (found.get(name, "") for name in ("language", "theme", "projects"))
    if not isinstance(language, str) or not isinstance(theme, str):
        raise BlockweightError('language and theme are texts, as in theme = "dark".')
    device, precision = found.get("device", ""), found.get("precision", "")
    if not isinstance(device, str) or not isinstance(precision, str):
        raise BlockweightError('device and precision are texts, as in device = "cpu".')
    renderer = found.get("renderer", "")
    if not isinstance(renderer, str):
        raise BlockweightError('renderer is a text, as in renderer = "webui+http://127.0.0.1:7860".')
    if not isinstance(projects, str):
        raise BlockweightError('projects is one folder, as in projects = "/data/projects".')
    where = Path(projects) if projects else None
    return Settings(
        _paths("models", found), _paths("loras", found), language, theme, where, device, precision, renderer
    )


def _paths(name: str, found: Mapping[str, object]) -> tuple[Path, ...]:
    listed = found.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
        raise BlockweightError(f'{name} is a list of folders, as in {name} = ["/data/{name}"].')
    return tuple(Path(item) for item in listed)


def _toml(path: Path | str) -> str:
    # JSON's strings are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(str(path), ensure_ascii=False).replace("\x7f", "\\u007f")
