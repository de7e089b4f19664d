"""Studies: the verdict follows from interval and threshold, and nothing else."""

import math

from support.studies import judged, mean_interval

import pytest


@pytest.mark.parametrize(
    ("interval", "threshold", "verdict"),
    [
        ((1.0, 2.0), dict(at_least=1.0), "holds"),
        ((0.9, 2.0), dict(at_least=1.0), "open"),
        ((0.1, 0.9), dict(at_least=1.0), "does not hold"),
        ((1.0, 2.0), dict(at_most=2.0), "holds"),
        ((1.0, 2.1), dict(at_most=2.0), "open"),
        ((2.1, 3.0), dict(at_most=2.0), "does not hold"),
        ((-1.0, -0.5), dict(at_least=0), "does not hold"),
        ((1.0, 1.0), dict(at_most=1), "holds"),
    ],
)
def test_verdict(interval, threshold, verdict):
    study = judged("it is so", 5, interval, **threshold)
    assert study["verdict"] == verdict
    assert study["interval"] == list(interval) and study["n"] == 5
    assert study["prediction"] == "it is so" and threshold.items() <= study.items()


@pytest.mark.parametrize("bad", [(math.nan, 1.0), (0.0, math.nan), (1.0, 0.0), (0.0, math.inf)])
def test_an_interval_without_numbers_is_refused(bad):
    with pytest.raises(ValueError, match="low <= high"):
        judged("it is so", 5, bad, at_least=0)


@pytest.mark.parametrize("thresholds", [{}, dict(at_least=0, at_most=1)])
def test_one_threshold_is_needed(thresholds):
    with pytest.raises(ValueError, match="one threshold"):
        judged("it is so", 5, (0, 1), **thresholds)


def test_mean_interval_of_three():
    """Mean 2, deviation 1: Student's t for two degrees of freedom is 4.3027."""
    mean, low, high = mean_interval([1, 2, 3])
    assert mean == 2
    assert (low, high) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)


@pytest.mark.parametrize("bad", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_no_interval_without_two_numbers(bad):
    with pytest.raises(ValueError, match="two finite numbers"):
        mean_interval(bad)
