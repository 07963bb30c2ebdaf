"""Tables of effects that the tests of figures, exports and reports share."""

import numpy as np

from blockweight.measure import EffectTable, SceneName

SD = ("BASE", *(f"IN{n:02}" for n in range(12)), "M00", *(f"OUT{n:02}" for n in range(12)))
FLUX = ("BASE", "IN", "OUT", "REST", *(f"D{n:02}" for n in range(19)), *(f"S{n:02}" for n in range(38)))
SCENES = (SceneName("夜", 7, "1girl, night"), SceneName("<sky> & sea", 8, "a sky"), SceneName("sky", 9, "a sky"))
ASPECTS = ("diff", "change", "change:inside", "change:outside", "green")


def effect_table(blocks=SD, aspects=ASPECTS, scenes=SCENES):
    """Effects that fall from block to block, with some spread; `green` has both signs. The second block was measured in
    the first scene alone, the third in none."""
    size = np.geomspace(20, 0.05, len(blocks))
    spread = np.linspace(0.8, 1.2, len(scenes))
    values = np.empty((len(aspects), len(blocks), len(scenes)))
    for row, aspect in enumerate(aspects):
        factor = (1 + row) * np.where(np.arange(len(blocks)) % 2, 1.0, -1.0 if aspect == "green" else 0.5)
        values[row] = (size * factor)[:, None] * spread
    values[:, 1:2, 1:] = np.nan
    values[:, 2:3, :] = np.nan
    return EffectTable(tuple(aspects), tuple(blocks), tuple(scenes), values)
