"""A cell as an event."""

from datetime import UTC, datetime, timedelta, timezone

from tables.events import cell_cleared_event, cell_event
from tables.wire import cell_json, instant
from workspaces.ids import uuid7

ROW, GROUP, RUN = uuid7(), uuid7(), uuid7()
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_time_is_utc_with_z() -> None:
    assert instant(NOON.astimezone(timezone(timedelta(hours=5)))) == "2026-11-21T12:00:00.000Z"


def test_an_event_is_the_cell_with_its_place_and_values() -> None:
    cell = {
        "row_id": ROW, "group_id": GROUP, "status": "failed", "version": 5, "execution_id": RUN, "run_id": RUN,
        "attempt": 2, "error": {"code": "timeout"}, "started_at": NOON, "finished_at": NOON,
    }  # fmt: skip
    event = cell_event(cell, {"score": 1})
    assert event == {
        "kind": "cell",
        "row": str(ROW),
        "group": str(GROUP),
        "data": {"score": 1},
        **cell_json(cell),
    }
    assert event["run"] == str(RUN)
    assert event["error"] == {"code": "timeout"}


def test_a_cleared_cell_has_no_status_but_a_version() -> None:
    assert cell_cleared_event(ROW, GROUP, 9)["status"] is None
