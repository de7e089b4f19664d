"""What judges a backward pass or an update, anybody's."""


def counts():
    """How many planted mistakes and switches of the update the checks go through."""
    from checks.trainings import SWITCHES
    from checks.wrong_passes import PLANTED
    from checks.wrong_updates import PLANTED_STEPS

    numbers = dict(gradients=PLANTED, updates=PLANTED_STEPS)
    return {f"planted_{name}": len(table) for name, table in numbers.items()} | {
        "update_switches": len(SWITCHES)
    }
