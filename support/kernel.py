"""A notebook's kernel, as support.notebooks drives it. (nbclient takes a second to import.)"""

import os
import sys

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

__all__ = ["CellExecutionError", "DeadKernelError", "LiveClient"]
# A kernel that is stopped before joblib's workers leaves them to their tracker, which cleans up
# and warns. Nothing of that concerns the notebook.
QUIET = {"PYTHONWARNINGS": "ignore:resource_tracker"}


class LiveClient(NotebookClient):
    """Sends stderr (the progress bars) to the terminal and keeps it out of the saved notebook."""

    def __init__(self, notebook, folder, **options):
        super().__init__(
            notebook,
            timeout=None,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(folder)}},
            **options,
        )

    def execute(self):
        return super().execute(env=os.environ | QUIET)

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stderr":
            print(msg["content"]["text"], end="", file=sys.stderr, flush=True)
            return None
        return super().output(outs, msg, display_id, cell_index)
