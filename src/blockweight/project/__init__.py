"""A tuning project on disk: append-only events in SQLite, pictures named by job key."""

from blockweight.project.events import Event, EventLog
from blockweight.project.pictures import PictureStore, parameters_text
from blockweight.project.project import LOG, Project

__all__ = ["LOG", "Event", "EventLog", "PictureStore", "Project", "parameters_text"]
