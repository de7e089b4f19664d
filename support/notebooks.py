"""Execute notebooks in place, each in a fresh kernel, and show which section is running.

python -m support.notebooks backpropagation.ipynb gradient_descent.ipynb
"""

import argparse
import asyncio
import atexit
import contextlib
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from support import ROOT
from support.definitions import heading_of, load_definitions, place_of, read_notebook
from support.progress import TERMINAL

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

LEFT = "the notebook was left as it was"
STAND_IN_BANNER = "STAND-IN IMAGES: nothing below is CIFAR-10's or MNIST's.\n"
# A kernel that is stopped before joblib's workers leaves them to their tracker, which cleans up
# and warns. Nothing of that concerns the notebook.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker"}
# What a person sets for plots, for a console or for other programs changes no saved file, and no
# verdict: PYTHONOPTIMIZE would take away each `assert` of a notebook.
PERSONAL = ("MPLBACKEND", "PYTHONSTARTUP", "PYTHONOPTIMIZE", "PYTHONSAFEPATH")
OPTIONS = [
    "--log-level=CRITICAL",  # a kernel that is stopped in a cell logs an error of its own
    # A matplotlibrc may lie in several folders, the current one too: its values are taken back.
    # (An empty MPLCONFIGDIR would do less, and would also need a new list of the fonts.)
    "--IPKernelApp.exec_lines=__import__('matplotlib').rcdefaults()",
    "--InteractiveShell.xmode=Plain",  # an error as Python shows it, without each frame's context
    "--InteractiveShell.colors=nocolor",
]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a SIGTERM while a notebook runs; `signal` is its number."""

    def __init__(self, number):
        super().__init__()
        self.signal = number


class Stopped(Exception):
    """A run that did not come to a good end; the message says where, and what lies where."""


def terminal_name():
    """The path of the terminal that stderr is; os.devnull where it is none, and on Windows."""
    try:
        return os.ttyname(sys.stderr.fileno())
    except (AttributeError, OSError):
        return os.devnull


def show_error(text):
    """Print a text to stderr, in the place of a progress bar that stands in its last line."""
    clear_line = "\r\x1b[K" if sys.stderr.isatty() else ""
    print(clear_line + text, end="", file=sys.stderr, flush=True)


class LiveClient(NotebookClient):
    """Shows stderr as the notebook runs; progress bars go from the kernel to the terminal alone.

    A signal stops the kernel, which may first finish what it cleans up, and raises Interrupted.
    """

    def __init__(self, notebook, folder, **options):
        super().__init__(
            notebook,
            timeout=None,
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            extra_arguments=list(OPTIONS),
            resources={"metadata": {"path": str(folder)}},
            **options,
        )
        self.signal = None

    def execute(self, mode):
        """Execute the notebook; `mode` is the RUN_MODE that its kernel sees."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            own = QUIET | {"RUN_MODE": mode, "IPYTHONDIR": profile, TERMINAL: terminal_name()}
            kept = {name: value for name, value in os.environ.items() if name not in PERSONAL}
            try:
                return asyncio.run(self.async_execute(env=kept | own))
            except (DeadKernelError, asyncio.CancelledError):
                if self.signal is None:
                    raise
                raise Interrupted(self.signal) from None
            finally:
                show_error("")  # a bar that was broken off

    def create_kernel_manager(self):
        """Take the kernel of this interpreter, whatever specifications lie in a person's folders.

        Another environment's would compute the results with other versions.
        """
        specifications = KernelSpecManager(kernel_dirs=[])
        self.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specifications)
        return self.km

    async def async_start_new_kernel(self, **options):
        """Start the kernel; from here on a signal stops the whole run, once."""
        loop = asyncio.get_running_loop()

        def stop(number):
            if self.signal is None:
                self.signal = number
                for task in asyncio.all_tasks(loop):
                    task.cancel()

        with contextlib.suppress(RuntimeError):  # on Windows, and outside the main thread
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, stop, number)
        await super().async_start_new_kernel(**options)

    def output(self, outs, msg, display_id, cell_index):
        """Keep an output; of stderr, which no cell should write, nothing stays unseen."""
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stderr":
            show_error(msg["content"]["text"])
        return super().output(outs, msg, display_id, cell_index)


