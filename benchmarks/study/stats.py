"""Means, intervals and paired differences."""
from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

# Student's t, 97.5 %, of 1 to 30 degrees of freedom.
_QUANTILES = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean and half-width of its 95 % interval; the width of one value is NaN."""
    n = len(values)
    if n == 0:
        return math.nan, math.nan
    if n == 1:
        return values[0], math.nan
    quantile = _QUANTILES[n - 2] if n - 2 < len(_QUANTILES) else 1.96
    return statistics.fmean(values), quantile * statistics.stdev(values) / math.sqrt(n)


def spread(values: Sequence[float], digits: int = 2, factor: float = 1.0) -> str:
    """The mean and the standard deviation over seeds as text."""
    scaled = [factor * value for value in values]
    if not scaled:
        return "–"
    mean = f"{statistics.fmean(scaled):,.{digits}f}"
    return mean if len(scaled) < 2 else f"{mean} ± {statistics.stdev(scaled):,.{digits}f}"


def with_interval(values: Sequence[float], digits: int = 2) -> str:
    """The mean and its 95 % interval as text."""
    mean, width = interval(values)
    if math.isnan(width):
        return f"{mean:+.{digits}f} (one seed)"
    return f"{mean:+.{digits}f} [{mean - width:+.{digits}f}, {mean + width:+.{digits}f}]"


def geometric_mean(values: Sequence[float]) -> float:
    """Of ratios."""
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else math.nan
