"""The demo (`manage.py demo`): an audit of the Python packages installed in the very environment it runs in, and
support tickets answered by a model that runs on this machine.

Nothing of the product imports this package. It is written as a customer would write it, from outside:

- `distributions.py`, `imports.py`: what there is to find out about a package; plain Python.
- `functions.py`: the same as functions that workflows may call; the module that `RUNSHEET_BLOCKS` names.
- `definitions.py`, `sheet.py`: how workflows and tables are written down as data.
- `packages.py`, `workflows.py`: the table of packages, and its workflows.
- `tickets.py`, `tickets.csv`: the table of support tickets, its workflow, and what customers wrote.
- `surroundings.py`: the model (`config/local_llm`) and the folder for mails that the tickets need around them.
- `account.py`: the person, the workspace and the token.
- `api.py`, `build.py`: a client of the REST API, and a table made through it: CSV import, groups, layout.
- `truth.py`, `expected.py`, `expected_tickets.py`, `check.py`: every cell judged again, without Runsheet.
- `approvals.py`: what waits for a person, decided over REST and by link.
- `report.py`: what people read in the terminal.
"""

from collections.abc import Sequence
from typing import Final

FUNCTIONS: Final = "config.demo.functions"


def blocks_with_demo(modules: Sequence[str]) -> str:
    """`RUNSHEET_BLOCKS` for these modules and the demo's functions."""
    return ",".join(dict.fromkeys([*modules, FUNCTIONS]))
