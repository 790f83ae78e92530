"""The tunable numbers: one line each, with default, bounds and meaning.

`RUNSHEET_<NAME>` in the environment overrides a default; `config/env.py` reads and checks them, `config/settings.py`
publishes them under the same name.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields


def limit(default: int, smallest: int, largest: int, meaning: str) -> int:
    """Declare one number with its bounds (inclusive). Answers a dataclass field, typed as what it will hold."""
    declared: int = field(
        default=default, metadata={"smallest": smallest, "largest": largest, "meaning": meaning}
    )
    return declared


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds, as the names say."""

    window_rows: int = limit(20, 1, 1_000, "rows one dispatcher step hands over as one chord")
    storm_failures: int = limit(
        100,
        0,
        1_000_000,
        "cells of a group that fail one after the other before a run stops itself; 0: never",
    )
    heartbeat_seconds: int = limit(3, 1, 60, "how often a process renews its leases")
    instance_dead_seconds: int = limit(9, 2, 600, "silence after which a process counts as dead")
    row_lock_seconds: int = limit(30, 2, 600, "life of a row's lock in Redis without renewal")
    window_deadline_seconds: int = limit(20, 2, 600, "silence after which the reaper re-drives a window")
    max_columns: int = limit(1_000, 1, 1_600, "columns of one table")
    max_groups: int = limit(100, 1, 1_000, "workflow groups of one table")
    max_row_bytes: int = limit(409_600, 1_024, 16_777_216, "JSON of one row")
    max_cell_bytes: int = limit(262_144, 256, 8_388_608, "JSON of one value")
    max_batch_rows: int = limit(1_000, 1, 10_000, "rows one API call may write or name")
    max_upload_bytes: int = limit(1_073_741_824, 1_024, 1_099_511_627_776, "one uploaded file to import")
    max_cells_per_day: int = limit(
        0, 0, 1_000_000_000, "cells of one workspace that begin in a day (UTC); 0 sets no budget"
    )
    max_json_bytes: int = limit(16_777_216, 65_536, 268_435_456, "JSON body of one API request")
    max_api_calls_per_minute: int = limit(
        6_000, 10, 1_000_000, "API calls of one token or person, per web process"
    )
    max_logins_per_minute: int = limit(
        10, 1, 1_000, "failed logins of one name, per web process; an address thrice"
    )
    events_maxlen: int = limit(
        10_000, 100, 1_000_000, "live events kept per table for sockets that reconnect"
    )
    run_retention_days: int = limit(30, 0, 36_500, "days after which ended runs are deleted; 0 keeps them")
    run_retention_count: int = limit(
        1_000_000, 0, 1_000_000_000, "newest runs of a workspace that are kept; 0 keeps all"
    )
    scheduler_lease_seconds: int = limit(15, 5, 600, "silence of the leading beat after which another leads")
    scheduler_batch: int = limit(500, 1, 2_000, "due triggers that one transaction of a tick claims")
    scheduler_max_inflight: int = limit(
        2_000, 1, 1_000_000, "invocations handed to workers and not over; the others wait"
    )
    scheduler_max_inflight_per_workflow: int = limit(500, 1, 1_000_000, "the same of one workflow's triggers")
    invocation_retention_days: int = limit(
        90, 0, 36_500, "days after which ended invocations are deleted; 0 keeps them"
    )
    invocation_retention_count: int = limit(
        1_000, 0, 1_000_000, "newest invocations of a trigger that are kept; 0 keeps all"
    )


@dataclass(frozen=True)
class Declared:
    """One line of the table above, as `env.py` reads it."""

    name: str
    default: int
    smallest: int
    largest: int
    meaning: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"RUNSHEET_{self.name.upper()}"


def declared_limits() -> Iterator[Declared]:
    """Every number in the order it is declared."""
    for entry in fields(Limits):
        yield Declared(
            entry.name,
            int(getattr(Limits(), entry.name)),
            entry.metadata["smallest"],
            entry.metadata["largest"],
            entry.metadata["meaning"],
        )
