"""The backward passes of tests/programs/passes, by name."""

from tests.programs.passes import (
    fresh_one_sample,
    fresh_pairs,
    fresh_right,
    fresh_wrong,
    right_any_net,
    right_more,
    right_passes,
    wrong_batch,
    wrong_layers,
    wrong_loss,
    wrong_manners,
    wrong_passes,
    wrong_slope,
)

RIGHT = right_passes(right_any_net, right_more, fresh_right)
TANH_ALONE = {function.__name__ for function in right_more.TANH_ALONE}
FRESH = wrong_passes(fresh_wrong, fresh_pairs, fresh_one_sample)
WRONG_NUMBERS = FRESH | wrong_passes(wrong_batch, wrong_layers, wrong_loss, wrong_slope)
WRONG_MANNERS = wrong_passes(wrong_manners)
