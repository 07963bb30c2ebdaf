"""Metadata for property tests: any text that UTF-8 holds, under any keys."""

from __future__ import annotations

from hypothesis import strategies as st

from blockweight.lora.hashes import STAMPS

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KNOWN = [
    "ssmd_display_name",
    "ssmd_author",
    "ssmd_description",
    "ssmd_rating",
    "ssmd_cover_images",
    "modelspec.title",
    "modelspec.date",
    "ss_session_id",
    "ss_tag_frequency",
    "ss_dataset_dirs",
    "ss_training_started_at",
    "blockweight.recommended_weights",
    "blockweight.applied_weights",
    *STAMPS,
]
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(KNOWN) | TEXT.filter(lambda key: key.strip() and not key.startswith("__"))
METADATA = st.dictionaries(KEYS, TEXT, max_size=12)
