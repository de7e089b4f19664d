"""What judges a backward pass or an update, anybody's."""


def counts():
    """How many planted mistakes and switches of the update the checks go through."""
    from checks.trainings import SWITCHES
    from checks.wrong_passes import PLANTED
    from checks.wrong_updates import PLANTED_STEPS

    return {
        "planted_gradients": len(PLANTED),
        "planted_updates": len(PLANTED_STEPS),
        "update_switches": len(SWITCHES),
    }
