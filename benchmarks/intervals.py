"""How often a nominal 95 % interval of a block's mean effect holds the true mean: the house's beside others.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/intervals.py [--repetitions 4000]

Effects are log-normal, exp(prompt + seed): `log sd` is that of both together, and `by prompt` the share of its variance
that all seeds of a prompt have in common. With one prompt the mean is that prompt's own. Of `prompts × seeds`, 4,2,1,1
are four prompts with so many seeds each. Columns: `house`: `Effect.interval`; `t`: Student's t over all samples;
`prompts`: Student's t over the means of the prompts; `ratio`: `Estimate.relative_interval` with every sample alone;
and from 8 samples on a studentised bootstrap and BCa over all samples (999 resamples, a quarter of the repetitions).
`width` is the median of half the house's width, as a share of the true mean.
"""

from __future__ import annotations

import argparse
import math
import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from blockweight.measure import Effect, estimate, t_interval

Samples = NDArray[np.float64]
SINGLE = (2, 3, 4, 6, 8, 12, 16)
DESIGNS = ([2, 2], [4, 4], [8, 8], [2, 2, 2], [2, 2, 2, 2], [4, 4, 4, 4], [2] * 8, [4, 2, 1, 1])
SPREADS = (0.3, 0.5, 0.8)
SHARES = (0.0, 0.3, 0.6, 0.9)
BOOTSTRAP_FROM = 8
COLUMNS = ("house", "t", "prompts", "ratio", "boot-t", "BCa")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=4000)
    given = parser.parse_args()
    random = np.random.default_rng(1)
    print(
        f"{'prompts × seeds':<16}{'log sd':>7}{'by prompt':>10}"
        + "".join(f"{name:>9}" for name in COLUMNS)
        + "   width"
    )
    cases = [([count], 0.0) for count in SINGLE] + [(sizes, share) for sizes in DESIGNS for share in SHARES]
    lowest, highest = 1.0, 0.0
    for sizes, share in cases:
        for spread in SPREADS:
            found, width = covered(sizes, spread, share, given.repetitions, random)
            lowest, highest = min(lowest, found["house"]), max(highest, found["house"])
            told = "".join(f"{found[name]:>9.1%}" if name in found else f"{'–':>9}" for name in COLUMNS)
            print(f"{design(sizes):<16}{spread:>7}{share:>10}{told}{width:>8.2f}", flush=True)
    print(f"house: {lowest:.1%} to {highest:.1%}")


def design(sizes: list[int]) -> str:
    return f"{len(sizes)} × {sizes[0]}" if len(set(sizes)) == 1 else ",".join(map(str, sizes))


def covered(
    sizes: list[int], spread: float, share: float, repetitions: int, random: np.random.Generator
) -> tuple[dict[str, float], float]:
    """How often each interval holds the mean, 0…1, and the house's median half width."""
    groups = tuple(number for number, size in enumerate(sizes) for _ in range(size))
    prompts = random.normal(0, spread * math.sqrt(share), (repetitions, len(sizes)))[:, groups]
    drawn = np.exp(prompts + random.normal(0, spread * math.sqrt(1 - share), prompts.shape))
    true = math.exp(spread**2 / 2)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ("house", "t", "prompts", "ratio")}
    for row in drawn.tolist():
        found["house"].append(Effect("", tuple(row), groups).interval)
        found["t"].append(t_interval(row))
        found["ratio"].append(estimate(row).relative_interval())
        if len(sizes) > 1:
            means = np.bincount(groups, row) / np.bincount(groups)
            found["prompts"].append(t_interval(means.tolist()))
    if len(groups) >= BOOTSTRAP_FROM:
        some = drawn[: repetitions // 4]
        found |= {"boot-t": studentised(some, random), "BCa": bca(some, random)}
    rates = {name: float(np.mean([low <= true <= high for low, high in ends])) for name, ends in found.items() if ends}
    return rates, float(np.median([(high - low) / 2 for low, high in found["house"]])) / true


def studentised(drawn: Samples, random: np.random.Generator) -> list[tuple[float, float]]:
    made = []
    for row in drawn:
        again = random.choice(row, (999, len(row)))
        error = again.std(axis=1, ddof=1)
        t = (again.mean(axis=1) - row.mean())[error > 0] / error[error > 0]
        low, high = np.quantile(t, (0.025, 0.975))
        made.append((row.mean() - high * row.std(ddof=1), row.mean() - low * row.std(ddof=1)))
    return made


def bca(drawn: Samples, random: np.random.Generator) -> list[tuple[float, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = bootstrap((drawn,), np.mean, axis=1, n_resamples=999, method="BCa", vectorized=True, rng=random)
    return list(zip(found.confidence_interval.low, found.confidence_interval.high, strict=True))


if __name__ == "__main__":
    main()
