"""Task 2: the net."""

from tests.programs.tasks import tables

MLP = """
class MyMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3072, 512, dtype=DTYPE)
        self.fc2 = nn.Linear(512, 128, dtype=DTYPE)
        self.fc3 = nn.Linear(128, 32, dtype=DTYPE)
        self.fc4 = nn.Linear(32, 2, dtype=DTYPE)

    def forward(self, x):
        x = torch.flatten(x, 1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        x = torch.relu(self.fc3(x))
        x = self.fc4(x)
        return x
"""
LAST = "x = self.fc4(x)"
WRONG, RIGHT, wrong, right = tables("MyMLP", MLP)

for number in (1, 2, 3):
    wrong(
        f"no ReLU after layer {number}",
        {f"torch.relu(self.fc{number}(x))": f"self.fc{number}(x)"},
        "ReLU",
        listed=True,
    )
wrong("no ReLU at all", MLP.replace("torch.relu(", "("), "ReLU", listed=True)
wrong("tanh", MLP.replace("torch.relu", "torch.tanh"), "ReLU|tanh", listed=True)
wrong(
    "softmax in the net",
    {LAST: "x = torch.softmax(self.fc4(x), dim=1)"},
    "softmax|raw|probabilities",
    listed=True,
)
wrong("sigmoid at the output", {LAST: "x = self.fc4(x).sigmoid()"}, "sigmoid|raw", listed=True)
wrong(
    "dropout",
    {LAST: "x = self.fc4(nn.functional.dropout(x, 0.2, self.training))"},
    "dropout|random",
    listed=True,
)
wrong(
    "dropout as a layer",
    """
class MyMLP(nn.Sequential):
    def __init__(self):
        layers = [nn.Flatten()]
        for inputs, outputs in ((3072, 512), (512, 128), (128, 32)):
            layers += [nn.Linear(inputs, outputs, dtype=DTYPE), nn.ReLU(), nn.Dropout(0.5)]
        super().__init__(*layers, nn.Linear(32, 2, dtype=DTYPE))
""",
    "dropout|random",
    listed=True,
)
wrong("a ReLU after the last layer too", {LAST: "x = torch.relu(self.fc4(x))"}, "ReLU|raw|last")
wrong("leaky ReLU", MLP.replace("torch.relu", "nn.functional.leaky_relu"), "ReLU|leaky")
wrong("GELU", MLP.replace("torch.relu", "nn.functional.gelu"), "ReLU|GELU")
wrong("sigmoid between the layers", MLP.replace("torch.relu", "torch.sigmoid"), "ReLU|sigmoid")
wrong(
    "log_softmax, which leaves the loss as it is",
    {LAST: "x = nn.functional.log_softmax(self.fc4(x), dim=1)"},
    "softmax|raw",
)
wrong("single precision", MLP.replace(", dtype=DTYPE", ""), "double|precision|dtype")
wrong("64 in the place of 128", MLP.replace("128", "64"), "128|64|shape|sizes|layers")
wrong("ten outputs", {"(32, 2, ": "(32, 10, "}, "10|ten|2 outputs|two outputs|outputs")
wrong("one output", {"(32, 2, ": "(32, 1, "}, "output|(2, 32)|two|shape")
wrong("no bias", MLP.replace("dtype=DTYPE", "bias=False, dtype=DTYPE"), "bias")
wrong(
    "weights that start at 0",
    {"\n\n": "\n\n        for p in self.parameters():\n            nn.init.zeros_(p)\n\n"},
    "zero|initial|constant|weights| 0",
)
wrong(
    "an additional hidden layer",
    {
        "self.fc4(x)": "self.fc4(torch.relu(self.fc5(x)))",
        "self.fc4 =": "self.fc5 = nn.Linear(32, 32, dtype=DTYPE)\n        self.fc4 =",
    },
    "layer|shape|parameters",
)
wrong(
    "batch normalization",
    {
        "torch.relu(self.fc1(x))": "torch.relu(self.norm(self.fc1(x)))",
        "self.fc4 =": "self.norm = nn.BatchNorm1d(512, dtype=DTYPE)\n        self.fc4 =",
    },
    "layer|parameters|norm|shape",
)
wrong(
    "layers in a plain list",
    """
class MyMLP(nn.Module):
    def __init__(self):
        super().__init__()
        n = [3072, 512, 128, 32, 2]
        self.layers = [nn.Linear(a, b, dtype=DTYPE) for a, b in zip(n, n[1:])]

    def forward(self, x):
        x = x.view(len(x), -1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)
""",
    "parameters|ModuleList|list|layer",
)
wrong(
    "the batch flattened as well",
    {"torch.flatten(x, 1)": "torch.flatten(x).reshape(3072, -1).T"},
    "flatten|image|each|scores|differ|mixed",
)
wrong(
    "the scores of bird and airplane interchanged",
    {LAST: "x = self.fc4(x).flip(1)"},
    "column|scores|order|differ|layer 4|fc4",
)

right("a class with four layers", MLP)
right(
    "a function that returns a Sequential",
    """
def MyMLP():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(3 * 32 * 32, 512), nn.ReLU(),
        nn.Linear(512, 128), nn.ReLU(),
        nn.Linear(128, 32), nn.ReLU(),
        nn.Linear(32, 2),
    ).to(DTYPE)
""",
)
right(
    "a ModuleList and clamp",
    """
class MyMLP(torch.nn.Module):
    def __init__(self, sizes=(3072, 512, 128, 32, 2)):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(i, o) for i, o in zip(sizes[:-1], sizes[1:]))
        self.double()

    def forward(self, images):
        out = images.reshape(images.size(0), -1)
        for i, layer in enumerate(self.layers):
            out = layer(out)
            if i < len(self.layers) - 1:
                out = out.clamp(min=0)
        return out
""",
)
right(
    "its own matrices",
    """
class MyMLP(nn.Module):
    def __init__(self):
        super().__init__()
        n = [3072, 512, 128, 32, 2]
        for i in range(4):
            bound = n[i] ** -0.5
            self.register_parameter(f"w{i}", nn.Parameter(
                torch.empty(n[i + 1], n[i], dtype=DTYPE).uniform_(-bound, bound)))
            self.register_parameter(f"b{i}", nn.Parameter(
                torch.empty(n[i + 1], dtype=DTYPE).uniform_(-bound, bound)))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(4):
            x = nn.functional.linear(x, getattr(self, f"w{i}"), getattr(self, f"b{i}"))
            x = torch.where(x > 0, x, 0) if i < 3 else x
        return x
""",
)
