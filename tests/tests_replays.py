"""The published runs, replayed for a few epochs, and the comparison with their digits."""

import copy
import math

import pytest
import torch

from support import ROOT


def batches_of(part2, *datasets):
    return [list(part2.make_loader(dataset)) for dataset in datasets]


@pytest.mark.cifar10
def test_five_epochs_of_the_hand_out(part2, replays, cifar10):
    batches = batches_of(part2, *replays.load_handout(ROOT / "data"))
    assert [sum(len(y) for _, y in part) for part in batches] == [9_017, 983]
    run = replays.replay(part2.new_model(), replays.HANDOUT[1], *batches, epoch_count=5)
    assert replays.check_handout(1, run) == (2, 0), "the losses of epochs 1 and 5"


@pytest.mark.cifar10
def test_epochs_of_the_student(part2, replays, cifar10):
    """Five epochs of its first instance; one of its second, whose start the random stream gives."""
    batches = batches_of(part2, *cifar10[:2])
    for (no, start), epoch_count in zip(
        enumerate(replays.published_starts(), 1), (5, 1), strict=False
    ):
        run = replays.replay(start, replays.STUDENT[no], *batches, epoch_count)
        replays.check_student(no, run)
        assert len(replays.loss_differences(replays.STUDENT[no], run)) == (2, 1)[no - 1]


def test_a_pass_over_a_loader_draws_one_integer(part2, images):
    """What published_starts() takes each of the 64 passes to have drawn."""
    states = []
    for use in (
        lambda: list(part2.make_loader(images[2])),
        torch.empty((), dtype=torch.int64).random_,
    ):
        torch.manual_seed(3)
        use()
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_starts_differ_and_repeat(replays):
    first = [next(model.parameters())[0, 0].item() for model in replays.published_starts()]
    again = [next(model.parameters())[0, 0].item() for model in replays.published_starts()]
    assert first == again and len(set(first)) == len(replays.STUDENT) == 11


def test_a_replay_that_differs_names_instance_and_epoch(replays):
    instance = replays.HANDOUT[3]
    losses = [math.nan] * 30
    for epoch, printed in zip(replays.EPOCHS_PRINTED, instance["training_loss"], strict=True):
        losses[epoch - 1] = float(printed)
    run = {"training_loss": losses, "training_accuracy": 0.97, "validation_accuracy": 0.83}
    assert replays.check_handout(3, run) == (7, 2)
    digits = instance["training_loss"]

    def check(digits, run=run):
        replays.compare_losses(
            "hand-out, instance 3", digits, run["training_loss"], replays.five_digits
        )

    for wrong in ("0.36054", "0.3605", "nan"):  # another digit, a missing digit, no number
        with pytest.raises(AssertionError, match=f"instance 3, epoch 5: published loss {wrong}"):
            check([digits[0], wrong, *digits[2:]])
    with pytest.raises(AssertionError, match="instance 3: 6 published losses for 7 epochs"):
        check(digits[:-1])
    with pytest.raises(AssertionError, match="instance 3, epoch 10: .* here nan"):
        check(digits, {"training_loss": [*losses[:9], math.nan, *losses[10:]]})
    with pytest.raises(AssertionError, match=r"instance 3: published training_accuracy 0\.97"):
        replays.check_handout(3, run | {"training_accuracy": 0.96})


@pytest.mark.cifar10
def test_another_order_of_layers_is_noticed(part2, replays, cifar10):
    """The same net, its layers initialized from the last to the first."""
    torch.manual_seed(265)
    model = part2.MyMLP()
    for layer in (model.fc4, model.fc3, model.fc2, model.fc1):
        layer.reset_parameters()
    run = replays.replay(model, replays.STUDENT[1], *batches_of(part2, *cifar10[:2]), epoch_count=1)
    with pytest.raises(AssertionError, match="student's run, instance 1, epoch 1"):
        replays.check_student(1, run)


def test_twins_differ_in_one_bit(part2, replays, few_batches):
    model = part2.new_model()
    twin = copy.deepcopy(model)
    replays.flip_last_bit(twin)
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    bits = [(p.detach().view(torch.int64) ^ q.detach().view(torch.int64)).sum() for p, q in pairs]
    assert sum(bits) == 1
    distances = replays.train_twins(model, part2.INSTANCES[8], few_batches, epoch_count=2)
    assert len(distances["weights"]) == 6 and len(distances["losses"]) == 2
    assert 0 < distances["weights"][0] < 1e-15


def test_growth_is_the_slope_of_the_logarithms(replays):
    distances = [1e-12 * 3 ** (step / 4) for step in range(200)]
    assert math.isclose(replays.growth_per_epoch(distances, steps_per_epoch=4), 3)
