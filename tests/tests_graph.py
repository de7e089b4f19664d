"""The pictures of a pass: its own numbers are drawn, wrong ones are red, and all is legible."""

import itertools

from support import files, graph
from support.figures import png_of, save_animation
from support.shapes import draw_shapes

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.text import Text

from checks.nets import make_case
from tests.helpers.paper import net_on_paper


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def on_paper(part1):
    """A maker of the net on paper after its passes: the model and its targets."""

    def make(backward=part1.backpropagation):
        model, x, y_true = net_on_paper(part1.MyNet)
        y_pred = model(x)
        if backward:
            backward(model, y_true, y_pred)
        return model, y_true

    return make


def texts_of(figure):
    """{name of a tensor: its texts, from above}."""
    named = {}
    for text in sorted(figure.findobj(Text), key=lambda text: -text.get_position()[1]):
        if text.get_gid():
            named.setdefault(text.get_gid(), []).append(text)
    return named


def drawn(figure):
    """{name of a tensor: rows of numbers as they are drawn}."""
    return {
        name: [[float(word) for word in row.split()] for row in text.get_text().split("\n")]
        for name, (text, *_) in texts_of(figure).items()
        if name != "title"
    }


def red(figure):
    """{name of a tensor: its texts from above}, of those drawn in red."""
    named = {n: ts for n, ts in texts_of(figure).items() if ts[0].get_color() == graph.RED}
    return {name: [text.get_text() for text in texts] for name, texts in named.items()}


def test_gates_and_wires_are_named(part1, on_paper):
    model, y_true = on_paper()
    model.f[1] = lambda z: z**2
    texts = {text.get_text() for text in graph.draw_pass(model, y_true).findobj(Text)}
    wires = {"dL_dz[1]", "dL_da[1]", "dL_dz[2]", "dL_da[2]"}
    assert {"f[1]", "f[2]:\nsquare", "(1)", "(2)", "(3)", "(4)", graph.KEY} | wires <= texts


def check_legible(figure):
    """8 points or more on a page of 6.5 inches; within it; no text on another one."""
    assert figure.get_figwidth() == 6.5
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    for text in texts:  # an index is 0.7 times as large as its letter
        assert text.get_fontsize() * (0.7 if "$n_" in text.get_text() else 1) >= 8
    boxes = [(text.get_window_extent().padded(-1), text.get_text()) for text in texts]
    for box, text in boxes:
        assert figure.bbox.fully_contains(*box.min) and figure.bbox.fully_contains(*box.max), text
    for (box, text), (other, other_text) in itertools.combinations(boxes, 2):
        assert not box.overlaps(other), (text, other_text)


@pytest.mark.parametrize(
    ("n_l", "batch", "dtype"), [
        ([1, 1], 1, torch.double), ([4, 2], 3, torch.float), ([2, 3, 2], 2, torch.double),
        ([1, 4, 1], 1, torch.float), ([3, 1, 2, 4], 2, torch.float),
        ([4, 4, 4, 4], 3, torch.double),
    ],
)  # fmt: skip
def test_any_small_net_is_drawn_with_its_numbers(part1, n_l, batch, dtype):
    case = make_case(part1.MyNet, n_l, batch, ["tanh", "sigmoid", "sin"])
    model, y = case.model.to(dtype), case.y.to(dtype)
    y_pred = model(case.x.to(dtype))
    part1.backpropagation(model, y, y_pred)
    with torch.no_grad():  # of the caller
        figure = graph.draw_pass(model, y)
    check_legible(figure)
    assert not red(figure)
    for i in range(1, model.L + 1):
        model.z[i].retain_grad(), model.a[i].retain_grad()
    loss = ((y_pred - y) ** 2).sum()
    loss.backward()
    expected = {"a[0]": model.a[0], "y": y, "loss": loss}
    for i in range(1, model.L + 1):
        z, a, (W, b) = model.z[i], model.a[i], model.fc[str(i)].parameters()
        expected |= {f"z[{i}]": z, f"dL_dz[{i}]": z.grad, f"a[{i}]": a, f"dL_da[{i}]": a.grad}
        expected |= {f"W{i}": W, f"dL_dw[{i}]": W.grad, f"b{i}": b, f"dL_db[{i}]": b.grad}
    found = drawn(figure)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():  # two digits of small numbers at least, three else
        numbers = torch.tensor(found[name], dtype=dtype)
        right = tensor.detach().reshape(numbers.shape)
        torch.testing.assert_close(numbers, right, rtol=0.006, atol=6e-4)
    for gradient in (*model.dL_dw.values(), *model.dL_db.values()):
        gradient /= 2
    figure = graph.draw_pass(model, y)
    check_legible(figure)
    assert len(red(figure)) == 2 * model.L


@pytest.mark.parametrize(
    ("plant", "text"), [
        (lambda g: g / 2, "18 38 4"), (lambda g: g.T, "(3, 1)"),
        (lambda g: g * torch.tensor([1.0, float("nan"), 1.0]), "36 nan 8"),
        (lambda g: g[0], "(3,)"), (lambda g: g.sum(), "()"),
        (lambda g: g + torch.tensor([0, 1e-4, 0]), "36 76 8"), (lambda g: 36.0, "float"),
    ],
)  # fmt: skip
def test_wrong_gradient_is_red_above_the_right_one(on_paper, plant, text):
    model, y_true = on_paper()
    model.dL_dw[2] = plant(model.dL_dw[2])
    for lit in (None, 3):
        figure = graph.draw_pass(model, y_true, lit)
        ((name, (found, right)),) = red(figure).items()
        assert (name, " ".join(found.split()), right) == ("dL_dw[2]", text, "36 76 8")


