"""In which order scenes are taken where not all of them are: prompts take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from blockweight.plan.scenes import Scene


def taking_turns(scenes: Sequence[Scene]) -> tuple[int, ...]:
    """The places of the scenes, the first of every prompt before the second of any: so that the first few of them have
    as many prompts as there are, whichever way the scenes were listed. Of one prompt they stay in order."""
    seen: Counter[str] = Counter()
    turns = []
    for place, scene in enumerate(scenes):
        turns.append((seen[scene.prompt], place))
        seen[scene.prompt] += 1
    return tuple(place for _, place in sorted(turns))
