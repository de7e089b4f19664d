"""Nets as students write them that are not, or not quite, of MyNet's form."""

import torch
from torch import nn


class PlainNet(nn.Module):
    """MyNet as an assignment's skeleton gives it; the nets below differ from it in one point."""

    def __init__(self, n_l=(2, 3, 2)):
        super().__init__()
        self.n_l, self.L = list(n_l), len(n_l) - 1
        layers = range(1, self.L + 1)
        self.fc = nn.ModuleDict({str(i): nn.Linear(n_l[i - 1], n_l[i]) for i in layers})
        self.f = {i: torch.tanh for i in layers}
        self.df = {i: lambda z: 1 - torch.tanh(z) ** 2 for i in layers}
        self.z, self.a = {i: None for i in layers}, {i: None for i in range(self.L + 1)}
        self.dL_dw, self.dL_db = {i: None for i in layers}, {i: None for i in layers}
        self.change()

    def change(self):
        """What one of the nets below has instead."""

    def forward(self, x):
        self.a[0] = torch.flatten(x, 1)
        for i in range(1, self.L + 1):
            self.z[i] = self.fc[str(i)](self.a[i - 1])
            self.a[i] = self.f[i](self.z[i])
        return self.a[self.L]


class LargeW(PlainNet):
    """dL_dW for dL_dw."""

    def change(self):
        self.dL_dW = self.dL_dw
        del self.dL_dw


class ListOfLayers(PlainNet):
    """fc is a ModuleList, which counts from 0."""

    def change(self):
        self.fc = nn.ModuleList(self.fc.values())

    def forward(self, x):
        self.a[0] = torch.flatten(x, 1)
        for i, linear in enumerate(self.fc, 1):
            self.z[i] = linear(self.a[i - 1])
            self.a[i] = self.f[i](self.z[i])
        return self.a[self.L]


class CountedFromZero(PlainNet):
    """fc["0"] is the first layer."""

    def change(self):
        self.fc = nn.ModuleDict({str(i): linear for i, linear in enumerate(self.fc.values())})

    def forward(self, x):
        self.a[0] = torch.flatten(x, 1)
        for i in range(self.L):
            self.z[i + 1] = self.fc[str(i)](self.a[i])
            self.a[i + 1] = self.f[i + 1](self.z[i + 1])
        return self.a[self.L]


class ZFromZero(PlainNet):
    """z[0] is the first layer's."""

    def forward(self, x):
        self.z, self.a = {}, {0: torch.flatten(x, 1)}
        for i in range(self.L):
            self.z[i] = self.fc[str(i + 1)](self.a[i])
            self.a[i + 1] = self.f[i + 1](self.z[i])
        return self.a[self.L]


class ActivationsFromZero(PlainNet):
    """f and df are lists of L functions."""

    def change(self):
        self.f, self.df = list(self.f.values()), list(self.df.values())


class WithoutBias(PlainNet):
    def change(self):
        for i in range(1, self.L + 1):
            self.fc[str(i)] = nn.Linear(*self.n_l[i - 1 : i + 1], bias=False)


class WidthsSwapped(PlainNet):
    """nn.Linear(n_l, n_{l-1})."""

    def change(self):
        for i in range(1, self.L + 1):
            self.fc[str(i)] = nn.Linear(self.n_l[i], self.n_l[i - 1])


class WithoutFlatten(PlainNet):
    def forward(self, x):
        self.a[0] = x
        for i in range(1, self.L + 1):
            self.z[i] = self.fc[str(i)](self.a[i - 1])
            self.a[i] = self.f[i](self.z[i])
        return self.a[self.L]


class FlattensTheBatch(PlainNet):
    """torch.flatten(x) takes the batch's axis away, too."""

    def forward(self, x):
        return super().forward(torch.flatten(x))


class NoZ(PlainNet):
    def change(self):
        del self.z

    def forward(self, x):
        value = self.a[0] = torch.flatten(x, 1)
        for i in self.f:
            value = self.a[i] = self.f[i](self.fc[str(i)](value))
        return value


class ForgetsZ(PlainNet):
    def forward(self, x):
        y_pred = super().forward(x)
        self.z = dict.fromkeys(self.z)
        return y_pred


class ForgetsTheInput(PlainNet):
    def forward(self, x):
        y_pred = super().forward(x)
        self.a[0] = None
        return y_pred


class ZAfterTheActivation(PlainNet):
    def forward(self, x):
        y_pred = super().forward(x)
        self.z = {i: self.a[i] for i in self.z}
        return y_pred


class StringKeys(PlainNet):
    """z["1"], as in fc["1"]."""

    def forward(self, x):
        y_pred = super().forward(x)
        self.z = {str(i): z for i, z in self.z.items()}
        return y_pred


class ReturnsNothing(PlainNet):
    def forward(self, x):
        super().forward(x)


class ReturnsZ(PlainNet):
    """The last layer without its activation."""

    def forward(self, x):
        super().forward(x)
        return self.z[self.L]


class Fails(PlainNet):
    def forward(self, x):
        return super().forward(x) @ self.no_such_matrix


class WithoutGraph(PlainNet):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class NoWidths(PlainNet):
    def change(self):
        del self.n_l


class LayersCounted(PlainNet):
    """L counts the input as a layer."""

    def change(self):
        self.L = len(self.n_l)


class OneFunction(PlainNet):
    """f is one function for all layers, not a dictionary."""

    def change(self):
        self.f = torch.tanh


# These are accepted.


class Lists(PlainNet):
    """Lists for dicts, with None where a dict has no key."""

    def change(self):
        for name in ("f", "df", "z", "a", "dL_dw", "dL_db"):
            kept = getattr(self, name)
            setattr(self, name, [kept.get(i) for i in range(self.L + 1)])


class StarredWidths(PlainNet):
    """StarredWidths(2, 3, 2)."""

    def __init__(self, *n_l):
        super().__init__(n_l)


class NoArgument(PlainNet):
    """Its widths are written in."""

    def __init__(self):
        super().__init__([2, 4, 2])


class TanhWrittenIn(PlainNet):
    """Has no f and no df."""

    def change(self):
        del self.f, self.df

    def forward(self, x):
        self.a[0] = torch.flatten(x, 1)
        for i in range(1, self.L + 1):
            self.z[i] = self.fc[str(i)](self.a[i - 1])
            self.a[i] = torch.tanh(self.z[i])
        return self.a[self.L]


class SigmoidAtTheOutput(PlainNet):
    """tanh below, sigmoid at the output, both written into the forward pass."""

    def forward(self, x):
        self.a[0] = torch.flatten(x, 1)
        for i in range(1, self.L + 1):
            self.z[i] = self.fc[str(i)](self.a[i - 1])
            self.a[i] = (torch.sigmoid if i == self.L else torch.tanh)(self.z[i])
        return self.a[self.L]
