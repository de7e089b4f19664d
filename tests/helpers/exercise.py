"""What the exercise leaves to the student."""

OPEN = {  # what the student has to write, in the order in which it is missed
    "backpropagation.ipynb": ["3. Backpropagation: write backpropagation"],
    "gradient_descent.ipynb": [
        "Task 1: write preprocess",
        "Task 1: write airplanes_and_birds",
        "Task 1: write split",
        "Task 1: write load_airplane_bird",
        "Task 2: write MyMLP",
        "Task 3: write run_epochs",
        "Task 3: write train",
        "Task 3: write compute_accuracy",
        "Task 4: write plain_step",
        "Task 6: write decay_step",
        "Task 7: write momentum_step",
        "Task 7: write manual_sgd_step",
        "Task 7: write train_manual_update",
        "Task 8: write loss_and_accuracy",
        "Task 9: write selected_no",
        "Task 10: write test_accuracy",
        "Task 10: write predict",
        "Task 10: write confusion_matrix",
    ],
}
