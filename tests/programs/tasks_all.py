"""The wrong and right solutions of all open tasks of part 2; see tasks/__init__.py."""

from tests.programs.tasks import (
    MyMLP,
    airplanes_and_birds,
    compute_accuracy,
    confusion_matrix,
    decay_step,
    load_airplane_bird,
    loss_and_accuracy,
    manual_sgd_step,
    momentum_step,
    plain_step,
    predict,
    preprocess,
    run_epochs,
    run_epochs_right,
    selected_no,
    split,
    test_accuracy,
    train,
    train_manual_update,
)

MODULES = (
    preprocess,
    airplanes_and_birds,
    split,
    load_airplane_bird,
    MyMLP,
    run_epochs,
    run_epochs_right,
    train,
    compute_accuracy,
    plain_step,
    decay_step,
    momentum_step,
    manual_sgd_step,
    train_manual_update,
    loss_and_accuracy,
    selected_no,
    test_accuracy,
    predict,
    confusion_matrix,
)
ALL_WRONG = {name: program for module in MODULES for name, program in module.WRONG.items()}
ALL_RIGHT = {name: program for module in MODULES for name, program in module.RIGHT.items()}
