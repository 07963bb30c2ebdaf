"""Where a person's settings are."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG = "BLOCKWEIGHT_CONFIG"
"""The environment variable that names another config folder."""


def config_folder() -> Path:
    """$BLOCKWEIGHT_CONFIG, else the system's place for this program's settings; it need not be there yet."""
    chosen = os.environ.get(CONFIG)
    if chosen:
        return Path(chosen)
    from platformdirs import user_config_path  # noqa: PLC0415 - most commands need no settings

    return user_config_path("blockweight", appauthor=False, roaming=True)
