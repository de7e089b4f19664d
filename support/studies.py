"""A study: a prediction written before the run, a threshold, an interval, and its verdict."""

import math

import numpy as np
from scipy import stats


def mean_interval(values):
    """Return the mean of `values` and its 95% interval, (mean, low, high), by Student's t.

    Raises ValueError for fewer than two values, or one that is not finite.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"an interval needs two finite numbers or more, one each run: {values}")
    mean, deviation = values.mean().item(), values.std(ddof=1).item()
    half_width = stats.t.ppf(0.975, len(values) - 1) * deviation / math.sqrt(len(values))
    return mean, mean - half_width.item(), mean + half_width.item()


def judged(prediction, n, interval, at_least=None, at_most=None):
    """Return what the results keep of a study, a dict with its `verdict`.

    prediction: a sentence; n: how many runs stand behind the interval (low, high). The threshold
    is at_least or at_most. "holds": the whole interval keeps it. "does not hold": the whole
    interval breaks it. Else the study is "open".
    Raises ValueError for an interval without numbers, or not exactly one threshold.
    """
    low, high = map(float, interval)
    if not low <= high or math.isinf(low) or math.isinf(high):  # NaN fails, too
        raise ValueError(f"the interval of {prediction!r} is {interval}: needed are low <= high")
    if (at_least is None) == (at_most is None):
        raise ValueError(f"{prediction!r} needs one threshold: at_least or at_most")
    if at_least is not None:
        keeps, breaks, threshold = low >= at_least, high < at_least, {"at_least": at_least}
    else:
        keeps, breaks, threshold = high <= at_most, low > at_most, {"at_most": at_most}
    verdict = "holds" if keeps else "does not hold" if breaks else "open"
    found = {"prediction": prediction, **threshold, "n": n, "interval": [low, high]}
    return found | {"verdict": verdict}


def show_studies(studies):
    """Print the studies of a notebook, {name: what `judged` returns}."""
    for name, study in studies.items():
        threshold = "at least" if "at_least" in study else "at most"
        bound = study["at_least" if "at_least" in study else "at_most"]
        low, high = study["interval"]
        print(f"{name}: {study['prediction']}")
        print(
            f"    asked {threshold} {bound:g}, found {low:.4g} to {high:.4g} "
            f"(n = {study['n']}): {study['verdict']}"
        )
