"""MyNet: its attributes, the order of the pixels, what it refuses."""

import numpy as np
import pytest
import torch

from checks.nets import random_tensor


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
    model, images = part1.MyNet([6, 4]), torch.rand(5, 1, 2, 3)
    assert model(images) is model.a[1]
    assert torch.equal(model.a[0], images.reshape(5, 6)), "the pixels in their order"


def test_widths_are_whole_numbers_and_inputs_fit_them(part1, case):
    for n_l in ((2, 3), torch.Size([2, 3]), np.array([2, 3]), range(2, 4)):
        assert list(part1.MyNet(n_l).n_l) == [2, 3]
    bad = [[], [3], 5, [2, 0], [0, 2], [2, -1, 2], [2, 2.5], [2, "3"], [2, True], [2, None], "23"]
    for n_l in bad:
        with pytest.raises(ValueError, match="width") as caught:
            part1.MyNet(n_l)
        assert repr(n_l) in str(caught.value)
    for shape in ((4, 3), (4, 1, 3), (2,), (), (0, 3), (4, 2, 2)):
        case.model(case.x)
        with pytest.raises(ValueError, match=r"shape.*2") as caught:
            case.model(torch.ones(shape))
        assert str(shape) in str(caught.value)
        with pytest.raises(RuntimeError, match="forward"):  # nothing of the pass before is left
            part1.backpropagation(case.model, case.y, case.y)
