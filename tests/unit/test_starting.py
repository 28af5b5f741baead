"""What a start of the daemon does not pay for."""

from __future__ import annotations

import subprocess
import sys

from tests.support.command_line import as_installed

SLOW = {"pandas", "river", "scipy.optimize", "scipy.stats", "sklearn"}
"""Half of what a start would take is in these, and few monitors need any of them."""


def test_a_start_imports_nothing_that_few_monitors_need():
    code = "import sys, monitor.app, monitor.cli, monitor.config.loader; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=as_installed())
    imported = set(done.stdout.split())
    assert "monitor.engine" in imported
    assert not SLOW & imported
