"""Steps and small trainings, right ones and wrong ones, beside torch.optim.SGD."""

import contextlib
import copy
import inspect
import io
import sys
import warnings
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from unittest import mock

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader, TensorDataset

from checks.difference import GLOBAL_STATE, bits, expect, global_state_kept, same_bits
from checks.reference import STEP, TRAINING, code_of
from checks.telling import in_one_line, own_line
from checks.wrong_updates import STEP_LINES

WATCHED = {  # what a training could change for the next one: (read it, put it back)
    name: GLOBAL_STATE[name]
    for name in ("the default dtype", "the grad mode", "the number of threads")
}
IN_TORCH = ("_single_tensor_sgd", "_multi_tensor_sgd", "_fused_sgd")  # what torch's SGD comes to

ORDER = "epoch_count model loss_function learning_rate momentum weight_decay train_loader".split()


def planted_step(lines=()):
    """STEP with these wrong lines, in the form of manual_sgd_step."""
    code = code_of(STEP, lines)

    @torch.no_grad()
    def step(model, learning_rate, momentum, weight_decay, momentum_buffer, **switches):
        names = dict(dampening=0.0, nesterov=False, maximize=False) | switches
        names |= dict(learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay)
        names |= dict(torch=torch, parameters=list(model.parameters()), v=momentum_buffer)
        exec(code, names)

    return step


def planted_training(lines=(), step=None):
    """TRAINING with these wrong lines, around a step that is given or STEP with the others."""
    planted = step or planted_step(tuple(line for line in lines if line[0] in STEP_LINES))
    code = code_of(TRAINING, tuple(line for line in lines if line[0] not in STEP_LINES))
    memory = {}  # for what outlives a call

    def train(*arguments, **more):
        def update():
            rule = names["learning_rate"], names["momentum"], names["weight_decay"]
            batch = {} if step else dict(X=names["X"], train_loader=names["train_loader"])
            planted(names["model"], *rule, names["v"], **more, **batch)

        names = dict(zip(ORDER, arguments, strict=True), torch=torch, memory=memory, losses=[])
        names |= dict(parameters=list(names["model"].parameters()), update=update)
        exec(code, names)

    return train


@contextlib.contextmanager
def one_training():
    """Gradients on, a single thread, no warnings; what was set before is put back.

    Several threads would wait for each other on nets as small as these.
    """
    with global_state_kept(), warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        yield


