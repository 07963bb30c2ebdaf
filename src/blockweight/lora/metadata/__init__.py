"""A LoRA's metadata: what stands in its header, changed in place and never at the cost of its tensors."""

from blockweight.lora.metadata.block_weights import (
    Stamp,
    described,
    key_of,
    read_stamp,
    read_stamps,
    recommended,
    stamp,
    with_stale_advice,
)
from blockweight.lora.metadata.check import HEADER_LIMIT, Problem, check_metadata
from blockweight.lora.metadata.covers import Box, Cover, covers_value, make_cover, read_covers
from blockweight.lora.metadata.edits import (
    GROUPS,
    Change,
    copied,
    difference,
    edited,
    has_user_metadata,
    reason_not_to_copy,
    repaired,
    stamped,
    stripped,
)
from blockweight.lora.metadata.rewrite import Edit, edit_to, new_head, rewrite, take_back, undo_last, undo_path
from blockweight.lora.metadata.training import Dataset, datasets, tag_counts

__all__ = [
    "GROUPS",
    "HEADER_LIMIT",
    "Box",
    "Change",
    "Cover",
    "Dataset",
    "Edit",
    "Problem",
    "Stamp",
    "check_metadata",
    "copied",
    "covers_value",
    "datasets",
    "described",
    "difference",
    "edit_to",
    "edited",
    "has_user_metadata",
    "key_of",
    "make_cover",
    "new_head",
    "read_covers",
    "read_stamp",
    "read_stamps",
    "reason_not_to_copy",
    "recommended",
    "repaired",
    "rewrite",
    "stamp",
    "stamped",
    "stripped",
    "tag_counts",
    "take_back",
    "undo_last",
    "undo_path",
    "with_stale_advice",
]
