"""The fallback for a model that is not known: blocks guessed from the numbers in module names.

Every transformer that we have met numbers its blocks as `…blocks.N.`, `…layers.N.` or `…refiner.N.`; see
`GuessedFamily` for the names that follow from that.
"""

from __future__ import annotations

from blockweight.blocks.family import GuessedFamily

GENERIC = GuessedFamily(
    name="generic",
    title="an unknown model (its blocks are a guess from the numbers in module names)",
    order="",
    layouts=(),
    rules=(),
)
