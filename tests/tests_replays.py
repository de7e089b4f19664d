"""The published runs, replayed for a few epochs, and the comparison with their digits."""

import copy
import math

from support import ROOT

import pytest
import torch

# All epochs are compared by experiments/replays.ipynb itself; here the first, and where asked five.
EPOCHS = [1, pytest.param(5, marks=pytest.mark.fault)]


@pytest.mark.cifar10
@pytest.mark.parametrize("epoch_count", EPOCHS)
def test_epochs_of_the_hand_out(part2, replays, cifar10, epoch_count):
    batches = [list(part2.make_loader(part)) for part in replays.load_handout(ROOT / "data")]
    counts = [sum(len(y) for _, y in part) for part in batches]
    protocol = replays.PUBLISHED["handout"]["protocol"]
    assert "{:,} training, {:,} validation".format(*counts) in protocol[0]
    run = replays.replay(part2.new_model(), replays.HANDOUT[1], *batches, epoch_count)
    assert replays.check_handout(1, run) == (1 + epoch_count // 5, 0), "the losses of 1 and 5"


@pytest.mark.cifar10
@pytest.mark.parametrize("epoch_count", EPOCHS)
def test_epochs_of_the_student(part2, replays, cifar10, epoch_count):
    """The start of its second instance is what the random stream gives after the first one."""
    batches = [list(part2.make_loader(part)) for part in cifar10[:2]]
    starts = list(replays.published_starts())
    for no, start in ((1, 0), (2, 1)):
        run = replays.replay(starts[start], replays.STUDENT[no], *batches, epoch_count)
        replays.check_student(no, run)
        assert len(replays.loss_differences(replays.STUDENT[no], run)) == 1 + epoch_count // 5
    run = replays.replay(starts[2], replays.STUDENT[1], *batches, epoch_count=1)
    with pytest.raises(AssertionError, match="student's run, instance 1, epoch 1"):
        replays.check_student(1, run)


def test_a_replay_that_differs_names_instance_and_epoch(replays):
    instance, epochs = replays.HANDOUT[3], replays.EPOCHS_PRINTED
    digits, losses = instance["training_loss"], [math.nan] * epochs[-1]
    for epoch, printed in zip(epochs, digits, strict=True):
        losses[epoch - 1] = float(printed)
    run = {key: float(instance[key]) for key in ("training_accuracy", "validation_accuracy")}
    run["training_loss"] = losses
    assert replays.check_handout(3, run) == (len(epochs), 2)
    with pytest.raises(AssertionError, match=r"instance 3: published training_accuracy 0\.97"):
        replays.check_handout(3, run | {"training_accuracy": 0.96})
    for bad_digits, bad_losses, words in (
        ([digits[0], "0.36054", *digits[2:]], losses, "No 3, epoch 5: published loss 0.36054"),
        ([digits[0], "0.3605", *digits[2:]], losses, "No 3, epoch 5: published loss 0.3605,"),
        ([digits[0], "nan", *digits[2:]], losses, "No 3, epoch 5: published loss nan"),
        (digits[:-1], losses, "No 3: 6 published losses for 7 epochs"),
        (digits, [*losses[:9], math.nan, *losses[10:]], "No 3, epoch 10: .* here nan"),
    ):
        with pytest.raises(AssertionError, match=words):
            replays.compare_losses("No 3", bad_digits, bad_losses, replays.five_digits)


def test_one_bit_is_flipped(part2, replays):
    for dtype, bits in ((torch.double, torch.int64), (torch.float, torch.int32)):
        model = part2.new_model().to(dtype)
        flipped = copy.deepcopy(model)
        replays.flip_last_bit(flipped)
        pairs = zip(model.parameters(), flipped.parameters(), strict=True)
        assert sum((p.data.view(bits) ^ q.data.view(bits)).sum() for p, q in pairs) == 1


def test_a_setting_reaches_its_process(replays):
    """Threads and variables are those asked for; the same setting gives the same bits."""
    setting = 3, {"OF_THIS_TEST": "here"}
    assert replays.elsewhere(setting, "torch.get_num_threads") == 3
    assert replays.elsewhere(setting, "os.environ.get", "OF_THIS_TEST") == "here"
    assert torch.equal(replays.elsewhere((None, {}), "product"), replays.product())


def test_a_jump_is_a_difference_above_the_bound(replays):
    assert replays.first_jump({1: 0.0, 25: replays.JUMP, 30: 2 * replays.JUMP}) == 30
    assert replays.first_jump({1: math.nan, 25: replays.JUMP}) is None


def test_a_share_is_as_uncertain_as_its_count_says(replays):
    """The exact interval of 0 of n ends at 1 - 0.025 ** (1 / n), that of n of n begins there."""
    assert replays.share_interval(0, 12) == pytest.approx((0, 1 - 0.025 ** (1 / 12)))
    assert replays.share_interval(3, 3) == pytest.approx((0.025 ** (1 / 3), 1))
    assert replays.share_interval(0, 0) == (0, 1), "nothing is known"