@dataclass(frozen=True)
class Setting:
    """One training, or several in a row: `calls` says which model each of them moves."""

    title: str
    momentum: float = 0.0
    weight_decay: float = 0.0
    learning_rate: float = 0.3
    epoch_count: int = 1
    sample_count: int = 20
    batch_size: int = 5
    calls: tuple = (0,)
    more: tuple = ()  # pairs of a switch of torch.optim.SGD and its value, for a bare step

    @property
    def batch_count(self):
        """Batches in an epoch."""
        return -(-self.sample_count // self.batch_size)

    def __str__(self):
        numbers = dict(learning_rate=self.learning_rate, momentum=self.momentum)
        numbers |= dict(weight_decay=self.weight_decay) | dict(self.more)
        return (
            ", ".join(f"{name} {value}" for name, value in numbers.items())
            + f", {self.epoch_count} x {self.batch_count} batches, {len(self.calls)} x"
        ).removesuffix(", 1 x")


SETTINGS = [  # different numbers everywhere, so that one mistake is not taken for another
    Setting("plain descent", calls=(0, 1)),
    Setting("weight decay", weight_decay=0.15, sample_count=18, batch_size=6),
    Setting("momentum", momentum=0.85),
    Setting("momentum and weight decay", momentum=0.85, weight_decay=0.12),
    Setting("several epochs", momentum=0.8, epoch_count=3, sample_count=15),
    Setting("an uneven last batch", learning_rate=0.2, epoch_count=2, sample_count=13),
    Setting("two calls in a row", momentum=0.85, sample_count=15, calls=(0, 1, 0)),
]
OF_A_STEP = [s for s in SETTINGS if len(s.calls) < 3]  # one call after another does not matter
MORE_FOR_A_STEP = [
    Setting(name, momentum=0.85, weight_decay=0.12, more=((name, value),))
    for name, value in (("dampening", 0.4), ("nesterov", True), ("maximize", True))
]


class SmallNet(nn.Module):
    """The layers of MyMLP, much smaller, and smooth: 6 -> 4 -> 4 -> 4 -> 2 with tanh.

    forward: X: (N, 3, 32, 32), or flattened -> (N, 2). It looks at six numbers of each image. Two
    layers are of one shape, so that buffers kept by shape show.
    """

    def __init__(self, seed=1):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        for layer, (n_in, n_out) in enumerate([(6, 4), (4, 4), (4, 4), (4, 2)], 1):
            linear = nn.Linear(n_in, n_out, dtype=torch.double)
            for p in linear.parameters():
                values = torch.randn(p.shape, dtype=torch.double, generator=generator)
                p.data = values / n_in**0.5 * (4 if layer == 4 else 1)  # for gradients above 1
            self.add_module(f"fc{layer}", linear)

    def forward(self, X):
        a = X.flatten(start_dim=1)[:, ::512]
        for linear in (self.fc1, self.fc2, self.fc3):
            a = torch.tanh(linear(a))
        return self.fc4(a)


def values_of(model):
    """All parameters in one vector, a copy in double precision."""
    with torch.no_grad():
        return torch.cat([p.detach().reshape(-1).cpu().double() for p in model.parameters()])


@cache
def images_and_labels(count):
    """X: (count, 3, 32, 32) of random numbers, y: (count,) of 0 and 1."""
    generator = torch.Generator().manual_seed(count)
    X = 2 * torch.randn(count, 3, 32, 32, dtype=torch.double, generator=generator)
    return X, torch.arange(count) * 7 // 3 % 2


class WatchingLoader(DataLoader):
    """A DataLoader that notes the model's parameters at each batch fetched, and at the end."""

    def __init__(self, model, setting):
        X, y = (values.clone() for values in images_and_labels(setting.sample_count))
        super().__init__(TensorDataset(X, y), batch_size=setting.batch_size)
        self.model, self.seen, self.modes = model, [], []
        self.limit = 20 * setting.epoch_count * (len(self) + 1)

    def __iter__(self):
        parts = (values.split(self.batch_size) for values in self.dataset.tensors)
        for batch in zip(*parts, strict=True):  # much quicker than image by image
            self.look()
            yield [values.clone() for values in batch]
        self.look()

    def look(self):
        self.seen.append(values_of(self.model))
        self.modes.append(self.model.training)
        if len(self.seen) > self.limit:
            raise RuntimeError("the training asks for batches without end")


@dataclass
class Run:
    """What was seen of the trainings of one setting."""

    setting: Setting
    ends: list = field(default_factory=list)  # of each call: all parameters in one vector
    seen: list = field(default_factory=list)  # of each call: the vectors at each batch fetched
    problem: str = ""  # why it did not run to its end
    error: BaseException | None = None  # the exception, where it was one
    by_torch: set = field(default_factory=set)  # the optimizers of torch that took a step in it
    remarks: list = field(default_factory=list)
    printed: str = ""

    def took_batches_at_once(self, call):
        """True if the net stood still until the last batch was taken, as with list(loader)."""
        first, count = self.seen[call][:1], len(self.seen[call])
        return count > 1 and distance(self.seen[call], first * count) == 0


@contextlib.contextmanager
def optimizers_watched(model, run):
    """Note the optimizers of torch that take a step; add a remark where one moves this model.

    One of one's own may take steps, but not by a step that it inherits, nor by torch's function.
    """

    def after_step(optimizer, *_):
        kind, step, own = type(optimizer), type(optimizer).step, set(map(id, model.parameters()))
        moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
        if kind.__module__.startswith("torch.optim") and own & moved:
            run.remarks.append(
                f"it uses torch.optim.{kind.__name__} itself: this judges torch's update, not one "
                "written by hand"
            )
        if step.__module__.startswith("torch.optim"):
            run.by_torch.add(f"torch.optim.{step.__qualname__.partition('.')[0]}")

    def noted(function):
        def call(*arguments, **more):
            run.by_torch.add("torch.optim.SGD")
            return function(*arguments, **more)

        return call

    hook, module = register_optimizer_step_post_hook(after_step), sys.modules["torch.optim.sgd"]
    functions = {name: noted(getattr(module, name)) for name in IN_TORCH}
    try:
        with mock.patch.multiple(module, **functions):
            yield
    finally:
        hook.remove()


def train_all(train, run):
    setting = run.setting
    models = {number: SmallNet() for number in setting.calls}
    for number in setting.calls:
        model, state = models[number], {name: read() for name, (read, _) in WATCHED.items()}
        loader, size = WatchingLoader(model, setting), len(values_of(model))
        rule = (setting.learning_rate, setting.momentum, setting.weight_decay)
        arguments = (setting.epoch_count, model, nn.CrossEntropyLoss(), *rule, loader)
        with optimizers_watched(model, run):
            result = train(*arguments, **dict(setting.more))
        run.ends.append(values_of(model))
        run.seen.append(loader.seen)
        for name, (read, put_back) in WATCHED.items():
            if read() != state[name]:
                run.remarks.append(f"it changes {name} and leaves it so")
                put_back(state[name])
        if {len(vector) for vector in [*loader.seen, run.ends[-1]]} != {size}:
            run.problem = "it changes how many parameters the model has"
            return
        dtypes = {str(p.dtype) for p in model.parameters()} - {"torch.float64"}
        if dtypes:
            run.remarks.append(f"it changes the model's parameters to {', '.join(dtypes)}")
        if inspect.isgenerator(result) or inspect.iscoroutine(result):
            result.close()
            run.problem = (
                "calling it returns a generator and trains nothing: a function that contains "
                "yield (or async) only starts when somebody iterates over it"
            )
            return
        if not all(loader.modes[1:]):
            run.remarks.append("the model is in eval mode while it trains")


def run_setting(train, setting):
    """Train in one setting; whatever `train` does, no exception and no output escapes."""
    run, output = Run(setting), io.StringIO()
    with one_training(), contextlib.redirect_stdout(output):
        with contextlib.redirect_stderr(io.StringIO()):
            try:
                train_all(train, run)
            except (Exception, SystemExit) as error:
                run.problem = f"{in_one_line(error)}; raised at {own_line(error)}"
                run.error = error
    run.printed = output.getvalue()
    return run


def train_with_torch(epoch_count, model, loss_function, lr, momentum, decay, train_loader, **more):
    """The plain loop around torch.optim.SGD: what every training is compared with."""
    optimizer = torch_sgd(model, lr, momentum=momentum, weight_decay=decay, **more)
    for _ in range(epoch_count):
        for X, y in train_loader:
            optimizer.zero_grad()
            loss_function(model(X), y).backward()
            optimizer.step()


def distance(left, right):
    """The largest difference of two lists of vectors; infinite for NaN and other lengths."""
    if [len(v) for v in left] != [len(v) for v in right]:
        return float("inf")
    if not left:
        return 0.0
    largest = (torch.cat(left) - torch.cat(right)).abs().max().item()
    return largest if largest == largest else float("inf")


def same_ends(run, other):
    """True if two runs ended on the same bits after each call."""
    return bits(tuple(run.ends)) == bits(tuple(other.ends))


def dense_net(dtype=torch.double):
    layers = nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)
    return nn.Sequential(*layers).to(dtype)


