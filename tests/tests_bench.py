"""The timings: only `make bench` runs these. They are printed, and kept in results/bench.json."""

import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import NamedTuple

from support import ROOT
from support.files import save_json

import pytest
import torch
from scipy import stats
from torch import nn

from checks.nets import loss_of, make_case


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_bytes(work):
    """The most memory allocated at once beside net and batch, over three batches in a row."""
    options = {"activities": [torch.profiler.ProfilerActivity.CPU], "profile_memory": True}
    with torch.profiler.profile(**options) as profile:
        for _ in range(3):
            work()
    events = profile.profiler.kineto_results.events()
    changes = sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns())
    return max(accumulate(event.nbytes() for event in changes))


def by_hand(get, form="backpropagation", forward=True, autograd=False):
    """Forward and backward, or backward alone; by autograd, if asked for."""
    part1 = get("part1")
    case, backward = make_case(part1.MyNet, [576, 512, 128, 10], 256, seed=1), getattr(part1, form)
    if autograd:
        return lambda: (case.model.zero_grad(), loss_of(case.model, case.x, case.y).backward())
    y_pred = case.model(case.x).detach()
    outputs = (lambda: case.model(case.x)) if forward else lambda: y_pred
    return torch.no_grad()(lambda: backward(case.model, case.y, outputs()))


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=0.01, **options)


def model_with_gradients(get):
    model = get("part2").new_model()
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    return model


def steps(get, by_hand):
    model, step = model_with_gradients(get), get("part2").manual_sgd_step
    momentum_buffer, optimizer = [None for _ in model.parameters()], sgd(model)
    if by_hand:
        return lambda: [step(model, 0.01, 0.9, 0.01, momentum_buffer) for _ in range(20)]
    return lambda: [optimizer.step() for _ in range(20)]


def epoch(get, by_hand):
    part2 = get("part2")
    model, loader = part2.new_model(), part2.make_loader(get("images")[0])
    rest = (model, nn.CrossEntropyLoss())
    if by_hand:
        return lambda: part2.train_manual_update(1, *rest, 0.01, 0.9, 0.01, loader)
    optimizer = sgd(model)
    return lambda: part2.train(1, optimizer, *rest, loader)


def least_epoch(get):
    """What no epoch can do without: its matrix products, and one fused update a batch."""
    model = model_with_gradients(get)
    optimizer = sgd(model, fused=True)
    weights = [p.detach() for p in model.parameters() if p.dim() == 2]
    batches = [X.flatten(1) for X, _ in get("part2").make_loader(get("images")[0])]

    def products_and_updates():
        for X in batches:
            a = [X]
            for w in weights:
                a.append(torch.mm(a[-1], w.T))  # forward
            for layer, w in enumerate(weights):  # a[layer + 1] stands for its own gradient, too
                torch.mm(a[layer + 1].T, a[layer])  # the gradient of the weights
                if layer > 0:
                    torch.mm(a[layer + 1], w)  # the gradient of the layer's input
            optimizer.step()

    return products_and_updates


def new_process(get, code):
    return partial(subprocess.check_call, [sys.executable, "-c", code], cwd=ROOT)


def executing(get):
    return partial(get("run_copy"), "backpropagation.ipynb", "full")


class Row(NamedTuple):
    ours: Callable  # with a function that gives fixtures by name, it returns what is measured
    theirs: Callable | None
    rounds: int  # if even, each side is first as often as the other
    limit: float | None = None
    unit: str = "ratio"  # or "s": what our side takes more
    measure: Callable = seconds


