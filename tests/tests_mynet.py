"""MyNet: its attributes, its forward pass, what it refuses."""

import numpy as np
import pytest
import torch

from checks.cases import loss_of, make_case, random_tensor


def test_the_forward_pass_keeps_z_and_a(part1):
    case = make_case(part1.MyNet, [6, 4, 3], 5, ["sin", "sigmoid"], seed=1, x_shape=(1, 2, 3))
    model = case.model
    weights = [(linear.weight, linear.bias) for linear in model.fc.values()]
    y_pred = model(case.x)
    a = case.x.reshape(5, 6)
    for layer, ((w, b), f) in enumerate(zip(weights, (torch.sin, torch.sigmoid), strict=True), 1):
        assert torch.equal(model.a[layer - 1], a)
        torch.testing.assert_close(model.z[layer], a @ w.T + b, rtol=1e-13, atol=1e-13)
        assert torch.equal(model.a[layer], f(model.z[layer]))
        a = model.a[layer]
    assert y_pred is model.a[2]
    assert set(model.z) == {1, 2} and set(model.a) == {0, 1, 2}
    loss_of(model, case.x, case.y).backward()  # still attached to autograd's graph
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_net_as_the_assignment_describes_it(part1):
    model = part1.MyNet()
    assert (list(model.n_l), model.L, list(model.fc)) == ([2, 3, 2], 2, ["1", "2"])
    assert model.fc["1"].weight.dtype == torch.get_default_dtype()
    z = random_tensor((4, 3), 1)
    for layer in (1, 2):
        assert model.fc[str(layer)].weight.shape == (model.n_l[layer], model.n_l[layer - 1])
        assert torch.equal(model.f[layer](z), torch.tanh(z))
        torch.testing.assert_close(model.df[layer](z), 1 - torch.tanh(z) ** 2, rtol=1e-14, atol=0)
        assert model.z[layer] is model.a[layer] is model.dL_dw[layer] is model.dL_db[layer] is None


@pytest.mark.parametrize(
    "n_l", [[], [3], 5, [2, 0], [0, 2], [2, -1, 2], [2, 2.5], [2, "3"], [2, True], [2, None], "23"]
)
def test_widths_that_make_no_net_are_refused(part1, n_l):
    with pytest.raises(ValueError, match="width") as caught:
        part1.MyNet(n_l)
    assert repr(n_l) in str(caught.value)


def test_widths_may_be_any_sequence_of_whole_numbers(part1):
    for n_l in ((2, 3), torch.Size([2, 3]), np.array([2, 3]), range(2, 4)):
        assert list(part1.MyNet(n_l).n_l) == [2, 3]


@pytest.mark.parametrize("shape", [(4, 3), (4, 1, 3), (2,), (), (0, 3), (4, 2, 2)])
def test_inputs_of_another_width_are_refused(part1, shape):
    model = part1.MyNet([2, 3, 2])
    model(torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"shape.*2") as caught:
        model(torch.ones(shape))
    assert str(shape) in str(caught.value)
    with pytest.raises(RuntimeError, match="forward"):  # and nothing of the pass before is left
        part1.backpropagation(model, torch.ones(1, 2), torch.ones(1, 2))
