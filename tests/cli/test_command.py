"""The command as a process: started from any folder, quick to help, stopped by Ctrl-C."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Project
from tests.cli.fake_api import FakeApi, state, write_kubeconfig

COMMAND = ROOT / "biojobs"
IN_PROJECT = "import sys; from pathlib import Path; from cli import stack; stack.ROOT = Path(sys.argv.pop(1)); " + (
    "from cli.__main__ import main; main()"
)


def call(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, words)], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_it_runs_from_any_folder_through_a_link_and_in_spite_of_what_lies_there(tmp_path: Path) -> None:
    for module in ("cli", "settings", "yaml", "typer"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the wrong module')")
    link = tmp_path / "linked"
    link.symlink_to(COMMAND)
    done = call(link, "run", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for job in ("fastqc", "align", "variants", "index"):
        assert f"\n  {job} " in done.stdout


def test_help_loads_nothing_that_takes_long() -> None:
    program = (
        "import sys, cli.app; print(*(sys.modules.keys() & {'pulumi', 'kubernetes', 'hera', 'pydantic', 'boto3'}))"
    )
    done = call(sys.executable, "-c", program, cwd=ROOT)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_a_missing_environment_is_made_first(tmp_path: Path) -> None:
    shutil.copy(COMMAND, tmp_path)
    (tmp_path / "bootstrap").mkdir()
    maker = tmp_path / "bootstrap" / "venv.sh"
    maker.write_text(
        '#!/bin/bash\ncd "${0%/*}/.." && mkdir -p .venv/bin && '
        "printf '#!/bin/bash\\necho \"$PYTHONPATH $@\"' > .venv/bin/python && chmod +x .venv/bin/python\n"
    )
    maker.chmod(0o755)
    done = call(tmp_path / "biojobs", "run", "a b", cwd=Path("/"), PYTHONPATH="")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path} -P -m cli run a b\n")


def test_an_environment_that_is_too_old_is_told(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError(name='typer')")
    done = call(sys.executable, "-m", "cli", cwd=ROOT, PYTHONPATH=str(tmp_path))
    # `-m` puts the working directory first, which has no typer of its own.
    assert done.returncode == 1
    assert done.stderr == "error: .venv has no typer: it is older than this version; run bootstrap/venv.sh\n"


@pytest.mark.parametrize(
    "words", [("run", "fastqc", "--red", "x"), ("run", "nope"), ("run", "variants", "--ploidy", "x")]
)
def test_options_that_nobody_knows_are_told_without_a_traceback(words: tuple[str, ...]) -> None:
    done = call(COMMAND, *words, cwd=ROOT)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_is_gone_is_told_in_one_line_without_warnings_of_libraries(project: Project) -> None:
    project.put("elsewhere/a.fq")
    write_kubeconfig(project.root.parent / "kubeconfig", "127.0.0.1:9")
    words = (sys.executable, "-c", IN_PROJECT, project.root, "run", "fastqc", "--reads", "a.fq")
    done = call(*words, cwd=project.elsewhere, PYTHONPATH=str(ROOT))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "stack own is not up: its cluster does not answer (Connection refused); run `make up" in done.stderr


def interrupted(words: list[str], when: Callable[[], bool]) -> tuple[int, str, str, float]:
    """Status, standard output, standard error, and the seconds that Ctrl-C took, pressed when something is so."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # Where the tests run in the background of a script, Ctrl-C is ignored, and what they start inherits that.
    listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(words, env=environment, stdout=-1, stderr=-1, text=True, preexec_fn=listen) as process:
        deadline = time.monotonic() + 30
        while not when() and time.monotonic() < deadline:
            time.sleep(0.05)
        stopped = time.monotonic()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout, stderr, time.monotonic() - stopped


def test_ctrl_c_while_a_file_is_copied_starts_nothing(api: FakeApi, project: Project) -> None:
    project.put("elsewhere/a.fq")
    copying = project.root / "copying"
    slow = f"import shutil, time; from pathlib import Path; copying = Path({str(copying)!r}); " + (
        "shutil.copy2 = lambda *_: (copying.touch(), time.sleep(25)); "
    )
    words = [sys.executable, "-c", slow + IN_PROJECT, str(project.root), "run", "fastqc", "--reads", "a.fq"]
    status, _, stderr, seconds = interrupted(words, copying.exists)
    assert (status, stderr, api.submitted) == (130, "stopped; nothing was started\n", [])
    assert seconds < 10


@pytest.mark.parametrize("answers", [True, False], ids=["answers", "is silent"])
def test_ctrl_c_leaves_the_job_running_and_says_how_to_follow_it(api: FakeApi, project: Project, answers: bool) -> None:
    project.put("elsewhere/a.fq")
    if not answers:
        api.answers.clear()
    api.states = (state("Running"),)
    words = [sys.executable, "-c", IN_PROJECT, str(project.root), "run", "fastqc", "--reads", "a.fq"]
    status, stdout, stderr, seconds = interrupted(words, lambda: api.looks > 0)
    api.answers.set()
    assert (status, stdout) == (130, "")
    assert seconds < 10
    assert stderr.endswith(
        "fastqc-a-x7k2p goes on; follow it with `./biojobs follow fastqc-a-x7k2p --stack own`, or stop it with "
        "`argo -n biojobs stop fastqc-a-x7k2p`\n"
    )
    assert "Traceback" not in stderr
