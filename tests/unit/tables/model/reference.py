"""What people meant, and nothing of how it is done: what each cell has to hold once everything has come to rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tables.engine.types import GroupSpec
from tables.states import Mode

DUE, SILENT, OPEN = "due", "silent", "open"
"""To be tried if its inputs are there; never asked for; either will do, as two wishes met."""


@dataclass
class Reference:
    """Groups in the order they run; rows by any key.

    ``stopped``: how a stop left cells that nobody named since; ``called_off``: those that nobody ran since, edited or
    not: what they read may have been away at that moment; ``halted``: the groups that runs of the table, which
    may still be going on, were told to go on without.
    """

    groups: list[GroupSpec] = field(default_factory=list)
    typed: dict[object, dict[str, str | None]] = field(default_factory=dict)
    wishes: dict[tuple[object, str], str] = field(default_factory=dict)
    stopped: dict[tuple[object, str], str | None] = field(default_factory=dict)
    called_off: set[tuple[object, str]] = field(default_factory=set)
    halted: set[str] = field(default_factory=set)
    overwritten: set[object] = field(default_factory=set)

    def after(self, names: Iterable[str]) -> list[GroupSpec]:
        """These groups and those that read from them, directly or not, in order."""
        found: list[GroupSpec] = []
        dirty: set[str] = set()
        for group in self.groups:
            if group.name in names or not dirty.isdisjoint(group.depends_on):
                dirty.update(group.output_keys)
                found.append(group)
        return found

    def wish(self, row: object, group: str, wish: str) -> None:
        """From now on this is wanted of the cell; an older stop is over."""
        self.wishes[row, group] = wish
        self.stopped.pop((row, group), None)

    def unsettle(self, row: object, groups: Iterable[GroupSpec]) -> None:
        """What follows others that were touched: it stays due if it runs by itself, else nobody can say."""
        for group in groups:
            self.wish(
                row, group.name, DUE if self.wishes[row, group.name] == DUE and group.auto_run else OPEN
            )

    def inserted(self, row: object, data: dict[str, str]) -> None:
        """A new row: what runs by itself runs (T29)."""
        self.typed[row] = dict(data)
        for group in self.groups:
            self.wish(row, group.name, DUE if group.auto_run else SILENT)

    def grouped(self, group: GroupSpec, groups: Sequence[GroupSpec]) -> None:
        """A group was added, or its auto_run switched."""
        is_new = group.name not in {each.name for each in self.groups}
        self.groups = list(groups)
        for row in self.typed:
            self.wishes.setdefault((row, group.name), SILENT)
            self.unsettle(row, self.after([group.name]))
            self.wish(row, group.name, (DUE if group.auto_run else SILENT) if is_new else OPEN)

    def ran(self, rows: Iterable[object] | None, names: Sequence[str], mode: Mode, *, limited: bool) -> None:
        """A person runs groups over rows (``None``: all), which replaces what was asked for there before.

        What has to wait for groups that were not asked for runs by itself or, if it does not, may be left out.
        """
        certain = mode in (Mode.ALL, Mode.INCOMPLETE) and not limited
        late = self._late(names)
        for row in self.typed if rows is None else rows:
            for group in self.groups if rows is None else self.after(names):
                self.called_off -= {(row, group.name)} if group.name in names else set()
                if group.name in names:
                    is_due = certain and (group.name not in late or self._starts_by_itself(group))
                    self.wish(row, group.name, DUE if is_due else OPEN)
                elif rows is None:
                    self.wish(row, group.name, OPEN)  # earlier runs of the table are replaced as a whole
                else:
                    self.unsettle(row, [group])
            self.overwritten |= {row} if mode is Mode.ALL else set()

    def _starts_by_itself(self, group: GroupSpec) -> bool:
        """Whether it goes on once its inputs are there: not after what ran before it was halted there."""
        return group.auto_run and group.name not in self.halted

    def _late(self, names: Sequence[str]) -> set[str]:
        """Those of these groups that wait for a group outside of them, directly or not."""
        found: set[str] = set()
        outside = {key for group in self.groups if group.name not in names for key in group.output_keys}
        late: set[str] = set()
        for group in self.groups:
            if group.name in names and not (late | outside if group.auto_run else late).isdisjoint(
                group.depends_on
            ):
                found.add(group.name)
                late.update(group.output_keys)
        return found

    def edited(self, row: object, changes: dict[str, str | None]) -> None:
        """Values typed or emptied; what reads them, or fills an emptied one, is concerned (T28, T31)."""
        self.typed[row].update(changes)
        fills = {g.name for g in self.groups if any(changes.get(key, "") is None for key in g.output_keys)}
        reads = {g.name for g in self.groups if not set(changes).isdisjoint(g.depends_on)}
        for group in self.after(fills | reads):
            is_kept = any(
                self.typed[row].get(key) and key not in changes for key in group.depends_on if key in "abcd"
            )
            is_due = group.auto_run and (row, group.name) not in self.called_off and not is_kept
            self.wish(row, group.name, DUE if is_due else OPEN)

    def stops(self, row: object, group: str, left_as: str | None) -> None:
        """A stop left the cell like this; what reads from it may or may not have gone on before."""
        self.doubt([(row, each.name) for each in self.after([group])])
        self.wishes[row, group], self.stopped[row, group] = SILENT, left_as
        self.called_off.add((row, group))

    def doubt(self, places: Iterable[tuple[object, str]] | None = None) -> None:
        """Something that was due there (``None``: anywhere) was stopped: nobody can say how far it had come."""
        for place in list(self.wishes) if places is None else places:
            self.wishes[place] = OPEN if self.wishes[place] == DUE else self.wishes[place]

    def resumed(self, row: object, group: str) -> None:
        """A person has a failed cell go on."""
        self.unsettle(row, self.after([group]))

    def expects(self, row: object, group: str, status: str | None, *, ready: bool) -> bool:
        """Whether a cell may rest in this status (``None``: no record); ``ready``: its inputs are there."""
        if (row, group) in self.stopped:
            return status == self.stopped[row, group]
        return not ready or self.wishes[row, group] != DUE or status in {"completed", "failed", "paused"}
