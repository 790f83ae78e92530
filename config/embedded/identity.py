"""As whom PostgreSQL runs: it refuses to run as root.

- An ordinary user runs it as themselves.
- Root drops to `nobody`, if `nobody` can reach the binaries and the data.
- Root on a checkout below a closed folder (0700): a user namespace in which root's own files belong to an ordinary
  user, so PostgreSQL runs in place.
- Where such namespaces are refused: binaries and data live under `/var/lib/runsheet-…` instead.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = ("unshare", "-U", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class Identity:
    """How to start PostgreSQL: `prefix` before the command, `user` to drop to, and where things then lie."""

    binaries: Path
    data: Path
    user: int | None = None
    prefix: tuple[str, ...] = ()

    @property
    def owner(self) -> int:
        """The uid that must own the data."""
        return os.getuid() if self.user is None else self.user


def choose_identity(binaries: Path, data: Path) -> Identity:
    """The first way above that works here. `data` need not exist, its parent must."""
    if os.getuid() != 0:
        return Identity(binaries, data)
    ways: tuple[Callable[[Path, Path], Identity], ...] = (_dropped, _in_namespace)
    for way in ways:
        identity = way(binaries, data)
        if works(identity):
            return identity
    return _moved_out(binaries, data)


def works(identity: Identity) -> bool:
    """Whether that identity can run the binary and enter the folder above the data."""
    for command in ([identity.binaries / "postgres", "--version"], ["ls", identity.data.parent]):
        try:
            done = subprocess.run(
                [*identity.prefix, *map(str, command)],
                capture_output=True,
                check=False,
                cwd="/",
                user=identity.user,
                group=identity.user,
                extra_groups=None if identity.user is None else [],
            )
        except OSError:
            return False
        if done.returncode != 0:
            return False
    return True


def _dropped(binaries: Path, data: Path) -> Identity:
    return Identity(binaries, data, user=pwd.getpwnam("nobody").pw_uid)


def _in_namespace(binaries: Path, data: Path) -> Identity:
    return Identity(binaries, data, prefix=NAMESPACE)


def _moved_out(binaries: Path, data: Path) -> Identity:
    """Copies of the binaries (by version) and the data itself, under a folder everyone may enter."""
    home = Path("/var/lib") / f"runsheet-{hashlib.sha256(str(data).encode()).hexdigest()[:10]}"
    home.mkdir(mode=0o755, exist_ok=True)
    package = binaries.parent.parent
    copied = home / str(int(package.stat().st_mtime))
    if not copied.exists():
        draft = home / f".{copied.name}.{os.getpid()}"
        for folder in (package, package.with_name(f"{package.name}.libs")):  # found relative to the binaries
            shutil.copytree(folder, draft / folder.name, symlinks=True)
        draft.rename(copied)
    moved = home / data.name
    if data.exists() and not moved.exists():
        shutil.move(data, moved)
    return Identity(copied / binaries.relative_to(package.parent), moved, user=pwd.getpwnam("nobody").pw_uid)


def give(path: Path, owner: int) -> None:
    """Make `owner` own everything under `path` (root only; a checkout may be started in several ways over time)."""
    if path.stat().st_uid == owner:
        return
    if os.getuid() != 0:
        raise PermissionError(
            f"{path} belongs to another user (uid {path.stat().st_uid}). Run as that user, or set RUNSHEET_VAR to a "
            "folder of your own."
        )
    for folder, _, files in os.walk(path):
        for entry in (Path(folder), *(Path(folder) / name for name in files)):
            os.chown(entry, owner, owner, follow_symlinks=False)
