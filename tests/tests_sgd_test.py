"""sgd_test from outside: what it accepts, names, prints, refuses and leaves alone."""

import functools
import random
import sys

import pytest
import torch
from torch import nn

from checks.difference import global_state
from checks.naming_updates import with_numbers
from checks.sgd_test import sgd_test
from checks.trainings import SETTINGS, distance, planted_training
from checks.wrong_updates import ROUNDINGS
from tests.helpers.judging import judge
from tests.helpers.processes import run_python


@pytest.mark.parametrize("mistake", ROUNDINGS, ids=lambda mistake: mistake.wrong)
@pytest.mark.parametrize("exact", [False, True])
def test_rounding_passes_unless_the_last_bit_is_asked_for(capsys, mistake, exact):
    verdict, checks, said = judge(capsys, planted_training(mistake.lines), exact=exact)
    assert verdict is not exact
    assert "equal up to rounding, at most" in " ".join(checks) and "The mistake" not in said
    assert f"Rounding: {mistake.words}. To the last bit: {mistake.look}." in said


def test_numbers_in_the_place_of_arguments_are_named(capsys):
    wrong = dict(learning_rate=0.01, momentum=0.9, weight_decay=0.05)
    for numbers in (wrong, *({name: value} for name, value in wrong.items())):
        verdict, _, said = judge(capsys, with_numbers(numbers))
        assert verdict is False and said.count("The mistake: ") == len(numbers)
        for name, value in numbers.items():
            assert f"{name} is {value}, whatever is given" in said


def test_an_unknown_mistake_gets_its_place_and_no_name(capsys):
    def last_step_wrong(epoch_count, model, *others):
        loop(epoch_count, model, *others)
        model.fc3.bias.data[1] += 1e-6

    verdict, checks, said = judge(capsys, last_step_wrong)
    assert verdict is False and "The mistake" not in said and "No mistake known here" in said
    assert "    FAILED  plain descent: different from step 4 on" in checks
    assert "fc3.bias[1] is " in said and "1 of 78 numbers differ" in said


def loop(epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader):
    """A right training without momentum."""
    for _ in range(epoch_count):
        for X, y in train_loader:
            model.zero_grad()
            loss_function(model(X), y).backward()
            for p in model.parameters():
                p.data.add_(p.grad.add(p.data, alpha=weight_decay), alpha=-learning_rate)


def raising(*arguments):
    raise KeyError("velocity")


def leaving(*arguments):
    sys.exit("done")


def moving_to_a_gpu(epoch_count, model, *others):
    model.to("cuda:99")


def yielding(*arguments):
    yield loop(*arguments)


async def waiting(*arguments):
    loop(*arguments)


def shouting(*arguments):
    print("Epoch 1", "| loss 0.7")
    print("careful", file=sys.stderr)
    loop(*arguments)


def changing(*arguments):
    loop(*arguments)
    torch.set_default_dtype(torch.float16)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    random.seed(1), torch.manual_seed(1)


def halving(epoch_count, model, *others):
    model.float()
    loop(epoch_count, model, *others[:-1], [(X.float(), y) for X, y in others[-1]])


def on(change):
    """The right training, on what is made of the loader."""
    return lambda *arguments: loop(*arguments[:-1], change(arguments[-1]))


def endless(*arguments):
    while True:
        loop(*arguments)


def growing(epoch_count, model, *others):
    loop(epoch_count, model, *others)
    model.fc5 = nn.Linear(2, 2)


def starting_elsewhere(epoch_count, model, *others):
    nn.init.ones_(model.fc1.weight)
    loop(epoch_count, model, *others)


