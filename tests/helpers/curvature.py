"""A tiny net and the eigenvalues of its whole Hessian, for the tests of curvature."""

import torch
from torch import nn


def small_net(saddle=False):
    """A net with 50 parameters or fewer, and a batch of seven images.

    At a saddle (two layers near 0) the Hessian has nearly the negative of each eigenvalue, too.
    """
    torch.manual_seed(5)
    layers = (nn.Linear(12, 3, bias=not saddle), nn.Tanh(), nn.Linear(3, 2, bias=not saddle))
    net = nn.Sequential(nn.Flatten(), *layers).double()
    if saddle:
        for p in net.parameters():
            p.data *= 1e-3
    return net, torch.randn(7, 3, 2, 2).double(), torch.tensor([0, 1, 1, 0, 1, 0, 0])


def gradient_and_hessian(net, X, y):
    """The gradient of the loss, (P,), and its whole Hessian, (P, P), by autograd."""
    parameters = list(net.parameters())
    loss = nn.functional.cross_entropy(net(X), y)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    gradient = nn.utils.parameters_to_vector(gradients)
    rows = torch.eye(len(gradient)).to(gradient)
    parts = torch.autograd.grad(gradient, parameters, rows, is_grads_batched=True)
    return gradient.detach(), torch.cat([part.flatten(1) for part in parts], dim=1)


def eigenvalues_of(net, X, y):
    """The eigenvalues of the whole Hessian, the largest last, their vectors, and the Hessian."""
    hessian = gradient_and_hessian(net, X, y)[1]
    return *torch.linalg.eigh(hessian), hessian


def largest_eigenvalue(*given):
    return eigenvalues_of(*given)[0][-1].item()
