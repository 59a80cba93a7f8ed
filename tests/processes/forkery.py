"""Run as a process of its own: has the command line imported already, and forks one `saleor-cinetpay` for each order.

An import costs seconds of processor time, and processes that are killed every second would do nothing else. Orders
come in as lines of JSON, one answer goes out for each. When the orders end, whatever still runs is killed.
"""

import gc
import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, NoReturn

LATE_IMPORTS = (
    "aiosqlite",
    "alembic.autogenerate",
    "asyncpg",
    "python_multipart",
    "saleor_cinetpay.app",
    "saleor_cinetpay.migrations.upgrading",
    "saleor_cinetpay.sandbox.cinetpay.command",
    "saleor_cinetpay.serve_command",
    "saleor_cinetpay.worker_command",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
)
"""What a process imports only when it begins to work."""


def main() -> None:
    """Take orders until there are no more."""
    for name in ("saleor_cinetpay.cli", *LATE_IMPORTS):
        importlib.import_module(name)
    gc.freeze()
    running: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "arguments" in order:
            pid = os.fork()
            if pid == 0:
                _become(**order)
            with suppress(OSError):  # it has done so itself
                os.setpgid(pid, pid)
            running.add(pid)
            answer: int | None = pid
        else:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            running.discard(pid)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        print(json.dumps(answer), flush=True)
    for pid in running:
        os.killpg(pid, signal.SIGKILL)


def _become(arguments: list[str], environment: dict[str, str], log: str) -> NoReturn:
    """Be `saleor-cinetpay` with these arguments, in a group with all that it starts; its output goes to the log."""
    os.setpgid(0, 0)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["saleor-cinetpay", *arguments]
    command_line: Any = sys.modules["saleor_cinetpay.cli"]
    status: object = 1
    try:
        command_line.main()
    except SystemExit as end:
        status = end.code
    os._exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
