"""A tuning project on disk: append-only events in SQLite, pictures named by job key."""

from blockweight.project.analyses import (
    ANALYSED,
    ANALYSIS_CANCELLED,
    ANALYSIS_PLANNED,
    AnalysisFacts,
    AnalysisPlan,
    analysis_body,
)
from blockweight.project.archive import Exported, read_archive, write_archive
from blockweight.project.events import Event, EventLog
from blockweight.project.history import (
    BRANCHED,
    LOCATED,
    REDONE,
    UNDONE,
    History,
    RoundStep,
    Step,
    TuningState,
)
from blockweight.project.masks import MaskStore, read_mask
from blockweight.project.picture_text import picture_infotext
from blockweight.project.pictures import PictureStore, checked_key, parameters_text, read_picture
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
    "ANALYSIS_CANCELLED",
    "ANALYSIS_PLANNED",
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
    "AnalysisPlan",
    "AppliedSuggestion",
    "Choice",
    "Event",
    "EventLog",
    "Exported",
    "History",
    "MaskStore",
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
    "analysis_body",
    "checked_key",
    "created_body",
    "parameters_text",
    "picture_infotext",
    "planned_body",
    "read_archive",
    "read_mask",
    "read_picture",
    "scenes_body",
    "write_archive",
]
