"""Copies the pinned files of `package.json` into the tree, ready to be served as they are.

    npm ci --ignore-scripts && python vendor.py           copy, rewrite, note in VENDOR.md
    npm ci --ignore-scripts && python vendor.py --check   compare byte for byte, change nothing (CI)

Two rewrites: `sourceMappingURL` lines go (a manifest storage stops at a map that is not there), and bare imports
become relative (there is no import map: it would need an inline script).
"""

import argparse
import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
SERVED = HERE.parent / "config" / "static" / "runsheet" / "vendor"
TESTED = HERE.parent / "tests" / "browser" / "vendor"

BARE_IMPORTS = {b'"preact"': b'"./preact.js"'}
SOURCE_MAP = re.compile(rb"\n?//# sourceMappingURL=[^\n]*\n?")


@dataclass(frozen=True)
class File:
    """One file: where it comes from (package, path in it) and what it is called in the tree."""

    package: str
    path: str
    name: str


FILES = {
    SERVED: (
        File("preact", "dist/preact.mjs", "preact.js"),
        File("preact", "hooks/dist/hooks.mjs", "preact-hooks.js"),
        File("htm", "dist/htm.module.js", "htm.js"),
        File("@dagrejs/dagre", "dist/dagre.esm.js", "dagre.js"),
        File("@fontsource-variable/inter", "files/inter-latin-wght-normal.woff2", "inter.woff2"),
    ),
    TESTED: (File("axe-core", "axe.min.js", "axe.min.js"),),
}


def main() -> int:
    """Write the files, or with `--check` compare them; 1 when something differs."""
    parser = argparse.ArgumentParser(description="Copy or check the vendored files.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    wanted = {path: content for folder, files in FILES.items() for path, content in contents(folder, files)}
    differing = [
        path for path, content in wanted.items() if not path.exists() or path.read_bytes() != content
    ]
    if check:
        for path in differing:
            print(f"differs from its package: {path.relative_to(HERE.parent)}")
        return 1 if differing else 0
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
        print(f"written: {path.relative_to(HERE.parent)}")
    return 0


def contents(folder: Path, files: tuple[File, ...]) -> list[tuple[Path, bytes]]:
    """Every file that belongs into a folder: the copies, their licences, and VENDOR.md."""
    copies = [(folder / file.name, rewritten(file)) for file in files]
    licences = {file.package: licence(file.package) for file in files}
    return [
        *copies,
        *((folder / "LICENSES" / f"{short_name(package)}.txt", text) for package, text in licences.items()),
        (folder / "VENDOR.md", note(files, dict(copies), folder).encode()),
    ]


def rewritten(file: File) -> bytes:
    """The file as it is served."""
    content = (MODULES / file.package / file.path).read_bytes()
    if not file.name.endswith(".js"):
        return content
    content = SOURCE_MAP.sub(b"\n", content)
    for bare, relative in BARE_IMPORTS.items():
        content = content.replace(b"from" + bare, b"from" + relative)
    return content


def licence(package: str) -> bytes:
    """The licence a package ships."""
    (found,) = sorted((MODULES / package).glob("LICENSE*"))[:1]
    return found.read_bytes()


def note(files: tuple[File, ...], copies: dict[Path, bytes], folder: Path) -> str:
    """VENDOR.md: what each file is, so that it can be told apart and upgraded."""
    lines = [
        "# Vendored files",
        "",
        "Written by `frontend/vendor.py` from the pins in `frontend/package.json`; do not edit.",
        "",
        "| file | package | version | licence | sha256 |",
        "| --- | --- | --- | --- | --- |",
    ]
    for file in files:
        package = json.loads((MODULES / file.package / "package.json").read_text())
        digest = hashlib.sha256(copies[folder / file.name]).hexdigest()
        lines.append(
            f"| {file.name} | {file.package} | {package['version']} | {package['license']} | {digest} |"
        )
    return "\n".join(lines) + "\n"


def short_name(package: str) -> str:
    """A package's name without its scope's sign and slash."""
    return package.removeprefix("@").replace("/", "-")


if __name__ == "__main__":
    sys.exit(main())
