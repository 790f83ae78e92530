"""Workflow files on disk: found in folders, read within bounds, written where their workflow already lives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from django.core.management.base import CommandError
from django.utils.text import slugify

from workflows.engine.yaml_form import MAX_BYTES, YamlFault, from_yaml

SUFFIXES: Final = (".yaml", ".yml")
LONGEST_STEM: Final = 80


def files_named(paths: Sequence[Path]) -> list[Path]:
    """The files meant: each path itself, or the YAML files of a folder by name. Raises ``CommandError``."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += _in_folder(path)
        elif path.is_file():
            found.append(path)
        else:
            raise CommandError(f"{path}: there is no such file or folder.")
    if not found:
        raise CommandError(f"There are no {' or '.join(SUFFIXES)} files here.")
    return list(dict.fromkeys(found))


def text_of(path: Path) -> str:
    """A file's text; no more of it than just too much. Raises ``CommandError`` when it cannot be read as UTF-8."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode()
    except OSError as fault:
        raise CommandError(f"{path}: {fault.strerror}") from None
    except UnicodeDecodeError as fault:
        raise CommandError(f"{path}: not UTF-8, byte {fault.start}.") from None


class WorkflowFolder:
    """Where each workflow's file stands: where one of its name is already, else under a free name made from it."""

    def __init__(self, folder: Path) -> None:
        """Look at what is there. Files that are no workflows are left alone, and their names are not used."""
        self.folder = folder
        self._paths = dict(_workflows_in(folder))
        self._taken = {path.name.lower() for path in folder.iterdir()} if folder.is_dir() else set()

    def path_for(self, name: str) -> Path:
        """The file of the workflow of that name; asked again, the same."""
        if name not in self._paths:
            stem = slugify(name)[:LONGEST_STEM].strip("-") or "workflow"
            numbers = (
                f"{stem}.yaml" if n == 1 else f"{stem}-{n}.yaml" for n in range(1, len(self._taken) + 2)
            )
            free = next(file for file in numbers if file not in self._taken)
            self._taken.add(free)
            self._paths[name] = self.folder / free
        return self._paths[name]


def _workflows_in(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in reversed(_in_folder(folder)) if folder.is_dir() else ():
        try:
            yield from_yaml(text_of(path)).name, path
        except (CommandError, YamlFault):
            continue


def _in_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())
