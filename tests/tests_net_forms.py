"""The net's form first: one message that says what is missing or other, never a traceback."""

import pytest
import torch
from torch import nn

from checks.form import form_problem
from checks.main_test import main_test
from checks.naming import diagnose
from checks.reference import backward_with
from checks.wrong_passes import ERROR, SLOPE
from tests.programs import nets_of_other_forms as nets
from tests.programs.passes.right_any_net import five_lines
from tests.programs.passes.right_more import tanh_from_a
from tests.programs.passes.wrong_loss import target_minus_output
from tests.programs.passes.wrong_slope import tanh_of_tanh

REFUSED = {  # a net: what the message must hold
    "LargeW": ["no attribute dL_dw", "it has dL_dW", "gradient of fc[str(l)].weight"],
    "ListOfLayers": ["fc is a ModuleList", "nn.ModuleDict", 'the keys "1", ..., "L"'],
    "CountedFromZero": ["fc has the keys ['0', '1']", "['1', '2']", "counted from 1, not from 0"],
    "ZFromZero": ["z[1]", "counted from 1, not from 0"],
    "ActivationsFromZero": ["f is for the layers [0, 1]", "counted from 1, not from 0"],
    "WithoutBias": ['fc["1"]', "no bias", "bias=False"],
    "WidthsSwapped": ['fc["1"].weight has the shape (2, 3)', "expected is (3, 2)"],
    "WithoutFlatten": ["does not flatten", "(2, 1, 1, 2)", "torch.flatten(x, 1)"],
    "FlattensTheBatch": ["forward pass fails", "(2, 2)", "nets_of_other_forms.py", "torch.flatten"],
    "NoZ": ["no attribute z", "pre-activation"],
    "ForgetsZ": ["after a forward pass z[1] is None", "(2, 3)"],
    "ForgetsTheInput": ["after a forward pass a[0] is None", "flattened input"],
    "ZAfterTheActivation": ['z[1] is not fc["1"](a[0])', "before the activation"],
    "StringKeys": ["after a forward pass z[1] is None"],
    "ReturnsNothing": ["the forward pass returns", "None", "a[L]"],
    "ReturnsZ": ["returns something else than a[L]"],
    "Fails": ["forward pass fails", "no_such_matrix", "nets_of_other_forms.py"],
    "WithoutGraph": ["autograd's graph", "torch.no_grad()"],
    "NoWidths": ["no attribute n_l", "[n_0, ..., n_L]"],
    "LayersCounted": ["L is 3", "3 widths", "L = 2"],
    "OneFunction": ["f is a", "dictionary with a function for each of the layers [1, 2]"],
}
PLAIN = nets.PlainNet().double()
ARGUMENTS = {  # what main_test is given: what the message must hold
    "the class": (five_lines, nets.PlainNet, ["the class PlainNet, not a net", "[2, 3, 2]"]),
    "interchanged": (PLAIN, five_lines, ["interchanged", "main_test(backpropagation, model)"]),
    "what a pass returns": (None, PLAIN, ["is None, not a function", "without parentheses"]),
    "a name": ("backpropagation", PLAIN, ["a str, not a function"]),
    "no net": (five_lines, None, ["not a net"]),
    "the widths": (five_lines, [2, 3, 2], ["a list, not a net"]),
    "another net": (five_lines, nn.Sequential(nn.Linear(2, 2)), ["no attribute n_l"]),
    "compiled": (five_lines, "compiled", ["torch.compile", "the net itself"]),
    "wrapped": (five_lines, nn.DataParallel(PLAIN), ["no attribute n_l"]),
}


def missing_in(text, parts):
    text = " ".join(text.split())
    return [part for part in parts if part not in text]


@pytest.mark.parametrize("name", REFUSED)
def test_a_net_of_another_form_gets_one_message(name):
    words = form_problem(five_lines, getattr(nets, name)().double())
    assert words and missing_in(words, REFUSED[name]) == [], words


@pytest.mark.parametrize("name", ARGUMENTS)
def test_other_arguments_get_one_message(name):
    backward, model, parts = ARGUMENTS[name]
    if name == "compiled":
        model = torch.compile(PLAIN)  # here: it takes seconds to import
    words = form_problem(backward, model)
    assert words and missing_in(words, parts) == [], words


@pytest.mark.parametrize("name", ["LargeW", "Fails", "the class"])
def test_main_test_prints_the_message_alone(name, capsys):
    if name in REFUSED:
        backward, model, parts = five_lines, getattr(nets, name)().double(), REFUSED[name]
    else:
        backward, model, parts = ARGUMENTS[name]
    assert main_test(backward, model) is False
    text = capsys.readouterr().out
    assert missing_in(text, parts) == [], text
    assert len(text.splitlines()) <= 6 and "ok  " not in text and "Traceback" not in text, text


def test_the_form_is_looked_at_before_the_pass_is_judged(capsys):
    calls = []
    main_test(lambda *args: calls.append(args), nets.CountedFromZero().double())
    assert not calls and "fc has the keys" in capsys.readouterr().out


@pytest.mark.parametrize(
    "net",
    [nets.Lists(), nets.StarredWidths(2, 3, 2), nets.NoArgument()],
    ids=lambda net: type(net).__name__,
)
def test_lists_and_fixed_widths_are_accepted(net, capsys):
    """A class that makes no nets of other widths: on the net given alone, and that is said."""
    assert form_problem(five_lines, net) is None
    assert main_test(five_lines, net.double(), eps=1e-6) is True
    alone = isinstance(net, nets.StarredWidths | nets.NoArgument)
    text = capsys.readouterr().out
    assert ("judged on the given net alone" in text) == alone and "FAILED" not in text, text


def test_a_wrong_pass_is_named_on_fixed_widths():
    (mistake,) = diagnose(target_minus_output, nets.NoArgument().double())
    assert mistake.words.startswith("the sign is wrong")


def test_activations_written_into_the_net_are_a_remark(capsys):
    """f does nothing there: the net is judged with the activations that it has."""
    assert main_test(tanh_from_a, nets.TanhWrittenIn().double()) is True
    words = ["remark", "in layer 1, 2; judged with the activations of this net"]
    assert missing_in(capsys.readouterr().out, words) == []


def test_a_mistake_beside_written_in_activations_is_named():
    net, own_slope = nets.TanhWrittenIn().double(), (SLOPE, "dL_dz = dL_da * (1 - a[l] ** 2)")
    (mean,) = diagnose(backward_with((ERROR, ERROR + " / N"), own_slope), net)
    assert "1/N" in mean.words
    words = [mistake.words for mistake in diagnose(tanh_of_tanh, net)]
    assert "the derivative is taken at a[l] instead of z[l]" in words
    assert diagnose(tanh_from_a, nets.SigmoidAtTheOutput().double()), "tanh's slope of a sigmoid"
