"""`python -m config.local_llm --port 8088`."""

from __future__ import annotations

import argparse
import socket
import sys

import uvicorn

from config.local_llm.app import LocalLlm
from config.local_llm.serving import configured


def main() -> None:
    """Serve until told to stop. The first line of output is the base URL."""
    parser = argparse.ArgumentParser(
        prog="python -m config.local_llm", description="A local language model server."
    )
    parser.add_argument("--port", type=int, default=8088, help="0 takes any that is free (default 8088)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default 127.0.0.1)")
    asked = parser.parse_args()
    try:
        listener = socket.create_server((asked.host, asked.port), backlog=1024)
    except OSError as error:
        sys.exit(
            f"Cannot listen on {asked.host}, port {asked.port}: {error.strerror}. Choose another --port."
        )
    with listener:
        port = listener.getsockname()[1]
        sys.stdout.write(f"http://{asked.host}:{port}/v1\n")
        sys.stdout.flush()
        uvicorn.Server(configured(LocalLlm(), port, asked.host)).run(sockets=[listener])


if __name__ == "__main__":
    main()
