"""The timings: only `make bench` runs these.

ROWS names what is measured, and what it may come to. The rows are printed as one table, whatever
fails; those of a whole run are kept in results/bench.json, which nothing compares.
"""

import platform
import re
import subprocess
import sys
import time
from functools import partial
from itertools import accumulate
from pathlib import Path
from statistics import median

from support import ROOT
from support.files import save_json

import pytest
import torch
from torch import nn

from checks.nets import loss_of, make_case


def timed(*sides, rounds, warm_up=4):
    """Return the median of the rounds' ratios first/second side, and each side's median seconds.

    The sides take turns to go first. Of one side alone, its seconds stand for the ratio.
    """
    seconds = [[] for _ in sides]
    for turn in range(warm_up + rounds):
        for side in sorted(range(len(sides)), reverse=turn % 2):
            start = time.perf_counter()
            sides[side]()
            seconds[side].append(time.perf_counter() - start)
    ours, *theirs = (values[warm_up:] for values in seconds)
    ratios = [a / b for a, b in zip(ours, *theirs, strict=True)] if theirs else ours
    return median(ratios), [median(values) for values in (ours, *theirs)]


def against(ours, theirs, rounds):
    """A row of two sides; with an even number of rounds, each is first as often as the other."""
    return lambda get: timed(ours(get), theirs(get), rounds=rounds)


def new_case(get):
    return make_case(get("part1").MyNet, [576, 512, 128, 10], 256, seed=1)


def with_autograd(get):
    case = new_case(get)
    return lambda: (case.model.zero_grad(), loss_of(case.model, case.x, case.y).backward())


def by_hand(get, form="backpropagation", forward=True):
    """Forward and backward, or backward alone."""
    case, backward = new_case(get), getattr(get("part1"), form)
    y_pred = case.model(case.x).detach()
    outputs = (lambda: case.model(case.x)) if forward else lambda: y_pred
    return torch.no_grad()(lambda: backward(case.model, case.y, outputs()))


def peak_bytes(work):
    """The most memory allocated at once beside net and batch, over three batches in a row."""
    options = {"activities": [torch.profiler.ProfilerActivity.CPU], "profile_memory": True}
    with torch.profiler.profile(**options) as profile:
        for _ in range(3):
            work()
    events = profile.profiler.kineto_results.events()
    changes = sorted((e for e in events if e.name() == "[memory]"), key=lambda e: e.start_ns())
    return max(accumulate(event.nbytes() for event in changes))


def peak_memory(get):
    return peak_bytes(by_hand(get)) / peak_bytes(with_autograd(get)), []


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=0.01, **options)


def model_with_gradients(get):
    model = get("part2").new_model()
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    return model


def steps_by_hand(get):
    model, step = model_with_gradients(get), get("part2").manual_sgd_step
    momentum_buffer = [None for _ in model.parameters()]
    return lambda: [step(model, 0.01, 0.9, 0.01, momentum_buffer) for _ in range(20)]


def steps_of_torch(get):
    optimizer = sgd(model_with_gradients(get))
    return lambda: [optimizer.step() for _ in range(20)]


def whole_epoch(get, by_hand):
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

    def epoch():
        for X in batches:
            a = [X]
            for w in weights:
                a.append(torch.mm(a[-1], w.T))  # forward
            for layer, w in enumerate(weights):  # a[layer + 1] stands for its own gradient, too
                torch.mm(a[layer + 1].T, a[layer])  # the gradient of the weights
                if layer > 0:
                    torch.mm(a[layer + 1], w)  # the gradient of the layer's input
            optimizer.step()

    return epoch


def loading(get):
    """In fresh processes: the time beyond that of importing torch and matplotlib alone."""
    load = "from support.definitions import load_definitions as load; "
    codes = (load + "load('gradient_descent.ipynb')", "import torch, matplotlib.pyplot")
    commands = [[sys.executable, "-c", code] for code in codes]
    sides = [partial(subprocess.check_call, command, cwd=ROOT) for command in commands]
    _, seconds = timed(*sides, rounds=6, warm_up=1)
    return seconds[0] - seconds[1], seconds


def executing(get):
    run_copy = get("run_copy")
    return timed(lambda: run_copy("backpropagation.ipynb", "full"), rounds=1, warm_up=0)


by_loop = partial(by_hand, form="backpropagation_by_loop")
alone, loop_alone = partial(by_hand, forward=False), partial(by_loop, forward=False)
epoch_by_hand, epoch_of_torch = (partial(whole_epoch, by_hand=side) for side in (True, False))
ROWS = {  # what: (how it is measured, at most, unit); None is no limit
    "backpropagation against autograd": (against(by_hand, with_autograd, 200), 1.05, "ratio"),
    "vectorized against loop": (against(by_hand, by_loop, 16), None, "ratio"),
    "the same, backward alone": (against(alone, loop_alone, 16), 0.1, "ratio"),
    # the last gradients are there while the new ones are computed
    "peak memory against autograd": (peak_memory, 1.6, "ratio"),
    "epoch against products and updates": (against(epoch_of_torch, least_epoch, 8), 1.3, "ratio"),
    "20 steps by hand against torch": (against(steps_by_hand, steps_of_torch, 26), 1.0, "ratio"),
    "epoch by hand against torch": (against(epoch_by_hand, epoch_of_torch, 8), 1.05, "ratio"),
    "loading gradient_descent": (loading, 0.3, "s"),
    "executing backpropagation": (executing, 60, "s"),
}


def processor():
    info = Path("/proc/cpuinfo")  # Linux; its platform.processor() is often empty
    found = re.search(r"^model name\s*: (.+)", info.read_text() if info.exists() else "", re.M)
    return found[1] if found else platform.processor() or platform.machine()


@pytest.fixture(scope="module")
def table():
    """What is measured, by the rows' names; printed at the end, and kept where it is whole."""
    table = {}
    yield table
    threads, version = torch.get_num_threads(), torch.__version__
    print(f"\n\n{processor()}, {threads} threads, torch {version}\n measured      at most")
    for row in table.values():
        limit = "" if row["limit"] is None else row["limit"]
        seconds = " and ".join(f"{value:.5f} s" for value in row["seconds"])
        print(f"{row['measured']:9.3f} {row['unit']:5} {limit:>7}  {row['what']:36}{seconds}")
    if len(table) == len(ROWS):
        machine = {"processor": processor(), "threads": threads, "torch": version}
        save_json("bench", machine | {"rows": list(table.values())})


@pytest.mark.bench
@pytest.mark.parametrize("what", ROWS)
def test_bench(what, table, request):
    measure, limit, unit = ROWS[what]
    measured, seconds = measure(request.getfixturevalue)
    row = {"what": what, "measured": measured, "limit": limit, "unit": unit, "seconds": seconds}
    table[what] = row
    if limit is not None:
        assert 0 < measured <= limit