def test_gradient_that_is_not_there_and_nan_where_autograd_has_nan_are_right(part1, on_paper):
    model, y_true = on_paper(backward=None)
    figure = graph.draw_pass(model, y_true)
    assert not red(figure)
    assert [text.get_text() for text in texts_of(figure)["dL_db[1]"]] == ["None"]
    part1.backpropagation(model, y_true * float("nan"), model.a[2])
    assert not red(graph.draw_pass(model, y_true * float("nan")))
    assert len(red(graph.draw_pass(model, y_true))) == 4


def lit_names(figure):
    named = texts_of(figure).items()
    return {name for name, (text, *_) in named if text.get_alpha() == 1} - {"title"}


def test_lit_equation(on_paper):
    model, y_true = on_paper()
    parts = {
        1: {"a[2]", "y", "dL_da[2]"},
        2: {"z[1]", "z[2]", "dL_da[1]", "dL_da[2]", "dL_dz[1]", "dL_dz[2]"},
        3: {name for i in (1, 2) for name in (f"a[{i - 1}]", *(f"dL_d{x}[{i}]" for x in "zwb"))},
        4: {"dL_dz[2]", "W2", "dL_da[1]"},
    }
    for equation, names in parts.items():
        assert lit_names(graph.draw_pass(model, y_true, equation)) == names
    figure = graph.draw_pass(model, y_true, 2, layer=2)
    assert lit_names(figure) == {"z[2]", "dL_da[2]", "dL_dz[2]"}
    assert "dL_dw[2]" not in texts_of(figure) and "dL_dz[1]" not in texts_of(figure)
    check_legible(figure)


def test_model_stays_as_it_is(on_paper):
    model, y_true = on_paper()
    model.fc["1"].weight.grad = torch.ones(3, 1).double()
    model.fc["2"].bias.requires_grad_(False)

    def state():
        kept = [model.z, model.a, model.dL_dw, model.dL_db]
        tensors = [*model.parameters(), y_true, *(t for held in kept for t in held.values())]
        grads = [p.grad if p.grad is None else p.grad.tolist() for p in model.parameters()]
        return [(id(t), t._version, t.requires_grad, t.grad_fn, t.tolist()) for t in tensors], grads

    before = state()
    graph.draw_pass(model, y_true, lit=3)
    graph.pass_frames(model, y_true)
    assert state() == before


def test_refusals(part1, on_paper):
    for n_l, batch, what in (
        ([2, 5, 1], 1, "5 units"), ([1] * 5, 1, "4 layers"), ([1, 1], 4, "4 samples"),
    ):  # fmt: skip
        model = part1.MyNet(n_l)
        y_pred = model(torch.zeros(batch, n_l[0]))
        with pytest.raises(ValueError, match=what):
            graph.draw_pass(model, y_pred)
    with pytest.raises(RuntimeError, match="no forward pass"):
        graph.draw_pass(part1.MyNet(), torch.zeros(1, 2))
    model, y_true = on_paper()
    with pytest.raises(ValueError, match=r"\(2,\).*\(2, 1\)"):
        graph.draw_pass(model, y_true[:, 0])
    for lit, layer in ((0, None), (5, None), ([1], None), ("3", 2), (4, 1), (2, 3), (None, 2)):
        with pytest.raises(ValueError, match="lit is 1, 2, 3 or 4"):
            graph.draw_pass(model, y_true, lit, layer)
    with torch.no_grad():
        model.fc["1"].bias += 1
    with pytest.raises(ValueError, match="call model"):
        graph.pass_frames(model, y_true)


def test_frames_show_one_step_after_the_other_in_the_same_bytes(on_paper, tmp_path, monkeypatch):
    frames = graph.pass_frames(*on_paper())
    names = [set(texts_of(figure)) - {"title"} for figure in frames]
    new = [after - before for before, after in itertools.pairwise(names)]
    assert names[0] == {"a[0]", "y", "W1", "b1", "W2", "b2"}
    assert new == [
        {"z[1]"}, {"a[1]"}, {"z[2]"}, {"a[2]"}, {"loss"}, {"dL_da[2]"}, {"dL_dz[2]"},
        {"dL_dw[2]", "dL_db[2]"}, {"dL_da[1]"}, {"dL_dz[1]"}, {"dL_dw[1]", "dL_db[1]"}, set(),
    ]  # fmt: skip
    assert len({tuple(figure.get_size_inches()) for figure in frames}) == 1
    monkeypatch.setattr(files, "OUTPUT", tmp_path)
    plt.close("all")
    for name in ("one", "two"):  # of three steps: more take long
        save_animation(graph.pass_frames(*on_paper())[-3:], name)
        plt.close("all")
    one, two = ((tmp_path / "figures" / f"{name}.gif").read_bytes() for name in ("one", "two"))
    assert one == two


def test_shapes_fit_and_are_to_scale():
    figure = draw_shapes()
    check_legible(figure)
    (ax,) = figure.axes
    ends = [line.get_xydata() for line in ax.lines]
    lengths = [abs(end - start).sum() for start, end in ends]
    boxes = [(p.get_width(), p.get_height()) for p in ax.patches][::2]  # without the dark parts
    n, below, units = (11 * size for size in (6, 3, 4))
    assert lengths == pytest.approx([below, below, n, n, units, units])
    assert boxes == [
        (below, n), (units, below), (units, n), (n, units), (below, n), (below, units),
        (units, n), (below, units), (below, n),
    ]  # fmt: skip
    assert png_of(figure) == png_of(draw_shapes())
