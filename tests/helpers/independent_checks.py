"""Three more ways to judge a backward pass, each independent of autograd's own backward pass."""

import warnings

import torch

from checks.difference import TINY, Difference, expect
from checks.gradients import autograd_of, compare_all, gradients_by
from checks.nets import Case, copy_of, gradients_of, loss_of, parameters_of, random_tensor


@torch.no_grad()
def check_complex_step(backward, case, h=1e-30, tolerance=1e-14):
    """Im L(p + ih) / h has no cancellation, so it is good to 1e-14; every entry."""
    expected, sizes = autograd_of(case, tolerance)
    model = copy_of(case.model)
    for linear in model.fc.values():
        for name in ("weight", "bias"):
            value = getattr(linear, name).to(torch.complex128)
            setattr(linear, name, torch.nn.Parameter(value, requires_grad=False))
    x, y = case.x.to(torch.complex128), case.y.to(torch.complex128)
    slopes = {name: torch.empty_like(gradient) for name, gradient in expected.items()}
    for name, parameter, *_ in parameters_of(model):
        for entry in range(parameter.numel()):
            value = parameter.view(-1)[entry].clone()
            parameter.view(-1)[entry] = value + 1j * h
            slopes[name].view(-1)[entry] = loss_of(model, x, y).imag / h
            parameter.view(-1)[entry] = value
    ours = gradients_by(backward, case)
    return compare_all(case, ours, slopes, sizes, tolerance, "the complex step")


def as_autograd_function(backward, case):
    """The loss as a torch function of the parameters whose derivative is `backward`."""
    model = copy_of(case.model)
    parameters = [parameter for _, parameter, *_ in parameters_of(model)]

    def forward_pass(values):
        with torch.no_grad():
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
        return model(case.x)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *values):
            ctx.save_for_backward(*values)
            return ((forward_pass(values) - case.y) ** 2).sum()

        @staticmethod
        def backward(ctx, dL):
            backward(model, case.y.clone(), forward_pass(ctx.saved_tensors))
            return tuple(dL * gradient for gradient in gradients_of(model).values())

    values = [parameter.detach().clone().requires_grad_(True) for parameter in parameters]
    return Loss.apply, values


def check_gradcheck(backward, case):
    """PyTorch's own checker judges the pass, wrapped as an autograd function."""
    function, values = as_autograd_function(backward, case)
    try:
        torch.autograd.gradcheck(function, values, eps=1e-6, atol=1e-7, rtol=1e-6)
    except RuntimeError as error:
        raise Difference(f"gradcheck: {error}", case) from error


def check_inner_products(backward, case):
    """<u, J v> = <J^T u, v>: J v forward by torch.func.jvp, J^T u by the pass.

    The loss (y_pred - y)^2 has the slope 2 (y_pred - y): with y = y_pred - u / 2 that is u.
    """
    model = copy_of(case.model).requires_grad_(False)
    values = dict(model.named_parameters())
    v = {k: random_tensor(p.shape, i, like=p) for i, (k, p) in enumerate(values.items())}

    def outputs(values):
        return torch.func.functional_call(model, values, (case.x,))

    with warnings.catch_warnings():  # its first call imports something deprecated
        warnings.simplefilter("ignore", FutureWarning)
        y_pred, Jv = torch.func.jvp(outputs, (values,), (v,))
    u = random_tensor(y_pred.shape, 99, like=y_pred)
    ours = gradients_by(backward, Case(case.model, case.x, y_pred - u / 2, case.text))
    pairs = list(zip(ours.values(), v.values(), strict=True))
    left, right = (u * Jv).sum().item(), sum((g * d).sum() for g, d in pairs).item()
    size = (u * Jv).abs().sum().item() + sum((g * d).abs().sum() for g, d in pairs).item()
    error = abs(left - right) / max(TINY, size)
    expect(error <= 1e-13, f"<u, J v> is {left:.17g} but <J^T u, v> is {right:.17g}", case)
    return error
