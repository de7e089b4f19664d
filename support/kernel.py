"""A notebook's kernel, as support.notebooks drives it. (nbclient takes a second to import.)"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from support.saving import PROGRESS

__all__ = ["CellExecutionError", "DeadKernelError", "Interrupted", "LiveClient"]
# A kernel that is stopped before joblib's workers leaves them to their tracker, which cleans up
# and warns. Nothing of that concerns the notebook.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker"}
# What a person sets for plots or for a console of their own changes no saved file.
PERSONAL = ("MPLBACKEND", "PYTHONSTARTUP")
OPTIONS = [
    "--log-level=CRITICAL",  # a kernel that is stopped in a cell logs an error of its own
    # A matplotlibrc may lie in several folders, the current one too: its values are taken back.
    # (An empty MPLCONFIGDIR would do less, and would also need a new list of the fonts.)
    "--IPKernelApp.exec_lines=__import__('matplotlib').rcdefaults()",
    "--InteractiveShell.xmode=Plain",  # an error as Python shows it, without each frame's context
    "--InteractiveShell.colors=nocolor",
]
CLEAR_LINE = "\r\x1b[K"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a SIGTERM while a notebook runs; `signal` is its number."""

    def __init__(self, number):
        super().__init__()
        self.signal = number


class LiveClient(NotebookClient):
    """Keeps stderr and progress bars out of the saved notebook, and shows them as it runs.

    The bars only on a terminal. A signal stops the kernel, which may first finish what it cleans
    up, and raises Interrupted.
    """

    def __init__(self, notebook, folder, **options):
        super().__init__(
            notebook,
            timeout=None,
            kernel_name="python3",
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
            own = QUIET | {"RUN_MODE": mode, "IPYTHONDIR": profile}
            kept = {name: value for name, value in os.environ.items() if name not in PERSONAL}
            try:
                return asyncio.run(self.async_execute(env=kept | own))
            except (DeadKernelError, asyncio.CancelledError):
                if self.signal is None:
                    raise
                raise Interrupted(self.signal) from None
            finally:
                self.show_bar("")

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

    def show_bar(self, text):
        """Show a progress bar's text in the terminal's last line, in the place of the one before.

        Nothing where stderr is a file or a pipe.
        """
        if sys.stderr.isatty():
            width = shutil.get_terminal_size().columns - 1
            print(CLEAR_LINE + text[:width], end="", file=sys.stderr, flush=True)

    def process_message(self, msg, cell, cell_index):
        if PROGRESS.items() <= (msg["content"].get("metadata") or {}).items():
            self.show_bar(msg["content"]["data"].get("text/plain", ""))
            return None
        return super().process_message(msg, cell, cell_index)

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stderr":
            self.show_bar("")
            print(msg["content"]["text"], end="", file=sys.stderr, flush=True)
            return None
        return super().output(outs, msg, display_id, cell_index)
