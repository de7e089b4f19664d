"""All that sgd_test says of the fresh wrong updates; each sentence was held against its program."""

import re

import pytest

from tests.helpers.judging import diagnosis_in, judge, names_in
from tests.programs.updates import fresh_pairs, fresh_wrong

WRONG = fresh_wrong.WRONG | fresh_pairs.WRONG
NO_DECAY = "weight decay is not applied"
NO_MOMENTUM = "momentum has no effect: each step has the last gradient alone"
FIRST_STEP = "only the first step moves anything, though every batch is read"
FIRST_OF_EACH = "only the first step of each epoch moves anything, though every batch is read"
DAMPENED = "the momentum buffer is dampened: it takes (1 - momentum) * g"
OUTSIDE = "weight decay stays out of the momentum buffer (as in AdamW)"
MINUS = "weight decay has the wrong sign: the parameters grow"
TWICE = "weight decay is applied twice, or twice as strong as torch's"
BY_SHAPE = "parameters of the same shape share one momentum buffer"
OVER_BATCHES = "weight decay is 1 / (number of batches) times torch's"
OVER_IMAGES = "the step is 1 / (number of images in the batch) times torch's: its learning rate"
ONCE = "the gradients are cleared once an epoch, not at each batch; or the loss is summed"
SHRINKS = "weight decay shrinks the gradient, not the parameter: the whole step is multiplied by"
CLEARED = "the gradients are cleared between the backward pass and the update"
STARTS_TWICE = "the first gradient counts twice: the buffer starts with it and gets it again"
FRESH = {  # all that is said of each
    "generator_used_up": [FIRST_STEP],
    "step_before_backward": ["each step uses the gradient of the batch before"],
    "one_step_an_epoch": ["one step an epoch, with the sum of all its gradients"],
    "zero_grad_once_an_epoch": [ONCE],
    "zero_grad_after_backward": [CLEARED],
    "returns_after_one_epoch": ["only the first epoch is trained"],
    "trains_a_copy": ["the parameters are not moved at all"],
    "divided_by_the_batch_size": [OVER_IMAGES],
    "decay_by_the_number_of_batches": [OVER_BATCHES],
    "decay_multiplies_the_step": [f"{SHRINKS} 1 - weight_decay"],
    "decay_with_momentum_only": ["weight decay is applied only where momentum is on"],
    "momentum_with_decay_only": ["momentum is applied only where weight decay is on"],
    "buffer_by_shape": [BY_SHAPE],
    "previous_without_a_copy": [NO_MOMENTUM],
    "optimizer_made_at_each_step": [NO_MOMENTUM],
    "first_gradient_twice": [STARTS_TWICE],
    "decays_the_velocity": ["weight decay is applied to the momentum buffer, not to the parameter"],
    "plain_descent": [NO_DECAY, NO_MOMENTUM],
    "minus_decay_and_dampening": [MINUS, DAMPENED],
    "learning_rate_twice_and_no_decay_of_biases": [
        "the learning rate is applied twice",
        "weight decay is applied to the weights alone, not to the biases",
    ],
    "no_zero_grad_and_half_the_decay": [
        "the gradients are never cleared: each backward pass adds to those before",
        "weight decay is half as strong as torch's",
    ],
    "nesterov_and_decay_outside": ["the step is Nesterov's: g + momentum * v", OUTSIDE],
    "velocity_and_decay_once_an_epoch": [
        "weight decay is applied once an epoch, not at each step",
        "the momentum is forgotten at each epoch",
    ],
    "minus_momentum_and_decay_twice": [TWICE, "momentum has the wrong sign: it is subtracted"],
    "over_the_batch_size_and_velocity_not_stored": [
        "the gradient is divided by the number of images in the batch",
        NO_MOMENTUM,
    ],
    "clipped_and_no_decay": ["the gradients are clipped to a norm of 0.1", NO_DECAY],
    "l1_and_buffer_by_length": ["weight decay uses the sign of p: that is L1, not L2", BY_SHAPE],
    "previous_step_itself_and_decay_without_lr": [
        "weight decay is not multiplied by the learning rate",
        NO_MOMENTUM,
    ],
    "loss_over_batches_and_whole_penalty": [
        "the gradient is divided by the number of batches",
        TWICE,
    ],
    "weights_alone_and_momentum_of_the_gradient": [
        "only the weights are moved, not the biases",
        "the momentum remembers one step alone: g + momentum * (the gradient before)",
    ],
    "uphill_with_a_decay_of_its_own": ["the step goes uphill: its sign is wrong", OUTSIDE],
    "last_layer_left_out_and_average": ["the last layer is not moved", DAMPENED],
    "falling_rate_and_half_the_momentum": [
        "the part of the step that comes from the momentum is 0.5 times torch's",
        "the learning rate is multiplied by 0.95 after each epoch",
    ],
    "generator_of_an_epoch_and_minus_decay": [FIRST_OF_EACH, MINUS],
}


def with_marks():
    """Two mistakes at once are rare and take long to be told apart: most are left to `fault`."""
    pairs = [name for name in WRONG if len(FRESH[name]) == 2]
    for name in WRONG:
        yield pytest.param(name, marks=[pytest.mark.fault] * (name in pairs[4:]))


@pytest.mark.parametrize("name", list(with_marks()))
def test_all_that_is_said_of_a_fresh_update_is_true(capsys, name):
    """And it holds the words that the program's author asks for."""
    train, words = WRONG[name]
    verdict, _, said = judge(capsys, train)
    assert verdict is False and names_in(said) == FRESH[name]
    assert [w for w in words if not re.search(w, diagnosis_in(said))] == []
