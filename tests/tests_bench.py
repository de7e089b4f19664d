"""The timings: only `make bench` runs these."""

import statistics
import time

import pytest
import torch
from torch import nn

from checks.cases import copy_of, loss_of, make_case


@pytest.fixture(scope="module")
def bench_case(part1):
    return make_case(part1.MyNet, [576, 512, 128, 10], 256, seed=1)


def with_autograd(model, case):
    for parameter in model.parameters():
        parameter.grad = None
    loss_of(model, case.x, case.y).backward()


def by_hand(backward):
    def work(model, case):
        with torch.no_grad():
            backward(model, case.y, model(case.x))

    return work


def medians(model, case, sides, rounds):
    """The median seconds of each side, on its own copy; the sides take turns to be first."""
    models = {name: copy_of(model) for name in sides}
    seconds = {name: [] for name in sides}
    for turn in range(rounds + 3):
        for name in sorted(sides, reverse=turn % 2):
            start = time.perf_counter()
            sides[name](models[name], case)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[3:]) for name, values in seconds.items()}


@pytest.mark.bench
def test_bench_against_autograd(part1, bench_case):
    model = copy_of(bench_case.model)
    sides = {"autograd": with_autograd, "by hand": by_hand(part1.backpropagation)}
    seconds = medians(model, bench_case, sides, 200)
    ratio = seconds["by hand"] / seconds["autograd"]
    print(f"\nforward and backward, {bench_case}: {seconds}, ratio {ratio:.3f}")
    assert ratio <= 1.0


def backward_alone(backward):
    """The backward pass on the forward pass that the model remembers."""

    def work(model, case):
        if model.a[0] is None:
            model(case.x)
        with torch.no_grad():
            backward(model, case.y, model.a[model.L])

    return work


@pytest.mark.bench
def test_bench_vectorized_against_loop(part1, bench_case):
    model = copy_of(bench_case.model)
    passes = {"loop": part1.backpropagation_by_loop, "vectorized": part1.backpropagation}
    ratios = {}
    for what, measured in (("forward and backward", by_hand), ("backward alone", backward_alone)):
        sides = {name: measured(backward) for name, backward in passes.items()}
        seconds = medians(model, bench_case, sides, 15)
        ratios[what] = seconds["vectorized"] / seconds["loop"]
        print(f"\n{what}, {bench_case}: {seconds}, ratio {ratios[what]:.3f}")
    assert ratios["backward alone"] <= 0.1


def peak_bytes(work, case):
    """The most memory allocated at once beside net and batch, over three batches in a row."""
    model = copy_of(case.model)
    options = {"activities": [torch.profiler.ProfilerActivity.CPU], "profile_memory": True}
    with torch.profiler.profile(**options) as profile:
        for _ in range(3):
            work(model, case)
    events = profile.profiler.kineto_results.events()
    changes = [event for event in events if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@pytest.mark.bench
def test_bench_peak_memory(part1, bench_case):
    peaks = {
        "autograd": peak_bytes(with_autograd, bench_case),
        "by hand": peak_bytes(by_hand(part1.backpropagation), bench_case),
    }
    ratio = peaks["by hand"] / peaks["autograd"]
    print(f"\npeak bytes, {bench_case}: {peaks}, ratio {ratio:.3f}")
    assert 0 < ratio <= 1.0


@pytest.mark.bench
def test_bench_executing_the_notebook(run_copy):
    start = time.perf_counter()
    run_copy("backpropagation.ipynb", "full")
    seconds = time.perf_counter() - start
    print(f"\nexecuting backpropagation.ipynb: {seconds:.1f} s")
    assert seconds <= 60


def interleaved_ratio(first, second, repeats=7):
    """Return the median of the ratios of the run times of first() and second(), run in turn."""
    ratios, seconds = [], []
    first(), second()
    for _ in range(repeats):
        times = []
        for function in (first, second):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
        seconds.append(times)
    medians = [statistics.median(column) for column in zip(*seconds, strict=True)]
    print(f"\n  {medians[0]:.3f} s against {medians[1]:.3f} s", end=", ")
    print(f"ratios {min(ratios):.3f} to {max(ratios):.3f}")
    return statistics.median(ratios)


def matrix_products(model, loader):
    """Return a function that does the matrix products of one epoch, and nothing else."""
    weights = [p.detach() for p in model.parameters() if p.dim() == 2]
    batches = [X.flatten(1) for X, _ in loader]
    hidden = {
        n: [torch.randn(n, len(w), dtype=w.dtype) for w in weights] for n in map(len, batches)
    }

    def epoch():
        for X in batches:
            inputs = [X, *hidden[len(X)]]
            for layer, w in enumerate(weights):
                torch.mm(inputs[layer], w.T)  # forward
                torch.mm(inputs[layer + 1].T, inputs[layer])  # the weights' gradient
                if layer > 0:
                    torch.mm(inputs[layer + 1], w)  # the gradient of the layer's input

    return epoch


@pytest.mark.bench
def test_bench_epoch_against_its_matrix_products(part2, images):
    loader, model = part2.make_loader(images[0]), part2.new_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    ratio = interleaved_ratio(
        lambda: part2.train(1, optimizer, model, nn.CrossEntropyLoss(), loader),
        matrix_products(model, loader),
    )
    print(f"  an epoch against its matrix products alone: {ratio:.3f} (at most 1.2)")
    assert ratio <= 1.2


@pytest.mark.bench
def test_bench_hand_written_step_against_torch(part2, images):
    ours, theirs = part2.new_model(), part2.new_model()
    X, y = next(iter(part2.make_loader(images[0])))
    for model in (ours, theirs):
        nn.functional.cross_entropy(model(X), y).backward()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    momentum_buffer = [None] * 8

    def our_steps():
        for _ in range(20):
            part2.manual_sgd_step(ours, 0.01, 0.9, 0.01, momentum_buffer)

    def their_steps():
        for _ in range(20):
            optimizer.step()

    ratio = interleaved_ratio(our_steps, their_steps, repeats=25)
    print(f"  the hand-written step against torch's: {ratio:.3f} (at most 1.0)")
    assert ratio <= 1.0


@pytest.mark.bench
def test_bench_hand_written_epoch_against_torch(part2, images):
    loader, ours, theirs = part2.make_loader(images[0]), part2.new_model(), part2.new_model()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    loss_function = nn.CrossEntropyLoss()
    ratio = interleaved_ratio(
        lambda: part2.train_manual_update(1, ours, loss_function, 0.01, 0.9, 0.01, loader),
        lambda: part2.train(1, optimizer, theirs, loss_function, loader),
    )
    print(f"  the hand-written epoch against torch's: {ratio:.3f} (at most 1.05)")
    assert ratio <= 1.05
