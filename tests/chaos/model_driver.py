"""The model's gestures on a real install, by REST: a seeded sequence of them, and what has to hold after it.

Each sequence works on a table of its own, A → B → C and D, whose workflows answer a function of what they read. The
same seed makes the same wishes; what they meet depends on how far the processes have come.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

from tables.models import Dispatch, Row, RowExecution, Window
from tables.states import ACTIVE_DISPATCH, HOLDS_WINDOW
from tests.bed.factories import Sheet, chain, sheet_make
from tests.chaos.install import Install

READS = {"A": ["x"], "B": ["a"], "C": ["b", "y"], "D": ["x"]}
ROWS, MOST_ROWS = 4, 8
CONFLICTS = {404, 409}
"""Answers to a wish that came too late."""

Step = Callable[[], str]


def made_of(name: str, data: dict[str, Any]) -> str:
    """What group ``name`` makes of a row."""
    return f"{name}({','.join(str(data.get(key)) for key in READS[name])})"


def sheet_of(install: Install, rand: random.Random) -> Sheet:
    """The table of one sequence; which groups run by themselves is drawn."""
    sheet = sheet_make(install.workspace)
    sheet.column("x")
    sheet.column("y")
    for name, reads in READS.items():
        given = ",".join(f"{{{{ row.{key} }}}}" for key in reads)
        nap = {"key": "nap", "type": "wait", "config": {"seconds": 0.05}}
        answer = {"key": "end", "type": "respond", "config": {"value": f"{name}({given})"}}
        sheet.group(
            name,
            chain(nap, answer),
            outputs={name.lower(): "result"},
            depends_on=reads,
            auto_run=rand.random() < 0.5,
        )
    sheet.fill([{"x": f"x{n}", "y": f"y{n}"} for n in range(ROWS)])
    return sheet


class Driver:
    """One sequence: ``steps`` says in words what was done, for whoever reads of its failure."""

    def __init__(self, install: Install, seed: int) -> None:
        self.install, self.random = install, random.Random(seed)
        self.sheet = sheet_of(install, self.random)
        self.path = f"/tables/{self.sheet.table.pk}"
        self.typed = {row: {"x": f"x{n}", "y": f"y{n}"} for n, row in enumerate(self.sheet.rows)}
        self.killed = False
        self.steps: list[str] = []

    def go(self, steps: int) -> None:
        """So many steps; a worker is killed somewhere among them."""
        strike = self.random.randrange(steps)
        gestures = {
            self.run_table: 5,
            self.run_rows: 6,
            self.edit: 8,
            self.stop_rows: 3,
            self.stop_table: 1,
            self.stop_cell: 3,
            self.stop_dispatch: 1,
            self.insert: 2,
            self.delete: 1,
            self.move: 2,
            self.switch: 2,
            self.look: 4,
        }
        for n in range(steps):
            step = self.random.choices(list(gestures), list(gestures.values()))[0]
            self.steps.append(self.kill() if n == strike else step())

    # ---- gestures ----------------------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.install.http.request(method, path, json=body)
        assert answer.status_code < 300 or answer.status_code in CONFLICTS, (method, path, answer.text)
        return answer

    def _some(self) -> list[str]:
        rows = list(self.typed)
        return [str(row) for row in self.random.sample(rows, self.random.randint(1, min(3, len(rows))))]

    def _groups(self) -> list[str]:
        names = self.random.choice(["ABCD", "A", "B", "AB", "BC", "C", "D"])
        return [str(self.sheet.groups[name].pk) for name in names]

    def _mode(self) -> str:
        return self.random.choice(["all", "incomplete", "failed", "new"])

    def run_table(self) -> str:
        """Run groups of the whole table, perhaps its first rows only."""
        body = {"groups": self._groups(), "mode": self._mode(), "limit": self.random.choice([None, None, 2])}
        self._call("POST", f"{self.path}/dispatches/", body)
        return f"run {body}"

    def run_rows(self) -> str:
        """Run groups of some rows."""
        body = {"groups": self._groups(), "mode": self._mode(), "rows": self._some()}
        self._call("POST", f"{self.path}/dispatches/", body)
        return f"run {body}"

    def edit(self) -> str:
        """Type over inputs and outputs, or empty them."""
        row = self.random.choice(list(self.typed))
        value = f"v{len(self.steps)}"
        changes: dict[str, Any] = self.random.choice(
            [{"x": value}, {"x": value}, {"y": value}, {"x": None}, {"a": value}, {"b": value}, {"b": None}]
        )
        self._call("PATCH", f"{self.path}/rows/{row}/", {"data": changes})
        self.typed[row].update(changes)
        return f"edit {row} {changes}"

    def stop_rows(self) -> str:
        """Stop groups of some rows."""
        body = {"groups": self._groups(), "rows": self._some()}
        self._call("POST", f"{self.path}/cancel/", body)
        return f"stop {body}"

    def stop_table(self) -> str:
        """Stop the table, or groups of it."""
        body = self.random.choice([{}, {"groups": self._groups()}])
        self._call("POST", f"{self.path}/cancel/", body)
        return f"stop {body or 'everything'}"

    def stop_cell(self) -> str:
        """Stop an exact attempt."""
        flying = RowExecution.objects.filter(table=self.sheet.table, execution_id__isnull=False)
        cell = flying.filter(status__in=HOLDS_WINDOW).order_by("row_id", "group_id").first()
        if cell is None:
            return "nothing to stop"
        named = {"row": str(cell.row_id), "group": str(cell.group_id), "execution_id": str(cell.execution_id)}
        self._call("POST", f"{self.path}/cancel/", {"cell": named})
        return f"stop {named}"

    def stop_dispatch(self) -> str:
        """Stop what is under way, the oldest first."""
        active = Dispatch.objects.filter(table=self.sheet.table, status__in=ACTIVE_DISPATCH)
        found = active.order_by("id").first()
        if found is None:
            return "no dispatch to stop"
        self._call("POST", f"/dispatches/{found.pk}/cancel/")
        return f"stop dispatch {found.pk}"

    def insert(self) -> str:
        """Add a row at the end."""
        if len(self.typed) >= MOST_ROWS:
            return "enough rows"
        data = {"x": f"new{len(self.steps)}", "y": "y"}
        row = UUID(self._call("POST", f"{self.path}/rows/", {"data": data}).json()["id"])
        self.typed[row] = dict(data)
        return f"insert {row}"

    def delete(self) -> str:
        """Delete a row."""
        if len(self.typed) < 3:
            return "too few rows"
        row = self.random.choice(list(self.typed))
        self._call("DELETE", f"{self.path}/rows/{row}/")
        del self.typed[row]
        return f"delete {row}"

    def move(self) -> str:
        """Move a row before another one."""
        row, place = self.random.sample(list(self.typed), 2)
        self._call("POST", f"{self.path}/rows/move/", {"rows": [str(row)], "before": str(place)})
        return f"move {row} before {place}"

    def switch(self) -> str:
        """auto_run on or off."""
        name = self.random.choice(list(READS))
        is_on = self.random.random() < 0.6
        group = self.sheet.groups[name]
        self._call("PATCH", f"{self.path}/groups/{group.pk}/", {"auto_run": is_on})
        return f"auto_run of {name}: {is_on}"

    def look(self) -> str:
        """Read the rows, while workers get on a little."""
        self._call("GET", f"{self.path}/rows/?limit=50")
        return "look"

    def kill(self) -> str:
        """SIGKILL a worker, which is started anew."""
        self.install.stack.kill("worker")
        return "kill the worker"

    # ---- afterwards --------------------------------------------------------------------------------------------------

    def at_rest(self) -> bool:
        """Nothing of this table is under way."""
        mine = {"table": self.sheet.table}
        return not (
            Dispatch.objects.filter(**mine, status__in=ACTIVE_DISPATCH).exists()
            or Window.objects.filter(dispatch__table=self.sheet.table).exists()
            or RowExecution.objects.filter(**mine, status__in=HOLDS_WINDOW).exists()
        )

    def check(self) -> None:
        """No edit was lost, and what is completed came of what the row holds now, unless a person typed it."""
        rows = {row.pk: row for row in Row.objects.filter(table=self.sheet.table)}
        assert set(rows) == set(self.typed)
        cells = self.sheet.cells()
        for row in rows.values():
            for key, value in self.typed[row.pk].items():
                if key in {"x", "y"} or key in row.edited:
                    assert row.data.get(key) == value, (row.pk, key, row.data)
            for name in READS:
                cell = cells.get((row.pk, name))
                if cell is not None and cell.status == "completed" and name.lower() not in row.edited:
                    self._check_follows(row, name, cell, cells)

    def _check_follows(self, row: Row, name: str, cell: Any, cells: dict[tuple[UUID, str], Any]) -> None:
        for key in READS[name]:
            source = cells.get((row.pk, key.upper())) if key in "abcd" and key not in row.edited else None
            if not row.data.get(key) or (
                source is not None and source.finished_at and source.finished_at > cell.started_at
            ):
                return  # run without it, or what fills it was run once more since
            if key in "abcd" and source is None and key not in row.edited:
                return  # stale: its record was cleared
        made = row.data.get(name.lower())
        assert made == made_of(name, row.data), (row.pk, name, row.data, row.edited)
