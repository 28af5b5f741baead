"""A signal that ends a process ends process 1 of a container too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.first_process import at_once
from tests.support.container import need_namespaces

MONITOR = Path(__file__).parents[2] / "monitor"
ITSELF = "os.kill(os.getpid(), signal.SIGTERM)"
WITHOUT = f"import os, signal; {ITSELF}; print('survived')"
WITH = (
    f"import os, signal; from monitor.first_process import at_once; signal.signal(signal.SIGTERM, at_once()); {ITSELF}"
)


def test_any_other_process_keeps_the_default():
    assert os.getpid() != 1
    assert at_once() is signal.SIG_DFL


@pytest.mark.parametrize("program, code, out", [(WITHOUT, 0, "survived\n"), (WITH, 128 + signal.SIGTERM, "")])
def test_process_1_survives_the_default_and_not_the_action(program, code, out):
    need_namespaces()
    command = ["unshare", "--pid", "--fork", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, out)


def test_nobody_else_goes_back_to_the_default_of_a_signal():
    users = {file.name for file in MONITOR.rglob("*.py") if "SIG_DFL" in file.read_text()}
    assert users == {"first_process.py"}
