"""Runs the fault suite: `python -m tests.faults.suite [--only a,b] [--repeat N] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.faults import results
from tests.faults.suite.everything import FAULTS
from tests.faults.suite.running import attempt
from tests.support.kafka import Broker


def _is_meant(fault: str, name: str) -> bool:
    """Return whether a name is a fault's, or what the names of its family begin with."""
    return fault == name or (name not in FAULTS and fault.startswith(name))


def main() -> None:
    """Run the wanted faults, one after the other, and write each line as soon as it is there."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--only", default="", help="names or families, with commas")
    parser.add_argument("--repeat", type=int, help="how often, for all of them")
    parser.add_argument("--client", help="with this client alone")
    parser.add_argument("--json", type=Path, default=results.FILE)
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    wanted = [fault for fault in FAULTS.values() if not only or any(_is_meant(fault.name, name) for name in only)]
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        shared = Broker(Path(name)).start()
        try:
            for fault in wanted:
                for client in fault.clients:
                    if arguments.client in (None, client):
                        line = attempt(fault, client, None if fault.own_broker else shared, arguments.repeat)
                        failed += line["outcome"] == "failed"
                        print(line, flush=True)
                        results.put_fault(arguments.json, line)
        finally:
            shared.kill()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
