"""Become one process of the Procfile: `python -m config.run worker`. What containers and systemd units start."""

import os
import sys

from config.processes import child_environment, launch, read_procfile
from config.runtime import BASE_DIR


def main(arguments: list[str]) -> None:
    """Replace this process by the named one, so that it gets the signals itself."""
    lines = read_procfile()
    if len(arguments) != 1 or arguments[0] not in lines:
        sys.exit(f"Name one process of the Procfile: {', '.join(lines)}.")
    ready = launch(lines[arguments[0]], child_environment({}))
    os.chdir(BASE_DIR)
    os.execve(ready.command[0], ready.command, ready.env)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
