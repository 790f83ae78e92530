"""The demo (`manage.py demo`): an audit of the Python packages installed in the very environment it runs in.

Nothing of the product imports this package. It is written as a customer would write it, from outside:

- `distributions.py`, `imports.py`: what there is to find out about a package; plain Python.
- `functions.py`: the same as functions that workflows may call; the module that `RUNSHEET_BLOCKS` names.
- `workflows.py`, `sheet.py`: the workflows, the columns and the workflow groups, as data.
- `account.py`: the person, the workspace and the token.
- `api.py`, `build.py`: a client of the REST API, and the table made through it: CSV import, groups, layout.
- `check.py`, `expected.py`: every cell judged again, without Runsheet.
- `report.py`: what people read in the terminal.
"""

from collections.abc import Sequence
from typing import Final

FUNCTIONS: Final = "config.demo.functions"


def blocks_with_demo(modules: Sequence[str]) -> str:
    """`RUNSHEET_BLOCKS` for these modules and the demo's functions."""
    return ",".join(dict.fromkeys([*modules, FUNCTIONS]))