class MixedNet(nn.Module):
    """Parameters of all kinds: of a convolution, a batch norm, a frozen layer; single numbers."""

    def __init__(self, dtype=torch.double):
        super().__init__()
        convolution = (nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, kernel_size=3), nn.Flatten())
        self.layers = nn.Sequential(*convolution, nn.BatchNorm1d(6), nn.Linear(6, 4), nn.Tanh())
        self.frozen = nn.Linear(4, 2).requires_grad_(False)
        self.scale, self.unused = (nn.Parameter(torch.tensor(1.5)) for _ in range(2))
        self.to(dtype)

    def forward(self, X):
        return self.scale * self.frozen(self.layers(X))


NETS = {"dense": dense_net, "mixed": MixedNet}
MORE = [dict(), dict(maximize=True), dict(dampening=0.3)]
MORE += [dict(nesterov=True), dict(nesterov=True, maximize=True)]
SWITCHES = [  # with a smaller decay, one rounding too many would seldom be seen
    dict(learning_rate=lr, momentum=momentum, weight_decay=decay, **more)
    for lr, momentum, decay, more in product((0.1, 0.01), (0.9, 0.0), (0.1, 0.0), MORE)
    if momentum or "nesterov" not in more
]


def same_parameters(left, right):
    """True if two models have the same parameters to the last bit."""
    return bits(tuple(left.parameters())) == bits(tuple(right.parameters()))


def torch_sgd(model, learning_rate, **switches):
    return torch.optim.SGD(model.parameters(), lr=learning_rate, **switches)


def compare_with_torch(step, make_net, dtype, switches):
    """Walk `step` and torch.optim.SGD side by side from the same start.

    Parameters, gradients and momentum buffers are compared at every step; AssertionError where a
    bit differs. On the way `step` is given a copy of torch's run to continue, and the first
    parameter is frozen and thawed.
    """
    torch.manual_seed(1)
    theirs = make_net(dtype)
    ours, momentum_buffer = copy.deepcopy(theirs), [None for _ in theirs.parameters()]
    optimizer = torch_sgd(theirs, **switches)
    for i in range(20):
        if i == 3:
            buffers = [optimizer.state[p].get("momentum_buffer") for p in theirs.parameters()]
            ours, momentum_buffer = copy.deepcopy((theirs, buffers))
        X, y = torch.randn(3, 5, dtype=dtype), torch.randn(3, 2, dtype=dtype)
        for model in (theirs, ours):
            model.zero_grad()
            next(model.parameters()).requires_grad_(i not in range(5, 12))
            ((model(X) - y) ** 2).sum().backward()
        optimizer.step()
        step(ours, momentum_buffer=momentum_buffer, **switches)
        triples = zip(theirs.parameters(), ours.parameters(), momentum_buffer, strict=True)
        for j, (p, q, buffer) in enumerate(triples):
            where = f"step {i + 1}, parameter {j}, {switches}, {dtype}"
            theirs_buffer = optimizer.state[p].get("momentum_buffer")
            expect(same_bits(p, q), f"parameters differ at {where}:\n{p}\n{q}")
            expect(same_bits(p.grad, q.grad), f"the step changed a gradient at {where}")
            expect(same_bits(theirs_buffer, buffer), f"momentum buffers differ at {where}")
            if buffer is not None and q.grad is not None:
                own_memory = buffer.data_ptr() != q.grad.data_ptr()
                expect(own_memory, f"the buffer is the gradient's own memory at {where}")


def check_update(step, make_net=dense_net, dtype=torch.double):
    """compare_with_torch in all SWITCHES."""
    for switches in SWITCHES:
        compare_with_torch(step, make_net, dtype, switches)