AWKWARD = {  # no function that raises stands here: its line is quoted, words and all
    "raising": (raising, "KeyError: 'velocity'; raised at line"),
    "leaving": (leaving, "SystemExit: done"),
    "yielding": (yielding, "returns a generator and trains nothing"),
    "waiting": (waiting, "returns a generator and trains nothing"),
    "shouting": (shouting, "its own output is held back; it starts with Epoch 1 | loss 0.7"),
    "changing": (changing, "it changes the default dtype and leaves it so"),
    "halving": (halving, "it changes the model's parameters to torch.float32"),
    "reading ahead": (on(list), "weight decay: equal to the last bit"),
    "flattening": (on(lambda loader: [(X.flatten(1), y) for X, y in loader]), "decay: equal to"),
    "using up": (on(iter), "only the first epoch is trained"),
    "endless": (endless, "asks for batches without end"),
    "resting": (lambda *arguments: None, "it takes no batch from the loader"),
    "growing": (growing, "it changes how many parameters the model has"),
    "elsewhere": (starting_elsewhere, "plain descent: different before the first step"),
    "on a GPU": (moving_to_a_gpu, "raised at line"),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_whatever_a_function_does_gets_a_clear_message(capsys, name):
    (function, words), before = AWKWARD[name], global_state()
    verdict, checks, said = judge(capsys, function)
    assert verdict is False, "none of them has momentum"
    printed = " ".join([*checks, said])
    assert words in printed and "Traceback" not in printed
    assert global_state() == before


def test_what_a_training_leaves_changed_does_not_reach_the_next_one():
    def noting(*arguments):
        states.add((torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()))
        changing(*arguments)

    states = set()
    sgd_test(noting)
    assert states == {(torch.get_default_dtype(), True, 1)}


def test_autograd_may_be_off_around_it(part2):
    with torch.no_grad():
        assert sgd_test(part2.train_manual_update, exact=True) is True


def other_order(n_epochs, lr, mom, decay, model, loss_fn, train_loader, device):
    """The arguments of a public answer."""


def test_another_order_of_arguments_is_named(capsys, part2):
    verdict, _, said = judge(capsys, other_order)
    assert verdict is False
    assert "other_order(epoch_count, learning_rate, momentum, weight_decay, model, " in said
    assert 'loss_function, train_loader, "cpu")' in said
    verdict, _, said = judge(capsys, lambda epochs, net, loss, mom, lr, wd, data: None)
    assert verdict is False and "(epoch_count, model, loss_function, momentum, learning_" in said
    assert "sgd_test(step=manual_sgd_step)" in judge(capsys, part2.manual_sgd_step)[2]
    assert "it is called with (model, learning_rate, " in judge(capsys, step=other_order)[2]
    assert sgd_test(lambda *seven: part2.train_manual_update(*seven), exact=True) is True
    assert sgd_test(functools.partial(part2.train_manual_update), exact=True) is True


@pytest.mark.parametrize("arguments", [(), (None,), ([0.5, 0.4],), (nn.Linear(1, 1), "step")])
def test_a_call_without_one_function_is_refused(arguments):
    with pytest.raises(TypeError, match=r"takes one function, .* sgd_test\(train_manual_update\)"):
        sgd_test(arguments[0] if arguments else None, step=arguments[1] if arguments[1:] else None)


def test_nan_is_never_near_anything():
    good, bad = torch.zeros(3), torch.tensor([0.0, float("nan"), 0.0])
    for left in ([good, bad], [bad, good]):
        assert distance(left, [good, good]) == distance([good, good], left) == float("inf")
    assert distance([good], [good, good]) == float("inf")


def test_verbose_prints_the_numbers_of_every_training(capsys):
    verdict, _, said = judge(capsys, loop, verbose=True)
    assert verdict is False and said.count("learning_rate 0.") == len(SETTINGS)


def test_importing_it_needs_torch_numpy_and_pytest_alone():
    heavy = {"matplotlib", "torchvision", "sklearn", "IPython", "nbformat", "jinja2"}
    code = "import sys; from tests_gradient_descent import sgd_test; print(*sys.modules)"
    result = run_python("-c", code)
    assert result.returncode == 0
    assert not heavy & set(result.stdout.split())
