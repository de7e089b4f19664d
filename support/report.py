"""report.md, README.md and report.pdf: the sentences of report/*.jinja, the numbers of results/.

    python -m support.report

A template sees `results` and `data`, the JSON files of these folders (results.luck is
results/luck.json), and the functions assume, source, wilson_interval and mean_interval.
Between two braces stands one text or number. results/SHA256SUMS says from which files they were
rendered.
"""

import argparse
import functools
import hashlib
import linecache
import math
import operator
import sys
import traceback

from support import ROOT
from support.definitions import read_definitions
from support.files import read_json, write_whole
from support.studies import mean_interval

import numpy as np
import pypandoc
import typst
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from scipy import stats

DOCUMENTS = ("report.md", "README.md")
CARELESS_FILTERS = ("d", "default", "float", "int")  # they would hide a wrong key or a wrong value
CLASSES = [["airplane", 0], ["bird", 2]]  # of which the texts speak, in the order of the targets
RULE = ("learning_rate", "momentum", "weight_decay")
# Where the repository is published, as in "https://github.com/NAME/REPOSITORY": the links of
# report.pdf begin there. While it is empty, they lead to the files that lie beside the PDF.
REPOSITORY = ""


class AssumptionFailed(Exception):
    """These results do not bear out what a document says; the message says what to do."""


class KeyEnvironment(Environment):
    """Jinja2's environment, where a dictionary has its keys and no methods."""

    def getitem(self, obj, argument):
        if isinstance(obj, Folder):
            return obj[argument]
        if isinstance(obj, dict):
            return obj.get(argument, self.undefined(obj=obj, name=argument))
        return super().getitem(obj, argument)

    getattr = getitem


def formatted(value, form):
    """A number as text, "NaN" for NaN. Raises TypeError for anything else, UndefinedError too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value} is not a number")
    return "NaN" if math.isnan(value) else format(value, form)


def power(value, digits=0):
    """A number as a formula: $7 \\cdot 10^{-11}$ for 7e-11, $10^{-9}$ for 1e-9; 2.2 stays 2.2."""
    mantissa, _, exponent = formatted(value, f".{digits}e").partition("e")
    if not exponent or abs(int(exponent)) < 2:
        return formatted(value, f".{digits + 1}g")
    factor = "" if mantissa == "1" else rf"{mantissa} \cdot "
    return f"${factor}10^{{{int(exponent)}}}$"


def listing(items):
    """The items as in a sentence: "a, b and c"."""
    *others, last = map(str, items)
    return f"{', '.join(others)} and {last}" if others else last


def printed(value):
    """What stands between braces, if it is one text or one number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Undefined):
        raise TypeError(f"{value!r} is neither a text nor a number")
    return "NaN" if value != value else value


FILTERS = {
    "percent": lambda value, digits=2: formatted(value, f".{digits}%"),
    "fixed": lambda value, digits: formatted(value, f".{digits}f"),
    "power": power,
    "scientific": lambda value, digits=0: formatted(value, f".{digits}e"),
    "short": lambda value: formatted(value, "g"),
    "thousands": lambda value: formatted(value, ","),
    "number": float,  # of a text: the published digits are kept as they were printed
    "listing": listing,
}


def nan_for_null(value):
    """The same JSON value with NaN for each null, as the notebooks mean it."""
    if isinstance(value, dict):
        return {key: nan_for_null(item) for key, item in value.items()}
    if isinstance(value, list):
        return [nan_for_null(item) for item in value]
    return math.nan if value is None else value


def read_result(name, root=ROOT):
    """What results/<name>.json holds; None where there is no such file, or no JSON in it."""
    try:
        return nan_for_null(read_json(root / "results" / f"{name}.json"))
    except (FileNotFoundError, ValueError):
        return None


class Folder(dict):
    """What the JSON files of a folder hold: {name: contents}. ValueError names a broken one."""

    def __init__(self, folder):
        files = {path.stem: path for path in folder.glob("*.json")}
        super().__init__({name: nan_for_null(read_json(path)) for name, path in files.items()})
        self.folder = folder

    def __missing__(self, name):
        return read_json(self.folder / f"{name}.json")  # FileNotFoundError names it


def unfit(results):
    """Yield which results the documents cannot tell of: those of other classes, and outdated ones.

    An experiment's are outdated where part 2 no longer has what they were made from
    (support.files.made_from).
    """
    own = results.get("gradient_descent", {})
    classes = list(map(list, own.get("classes", dict(CLASSES)).items()))
    if classes != CLASSES:
        yield f"results/gradient_descent.json is of {classes}, and the texts speak of {CLASSES}"
    present = {"classes": classes, "selected": own.get("selected", {}).get("no")}
    present |= own.get("global", {})
    for run in own.get("instances", []):
        present[f"No {run['no']}"] = {key: run[key] for key in RULE}
    for name, values in results.items():
        for key, value in values.get("made_from", {}).items():
            if value != present.get(key):
                told = f"{key} was {value} and is {present.get(key)}"
                yield f"results/{name}.json is outdated ({told}): make experiments/{name}"


def source(root, notebook, name):
    """The text of a function or class, exactly as it stands in <notebook>.ipynb."""
    found = []
    for cell, tree in read_definitions(root / f"{notebook}.ipynb"):
        for node in tree.body:
            if getattr(node, "name", None) == name:
                first = min(part.lineno for part in (node, *node.decorator_list))
                found.append("".join(linecache.getlines(cell)[first - 1 : node.end_lineno]))
    if len(found) != 1:
        raise LookupError(f"{notebook}.ipynb defines {name} {len(found)} times, not once")
    return found[0].rstrip("\n")


