"""The notebooks in JupyterLab, in a headless Chromium: only `make browser-test` runs these."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from tests.helpers.exercise import solved


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, the system's or playwright's; a skip with the reason where none is."""
    playwright = pytest.importorskip("playwright.sync_api", reason="`make browser-test` has it")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    with playwright.sync_playwright() as engine:
        path = next(filter(None, map(shutil.which, names)), engine.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip(f"no browser: neither {', '.join(names)} nor playwright's own in {path}")
        with engine.chromium.launch(executable_path=path, args=["--no-sandbox"]) as chromium:
            yield chromium


@pytest.fixture
def jupyterlab(tree_copy, short_mode, tmp_path, monkeypatch):
    """The address of JupyterLab on a copy of the tree, in the short mode."""
    log = tmp_path / "jupyterlab.log"
    monkeypatch.setenv("RUN_MODE", short_mode)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))  # nothing of the user's own settings
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # more would wait for each other on busy cores
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it a kernel hides what libraries write
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command.append("--IdentityProvider.token=test")
    with log.open("w") as stream:
        server = subprocess.Popen(command, cwd=tree_copy, stdout=stream, stderr=stream)
    try:
        deadline = time.monotonic() + 30
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield address[0]
    finally:
        server.kill()  # it ignores other signals while a kernel starts; its kernel ends by itself
        server.wait()


def wait_for_cells(page, count, patience=45):
    """Return when `count` code cells ran, with all the texts that they showed on the way.

    Fails at a dialog, when a cell stops the run, or when nothing changed for `patience` seconds.
    """
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    outputs = page.locator(".jp-OutputArea-output")
    dialog = page.locator(".jp-Dialog")
    before, history, started, deadline = None, set(), False, 0
    while True:
        now = cells, texts = prompts.all_text_contents(), outputs.all_text_contents()
        if dialog.count():
            pytest.fail(f"JupyterLab asks:\n{dialog.first.inner_text()}")
        ran = [text in ("", f"[{i}]:") for i, text in enumerate(cells, 1)]  # "": a folded cell
        if len(cells) == count and all(ran):
            return history
        if started and "[*]:" not in cells:  # an error takes the waiting cells' star away
            pytest.fail(f"the run stopped; the last output:\n{texts[-1] if texts else None}")
        if now != before:
            before, deadline = now, time.monotonic() + patience
            history.update(texts)
            started = "[*]:" in cells
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened for {patience} s; the cells: {' '.join(cells)}")
        page.wait_for_timeout(200)


@pytest.mark.browser
@pytest.mark.parametrize("folder", ["", "exercise/"], ids=["", "exercise"])
@pytest.mark.parametrize("name", ["backpropagation.ipynb", "gradient_descent.ipynb"])
def test_restart_and_run_all_in_jupyterlab(browser, jupyterlab, tree_copy, name, folder):
    """The menu's "Restart Kernel and Run All Cells", by mouse; then the file, saved, is clean.

    The exercise, with the answer put back, runs likewise; its pictures to aim at are seen.
    """
    path = tree_copy / folder / name
    path.parent.mkdir(exist_ok=True)
    answer = nbformat.read(tree_copy / name, as_version=4)
    notebook = solved(tree_copy / name) if folder else answer
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept = {cell.id for cell in cells}
    outputs = [o for cell in answer.cells if cell.id in kept for o in cell.outputs]
    pictures = sum(output.output_type == "display_data" for output in outputs)
    aims = sum(cell.source.count("![") for cell in notebook.cells if cell.cell_type == "markdown")
    for cell in cells:  # so that nothing seen below is left from an earlier run
        cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)
    with browser.new_page() as page:
        page.set_default_timeout(20_000)
        page.goto(f"{jupyterlab}/lab/tree/{folder}{name}?token=test")
        # A kernel that is restarted before it first answered may lose the cells sent to it.
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        page.locator(".jp-Dialog").wait_for(state="detached")
        history = wait_for_cells(page, len(cells))
        if name == "gradient_descent.ipynb":
            assert any("epoch/s" in text for text in history), "no progress bar was to be seen"
        for where, count in ((".jp-RenderedImage", pictures), (".jp-MarkdownOutput", aims)):
            shown = page.locator(f"{where} img")
            widths = shown.evaluate_all("images => images.map(image => image.naturalWidth)")
            assert len(widths) == count > 0 and min(widths) > 0, where
        with page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ) as saving:
            page.locator("jp-button[data-command='docmanager:save']").click()
        assert saving.value.ok
    saved = nbformat.read(path, as_version=4)
    outputs = [output for cell in saved.cells for output in cell.get("outputs", [])]
    outputs = [o for o in outputs if o.get("data", True)]  # of a bar that ran, an empty one stays
    assert sum(o.output_type == "display_data" for o in outputs) == pictures
    allowed = ("stdout", "display_data")
    assert [o for o in outputs if o.get("name", o.output_type) not in allowed] == []
