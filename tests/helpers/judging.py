"""sgd_test called as a student calls it, what it printed, and an optimizer of one's own."""

import re

import torch

from checks.sgd_test import sgd_test


def judge(capsys, *arguments, **options):
    """The verdict of sgd_test, the line of each check, and all that is said, in one line.

    What it prints fits one screen, and nothing else is printed.
    """
    verdict = sgd_test(*arguments, **options)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert len(lines) <= 30 and max(map(len, lines)) <= 100, out
    assert lines[0].startswith("sgd_test: ")
    assert lines[-1].endswith((" checks passed", " checks was tried"))
    assert ("FAILED" in out or " none of " in out) is not verdict
    checks = [line for line in lines if line.startswith(("    ok  ", "    FAILED"))]
    said = " ".join(" ".join(line for line in lines if line not in checks).split())
    return verdict, checks, said


def names_in(said):
    """The mistakes that are named: what follows each "The mistake: ", up to its period."""
    return re.findall(r"The mistake: (.*?)\. (?=Look at: )", said)


def diagnosis_in(said):
    """What names the mistake; without numbers, hyperparameters and the name of the function."""
    start = max(0, said.find("The mistake"))
    return re.sub(r"\(learning_rate.*?\)|No mistake known.*", "", said[start:])


class Momentum(torch.optim.Optimizer):
    """One's own, in torch's form."""

    def __init__(self, params, lr, mom=0.0, decay=0.0):
        super().__init__(params, dict(lr=lr, mom=mom, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].get("v", torch.zeros_like(p))
                v = self.state[p]["v"] = group["mom"] * v + p.grad + group["decay"] * p
                p.sub_(v, alpha=group["lr"])