def wilson_interval(share, count):
    """The 95% interval (low, high) of a share of `count` images."""
    return stats.binomtest(round(share * count), count).proportion_ci(0.95, method="wilson")


@functools.cache  # it keeps the compiled templates, and compiles one anew that changed
def templates(folder):
    """Jinja2's environment for the templates of a folder."""
    environment = KeyEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for careless in CARELESS_FILTERS:
        del environment.filters[careless]
    environment.filters |= FILTERS
    environment.tests["nan"] = lambda value: value != value
    return environment


def render(name, root=ROOT, **more):
    """Return the text that report/<name>.jinja makes of the results; `more` are names for it.

    Raises AssumptionFailed naming each result that does not fit, or each sentence that does not
    hold; for a wrong key or value jinja2.UndefinedError, TypeError or another error.
    """
    failed = []

    def assume(condition, sentence):
        """Guard a sentence that holds for some results alone; prints nothing."""
        if not condition:
            failed.append(sentence)
        return ""

    results = more.get("results") or Folder(root / "results")
    wrong = list(unfit(results)) if name in DOCUMENTS else []
    if wrong:
        raise AssumptionFailed("; ".join(wrong))
    names = {
        "results": results,
        "data": Folder(root / "data"),
        "assume": assume,
        "wilson_interval": wilson_interval,
        "mean_interval": mean_interval,
        "source": lambda notebook, name: source(root, notebook, name),
    }
    try:
        text = templates(root / "report").get_template(f"{name}.jinja").render(names | more)
    except Exception:
        if not failed:  # after a sentence that does not hold, its numbers may be missing, too
            raise
    if failed:
        told = f"not true of these results: {'; '.join(failed)}"
        raise AssumptionFailed(f"{told}; change report/{name}.jinja")
    return text


def typst_markup(markdown, root=ROOT):
    """The report's style and text as Typst markup; RuntimeError for a formula without words."""
    style = (root / "report" / "style.typ").read_text("utf-8")
    words = str(root / "report" / "formulas.lua")
    form = "gfm+smart+implicit_figures"
    address = f"--metadata=repository:{REPOSITORY}"
    return style + pypandoc.convert_text(
        markdown, "typst-smart", form, extra_args=[address], filters=[words]
    )


def make_pdf(markdown, root=ROOT):
    """A report as the bytes of a PDF/UA-1, which refuses a picture without a description."""
    markup = typst_markup(markdown, root).encode()
    return typst.compile(markup, root=root, pdf_standards="ua-1", ignore_system_fonts=True)


def fingerprints(root=ROOT):
    """The lines of results/SHA256SUMS, for `sha256sum --check`: all of results/ and data/.

    But for the timings, which no run repeats.
    """
    paths = sorted([*root.glob("data/*.json"), *root.glob("results/*.json")])
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in paths
        if path.stem != "bench"
    )


def write_all(root=ROOT):
    """Write report.md with report.pdf, and README.md, each whole, where its sentences hold.

    Says which do not, and returns the names of these documents. Exits at any other error.
    """
    left = []
    for name in DOCUMENTS:
        try:
            contents = {name: render(name, root)}
            if name == "report.md":
                contents["report.pdf"] = make_pdf(contents[name], root)
                contents["results/SHA256SUMS"] = fingerprints(root)
            for file, content in contents.items():
                write_whole(root / file, content)
            print(f"{listing(contents)}: rendered", flush=True)
        except AssumptionFailed as failed:
            left.append(name)
            print(f"{name} was left as it is; {failed}.", flush=True)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [f", line {f.lineno}" for f in frames if f.filename.endswith(".jinja")]
            place = f"report/{name}.jinja{lines[-1] if lines else ''}"
            sys.exit(f"{name} was not rendered: {place}: {type(error).__name__}: {error}")
    return left


def digits(run):
    """An instance's losses and accuracies with the digits that log and report print."""
    accuracies = (run["training_accuracy"], run["validation_accuracy"])
    return [f"{x:.5f}" for x in run["training_loss"]], [f"{x:.4f}" for x in accuracies]


def largest_difference(pairs):
    """The largest |a - b|; NaN where one of the two is NaN, but for two NaNs 0."""
    a, b = np.transpose(pairs)
    return np.where(np.isnan(a) & np.isnan(b), 0, np.abs(a - b)).max()


def summary(before, after, root=ROOT):
    """Some lines on results/gradient_descent.json: what it says, and what it said `before`.

    before, after: the file as read_result reads it; `before` is None where there was none.
    """
    rule = operator.itemgetter("no", *RULE)
    olds = before["instances"] if before else []
    pairs = [(old, new) for new in after["instances"] for old in olds if rule(old) == rule(new)]
    differing = [(old, new) for old, new in pairs if digits(old) != digits(new)]
    names = {"before": before, "after": after, "compared": len(pairs), "differing": differing}
    if differing:
        last = [(old["training_loss"][-1], new["training_loss"][-1]) for old, new in differing]
        parts = ("training_accuracy", "validation_accuracy")
        accuracies = [(old[part], new[part]) for old, new in differing for part in parts]
        names["loss"], names["accuracy"] = map(largest_difference, (last, accuracies))
    return render("summary.txt", root, **names)


if __name__ == "__main__":
    says = __doc__.partition("\n")[0]
    argparse.ArgumentParser(prog="python -m support.report", description=says).parse_args()
    sys.exit(1 if write_all() else 0)