by_autograd = partial(by_hand, autograd=True)
by_loop = partial(by_hand, form="backpropagation_by_loop")
alone, loop_alone = partial(by_hand, forward=False), partial(by_loop, forward=False)
our_steps, torchs_steps = (partial(steps, by_hand=ours) for ours in (True, False))
our_epoch, torchs_epoch = (partial(epoch, by_hand=ours) for ours in (True, False))
load = "from support.definitions import load_definitions as load; load('gradient_descent.ipynb')"
loading = partial(new_process, code=load)
imports = partial(new_process, code="import torch, matplotlib.pyplot")
ROWS = {  # what is measured, and what it may come to
    "backpropagation against autograd": Row(by_hand, by_autograd, 200, 1.05),
    "vectorized against loop": Row(by_hand, by_loop, 16),
    "the same, backward alone": Row(alone, loop_alone, 16, 0.1),
    # the last gradients are there while the new ones are computed
    "peak memory against autograd": Row(by_hand, by_autograd, 1, 1.6, measure=peak_bytes),
    "epoch against products and updates": Row(torchs_epoch, least_epoch, 8, 1.3),
    "20 steps by hand against torch": Row(our_steps, torchs_steps, 26, 1.0),
    "epoch by hand against torch": Row(our_epoch, torchs_epoch, 24, 1.05),
    "epoch by torch against itself": Row(torchs_epoch, torchs_epoch, 24),  # the noise alone
    "loading gradient_descent": Row(loading, imports, 6, 0.3, "s"),  # beyond its imports
    "executing backpropagation": Row(executing, None, 1, 60, "s"),
}


def median_interval(values):
    """Return the 95% interval of the median, as two of the values; None for fewer than six."""
    left_out = int(stats.binom.ppf(0.025, len(values), 0.5)) - 1  # on each side
    return [sorted(values)[left_out], sorted(values)[-1 - left_out]] if left_out >= 0 else None


def measured(row, get):
    """Return the median of the rounds' ratios ours/theirs, or in seconds the difference of the
    sides' medians; these; and the median's interval. The sides take turns to go first; the first
    rounds warm up.
    """
    sides = [side(get) for side in (row.ours, row.theirs) if side]
    warm_up, values = min(4, row.rounds // 2), [[] for _ in sides]
    for turn in range(warm_up + row.rounds):
        for side in sorted(range(len(sides)), reverse=turn % 2):
            values[side].append(row.measure(sides[side]))
    values = [side[warm_up:] for side in values]
    medians = [median(side) for side in values]
    if row.unit == "s":
        return medians[0] - sum(medians[1:]), medians, None
    ratios = [ours / theirs for ours, theirs in zip(*values, strict=True)]
    return median(ratios), medians, median_interval(ratios)


def processor():
    info = Path("/proc/cpuinfo")  # Linux; its platform.processor() is often empty
    found = re.search(r"^model name\s*: (.+)", info.read_text() if info.exists() else "", re.M)
    return found[1] if found else platform.processor() or platform.machine()


@pytest.mark.bench
def test_bench(request, capfd):
    machine = {"processor": processor(), "threads": torch.get_num_threads()}
    machine["torch"], rows, missed = torch.__version__, [], []
    for what, row in ROWS.items():
        value, medians, interval = measured(row, request.getfixturevalue)
        rows.append({"what": what, "measured": value, "limit": row.limit, "unit": row.unit})
        rows[-1]["seconds"] = medians if row.measure is seconds else []
        rows[-1] |= {"n": row.rounds, "interval": interval}
        with capfd.disabled():
            sides = " and ".join(f"{side:.5g}" for side in medians)
            sides += "".join(f"  {end:.3f}" for end in interval or ())
            print(f"\n{value:9.3f} {row.unit:5} (at most {row.limit})  {what:36}{sides}", end="")
        if row.limit is not None and not 0 < value <= row.limit:
            missed.append(what)
    save_json("bench", machine | {"rows": rows})
    assert missed == []


def test_the_medians_interval_is_of_its_order_statistics():
    """Of 8 values least and greatest (99.2%), of 26 the 8th on each side (97.1%)."""
    values = [float(i) for i in range(1, 27)]
    assert median_interval(values[::-1]) == [8, 19] and median_interval(values[:8]) == [1, 8]
    assert median_interval(values[:6]) == [1, 6] and median_interval(values[:5]) is None
