"""The files that the pages may open: LoRAs of the project's folder and of the folders in the settings, and models of
the latter."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request

from blockweight.studio.projects import desk_of
from blockweight.workflow.lora_library import Library
from blockweight.workflow.model_library import ModelLibrary
from blockweight.workflow.project_form import Shelves
from blockweight.workflow.projects_folder import projects_folder
from blockweight.workflow.settings import load_settings
from blockweight.workflow.weight_sheet import Sheet, sheet_for


def library(request: Request) -> Library:
    """Every folder that may be read."""
    project = desk_of(request).named
    return Library((*(() if project is None else (project,)), *load_settings().loras))


def project_library(folder: Path) -> Library:
    """The folders that a project may read LoRAs from and bake to: its own, and those of the settings."""
    return Library(tuple(dict.fromkeys((folder, *load_settings().loras))))


def shelves(request: Request) -> Shelves:
    """What a new project may be made of, and where it goes."""
    settings = load_settings()
    return Shelves(library(request), ModelLibrary(settings.models), projects_folder(settings))


def chosen_lora(request: Request, text: str) -> Path | None:
    """The LoRA file that a form names, None where none is chosen. BlockweightError for one that may not be opened."""
    return library(request).open_path(text) if text else None


def chosen_sheet(request: Request, text: str) -> Sheet:
    """The weight sheet for the LoRA file that a form names, or for none. BlockweightError as above."""
    return sheet_for(chosen_lora(request, text))