def shown_by(cell):
    """What a cell printed before its error, and the error; the last lines of what is long."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type in ("stream", "error"):
            text = output.get("text") or "\n".join(output.traceback)
            lines = text.rstrip("\n").splitlines()
            shown += lines if len(lines) <= 20 else ["...", *lines[-20:]]
    return "\n".join(shown)


def execute(path, target=None, mode=None):
    """Execute a notebook in a fresh kernel beside it; write it to `target` (default: in place).

    The file is written only after the last cell succeeded, and replaced in one step; it holds
    no times. `mode` is the RUN_MODE that the kernel sees (default: this process's); stand-in puts
    a line before the outputs of every cell that has any.
    Raises ValueError in one line for what is no notebook or no Python, PermissionError for what is
    read-only. Stopped where no kernel starts or it dies, and where a cell fails, with what it
    showed; or because the file is no longer what was read: it stays, and the executed notebook is
    written beside it. Interrupted at Ctrl-C or SIGTERM.
    """
    from support.files import Edited, mode_to_keep, run_mode, write_whole  # see main

    path, mode = Path(path), mode or run_mode()
    notebook, content = read_notebook(path)
    if target is None:
        mode_to_keep(path)
    cells, running, section = notebook.cells, 0, None

    def announce(cell, cell_index):
        nonlocal running, section
        first, running = section is None, cell_index
        before, section = section, heading_of(cells, cell_index) or ""
        if first or section != before:
            place = f"cell {cell_index + 1}/{len(cells)}"
            print("  ".join(filter(None, [path.name, section, place])), flush=True)

    client = LiveClient(notebook, path.parent.resolve(), on_cell_execute=announce)
    try:
        client.execute(mode)
    except CellExecutionError:
        place, shown = place_of(cells, running), shown_by(cells[running])
        raise Stopped(f"{path} stopped in {place} and was left as it was:\n{shown}") from None
    except DeadKernelError:
        place = place_of(cells, running)
        raise Stopped(f"{path}: the kernel died in {place}; {LEFT}") from None
    except (LookupError, OSError, RuntimeError) as error:
        if section is not None:
            raise
        atexit.unregister(client._cleanup_kernel)  # nbclient has cleaned up, and would once more
        kernel = f"ipykernel's own specification python3 with {sys.executable}"
        raise Stopped(f"{path}: no kernel started from {kernel} ({error}); {LEFT}") from None
    except KeyboardInterrupt as error:
        error.place = place_of(cells, running)
        raise
    for cell in cells:
        if mode == "stand-in" and cell.get("outputs"):
            banner = nbformat.v4.new_output("stream", name="stdout", text=STAND_IN_BANNER)
            cell.outputs.insert(0, banner)
    text = nbformat.writes(notebook) + "\n"
    try:
        write_whole(target or path, text, before=content if target is None else None)
    except Edited:
        beside = path.with_name(f"{path.stem}.{secrets.token_hex(4)}.executed.ipynb")
        write_whole(beside, text)
        raise Stopped(
            f"{path} was changed while it was executed, and stays as it is now; "
            f"the executed notebook is {beside}"
        ) from None
    print(f"{path.name}: done, saved as {target or path}", flush=True)


def data_is_there(path):
    """Fetch the images that a notebook works on; say what is missing if they are not to be had.

    Those of experiments/ load them through PART2, the definitions of gradient_descent.ipynb.
    """
    with contextlib.suppress(Exception):  # executing the notebook shows any other error
        definitions = load_definitions(path)
        definitions = getattr(definitions, "PART2", definitions)
        for name in ("load_airplane_bird", "load_mnist"):
            try:
                getattr(definitions, name, lambda: None)()
            except FileNotFoundError as error:
                print(f"\n{error}\n", flush=True)
                return False
    return True


def of_repository(path):
    """True for a notebook whose results are this repository's; not for those of the exercise."""
    folder = path.parent.resolve()  # a link's own: its kernel works there
    return folder.is_relative_to(ROOT) and not folder.is_relative_to(ROOT / "exercise")


def main(paths):
    """Execute each notebook: in place on the real images, else in build/ on a stand-in.

    After notebooks of this repository ran in place, report and README are rendered; exits with 1
    where one of these had to stay as it was.
    """
    try:
        from support.files import run_mode  # where an unknown RUN_MODE is refused

        requested_mode = run_mode()
        for path in map(Path, paths):
            if not path.is_file():
                sys.exit(f"{path}: there is no such notebook; give the path of an .ipynb file")
            read_notebook(path)
    except ValueError as error:
        sys.exit(str(error))
    from support import report

    left, before, in_place = [], report.read_result("gradient_descent"), []
    for path in map(Path, paths):
        try:
            mode, target = requested_mode, None
            if mode == "full" and not data_is_there(path):
                mode = "stand-in"
            if mode != "full":
                root = ROOT if of_repository(path) else path.parent
                target = root / "build" / mode / path.name
                print(f"{path.name}: RUN_MODE={mode}, a short run; its results: {target.parent}")
            execute(path, target, mode)
        except KeyboardInterrupt as error:
            place = getattr(error, "place", "the preparation")
            print(f"{path}: interrupted in {place}; {LEFT}", file=sys.stderr)
            sys.exit(128 + getattr(error, "signal", signal.SIGINT))
        except (Stopped, ValueError) as error:
            sys.exit(str(error))
        except OSError as error:
            sys.exit(f"{path} was left as it was: {error}")
        if mode == "full" and of_repository(path):
            in_place.append(path.name)
    if in_place:
        left = report.write_all()
    if "gradient_descent.ipynb" in in_place:
        print(report.summary(before, report.read_result("gradient_descent")), end="")
    if left:
        sys.exit(f"the runs are saved, but {' and '.join(left)} had to stay as before: see above")


if __name__ == "__main__":
    says = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m support.notebooks", description=says)
    parser.add_argument("notebooks", nargs="+", metavar="notebook.ipynb")
    main(parser.parse_args().notebooks)
