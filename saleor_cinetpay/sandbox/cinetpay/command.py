"""Serves the sandbox on its own: `saleor-cinetpay sandbox`."""

import uvicorn

from saleor_cinetpay.sandbox.cinetpay.app import build_sandbox
from saleor_cinetpay.sandbox.cinetpay.config import SandboxConfig


def serve(config: SandboxConfig, host: str, port: int) -> None:
    """Serve until interrupted. One process: the state has one writer."""
    uvicorn.run(build_sandbox(config), host=host, port=port, log_level="warning", server_header=False)
