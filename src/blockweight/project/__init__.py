"""A tuning project on disk: append-only events in SQLite, pictures named by job key."""

from blockweight.project.archive import Exported, read_archive, write_archive
from blockweight.project.events import Event, EventLog
from blockweight.project.history import (
    ANALYSED,
    BRANCHED,
    LOCATED,
    REDONE,
    UNDONE,
    AnalysisFacts,
    History,
    RoundStep,
    Step,
    TuningState,
)
from blockweight.project.picture_text import picture_infotext
from blockweight.project.pictures import PictureStore, parameters_text
from blockweight.project.project import LOG, Project
from blockweight.project.state import (
    APPLIED,
    CREATED,
    DECIDED,
    FINISHED,
    FIXED,
    PLANNED,
    REVOKED,
    SCENES,
    WEIGHTS,
    AppliedSuggestion,
    Choice,
    Subject,
    TunedRound,
    TunedVariant,
    created_body,
    planned_body,
    scenes_body,
)
from blockweight.project.thumbnails import SIZES, Thumbnails
from blockweight.project.tuning_log import News, TuningLog

__all__ = [
    "ANALYSED",
    "APPLIED",
    "BRANCHED",
    "CREATED",
    "DECIDED",
    "FINISHED",
    "FIXED",
    "LOCATED",
    "LOG",
    "PLANNED",
    "REDONE",
    "REVOKED",
    "SCENES",
    "SIZES",
    "UNDONE",
    "WEIGHTS",
    "AnalysisFacts",
    "AppliedSuggestion",
    "Choice",
    "Event",
    "EventLog",
    "Exported",
    "History",
    "News",
    "PictureStore",
    "Project",
    "RoundStep",
    "Step",
    "Subject",
    "Thumbnails",
    "TunedRound",
    "TunedVariant",
    "TuningLog",
    "TuningState",
    "created_body",
    "parameters_text",
    "picture_infotext",
    "planned_body",
    "read_archive",
    "scenes_body",
    "write_archive",
]
