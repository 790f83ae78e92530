"""The invariants of the model: those that hold at every moment, and those of a table that has come to rest."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from tables.engine.eligibility import unmet_dependencies
from tables.states import HOLDS_WINDOW, IN_FLIGHT, CellStatus, DispatchStatus
from tests.unit.tables.model.reference import Reference
from tests.unit.tables.model.store import Cell, Dispatch
from tests.unit.tables.model.working import result
from tests.unit.tables.model.world import World


def check_always(world: World) -> None:
    """I1 to I3, I5, T10, T18, T25, T26: whatever is under way. Raises ``AssertionError`` naming the rule."""
    for cell in world.cells.values():
        if cell.status in IN_FLIGHT:
            _check_in_flight(world, cell)
        elif cell.status is CellStatus.COMPLETED:
            _check_completed(world, cell)
        elif cell.status is CellStatus.CANCELLED and cell.run_id:
            assert world.runs[cell.run_id].status != "completed", "I3: a cancelled cell whose run went on"
    _check_single(world)
    for dispatch in world.dispatches.values():
        _check_dispatch(world, dispatch)


def _check_in_flight(world: World, cell: Cell) -> None:
    assert cell.execution_id not in world.dead_executions, "T26: a cancelled attempt came back"
    if cell.status not in HOLDS_WINDOW:
        return
    window = world.windows.get(cell.window_id) if cell.window_id else None
    assert window is not None, "I1: a cell in flight without its window"
    if cell.status is CellStatus.RUNNING:
        assert cell.execution_id, "I2: a running cell of nobody"
        assert cell.instance is not None, "I2: a running cell of nobody"
        assert cell.attempt > 0, "I2: a running cell of nobody"
    was_resumed = cell.run_id in world.resumed  # by a person, after the stop of what had failed already
    if not window.resumes and window.dispatch == cell.dispatch_id and not was_resumed:
        asked = world.dispatches[window.dispatch].sequence
        assert cell.cancelled_sequence <= asked, "T25: in flight for a request older than its stop"


def _check_completed(world: World, cell: Cell) -> None:
    """I5: the values are as that attempt wrote them, unless a person edited them."""
    place = (cell.row_id, cell.group_id)
    execution, patch = world.written[place]
    row = world.rows[cell.row_id]
    assert execution == cell.execution_id, "I2: completed by another attempt than wrote"
    for key, value in patch.items():
        assert key in row.edited or row.data.get(key) == value, "I5: a completed cell's value is another one"


def _check_single(world: World) -> None:
    """I2, T10: one owner per execution and run; nothing is done twice on behalf of one request."""
    executions = Counter(cell.execution_id for cell in world.cells.values() if cell.execution_id)
    runs = Counter(cell.run_id for cell in world.cells.values() if cell.run_id)
    assert max(executions.values(), default=0) < 2, "I2: one execution, two cells"
    assert max(runs.values(), default=0) < 2, "I2: one run, two cells"
    for (dispatch_id, (row_id, _)), times in world.accepted.items():
        is_met_again = row_id in world.rows and world.rows[row_id].moved
        assert times < 2 or (is_met_again and _was_shared(world, world.dispatches[dispatch_id])), (
            "T10: completed twice for one request"
        )
    for dispatch_id, rows in world.handed_over.items():
        if len(set(rows)) < len(rows):
            assert _was_shared(world, world.dispatches[dispatch_id]), "T10: a row was handed over twice"


def _was_shared(world: World, dispatch: Dispatch) -> bool:
    """Whether a later request came to the same cells: then a row that it took over may be met once more.

    A record that the later one has cleared tells the earlier one nothing, if the row is moved before its cursor.
    """
    later = [d for d in world.dispatches.values() if d.sequence > dispatch.sequence]
    return any(_reached(world, each) & set(dispatch.groups) for each in later)


def _reached(world: World, dispatch: Dispatch) -> set[UUID]:
    """The groups a request names, and those that may follow by themselves on what these fill."""
    found = set(dispatch.groups)
    for group in world.spec.groups:
        columns = (world.spec.column(key) for key in group.depends_on)
        if any(column and column.group_id in found for column in columns):
            found.add(group.id)
    return found


def _check_dispatch(world: World, dispatch: Dispatch) -> None:
    """I1: never more than the limit, nothing below zero; once it has ended, every cell it saw is accounted for."""
    assert dispatch.limit is None or dispatch.handed <= dispatch.limit, "T10: more rows than the limit"
    figures = (*dispatch.counts.values(), *dispatch.skipped.values(), dispatch.seen, dispatch.handed)
    assert min(figures) >= 0, "I1: a counter below zero"
    if dispatch.active:
        return
    opened = [w for w in world.windows.values() if w.dispatch == dispatch.id]
    assert all(window.resumes for window in opened), "I1: a window open under an ended dispatch"
    was_moved = any(row.moved for row in world.rows.values())
    if dispatch.stopped or was_moved or dispatch.status is DispatchStatus.FAILED:
        return
    accounted = sum(dispatch.counts.values()) + sum(dispatch.skipped.values())
    assert accounted == dispatch.seen * len(dispatch.groups), "I1: the account is not exact"


def check_at_rest(world: World, reference: Reference) -> None:
    """I4, T28 and what people meant, of a world that has settled."""
    names = {group.id: group for group in world.spec.groups}
    assert set(world.rows) == set(reference.typed), "rows were lost"
    for row_id, row in world.rows.items():
        state = world.load(row_id)
        for key, value in reference.typed[row_id].items():
            if key in {"x", "y"} or key in row.edited:
                assert row.data.get(key) == value, "T3: an edit was lost"
            if value is not None and key not in {"x", "y"} and row_id not in reference.overwritten:
                assert key in row.edited, "T30: an edit was overwritten"
        for group_id, group in names.items():
            cell = world.cells.get((row_id, group_id))
            if cell is not None and cell.status is CellStatus.COMPLETED:
                _check_follows(world, cell)
            ready = not unmet_dependencies(world.spec, group, state)
            status = cell.status.value if cell else None
            assert reference.expects(row_id, group.name, status, ready=ready), (
                f"{group.name} rests {status}, {reference.wishes[row_id, group.name]} and ready: {ready},"
                f" stopped as {reference.stopped.get((row_id, group.name), 'nothing')}"
            )


def _check_follows(world: World, cell: Cell) -> None:
    """I4: the value came of the latest inputs, unless what fills an input finished once more since."""
    group, row = world.spec.group(cell.group_id), world.rows[cell.row_id]
    run = world.runs[cell.run_id] if cell.run_id else None
    assert group is not None, "a cell of no group"
    assert run is not None, "completed without a run"
    for key in group.depends_on:
        column = world.spec.column(key)
        source = world.cells.get((cell.row_id, column.group_id)) if column and column.group_id else None
        if source is not None and source.finished > cell.started and key not in row.edited:
            return
        if source is None and column is not None and column.group_id and key not in row.edited:
            return  # stale: its record was cleared by a run that has not come to it
    if group.output_keys[0] not in row.edited:
        made = row.data.get(group.output_keys[0])
        assert made == result(group, row.data), f"I4: {group.name} holds {made} over {row.data}"
