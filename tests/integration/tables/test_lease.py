"""Row locks and the hand-over of rows that somebody holds (T15, T16, T17)."""

from __future__ import annotations

import socket
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from tables import lease
from tables.errors import LocksUnavailable
from tables.lease import RowLocks, key_for, renew_all
from tables.models import RowExecution, Window
from tables.services.dispatches import dispatch_start
from tables.services.reaping import reap
from tables.services.recovery import dead_locks_free
from tables.states import Mode
from tests.bed.accounts import check_account, check_quiet
from tests.bed.factories import Sheet, probing_table
from tests.bed.running import Inbox, Probe, Worker
from workflows.models import Instance
from workflows.services import instances
from workflows.services.instances import current_instance, instance_renounce, renew

ROW, OTHER = uuid4(), uuid4()


@pytest.fixture(autouse=True)
def empty_locks() -> None:
    lease.client().delete(key_for(ROW), key_for(OTHER))


def nowhere() -> redis.Redis:
    """A Redis that refuses connections."""
    return redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))


@pytest.mark.rule("T15")
def test_a_lock_is_won_once_and_comes_free_at_the_end() -> None:
    with RowLocks(uuid4()) as mine, RowLocks(uuid4()) as yours:
        assert mine.take([ROW]) == [ROW]
        assert yours.take([ROW, OTHER]) == [OTHER]
    with RowLocks(uuid4()) as later:
        assert later.take([ROW, OTHER]) == [ROW, OTHER]


@pytest.mark.rule("T15")
def test_a_lock_lives_thirty_seconds_and_the_heartbeat_renews_it() -> None:
    with RowLocks(uuid4()) as locks:
        locks.take([ROW])
        assert 29_000 < lease.client().pttl(key_for(ROW)) <= 30_000
        lease.client().pexpire(key_for(ROW), 5)
        renew_all()
        assert lease.client().pttl(key_for(ROW)) > 29_000


@pytest.mark.rule("T15")
def test_neither_release_nor_renewal_touches_a_lock_that_went_to_another() -> None:
    with RowLocks(uuid4()) as locks:
        locks.take([ROW])
        lease.client().set(key_for(ROW), "another", px=5_000)
        renew_all()
        assert lease.client().pttl(key_for(ROW)) <= 5_000
    assert lease.client().get(key_for(ROW)) == b"another"


@pytest.mark.rule("T15")
def test_a_lock_of_a_dead_instance_is_freed_and_one_of_a_living_one_is_not(worker: Worker) -> None:
    dead, living = (Instance.objects.create(host="x", pid=n, heartbeat_at=timezone.now()) for n in (1, 2))
    gone, held = RowLocks(dead.id), RowLocks(living.id)
    gone.take([ROW])
    held.take([OTHER])
    Instance.objects.filter(id=dead.id).update(stopped_at=timezone.now())
    dead_locks_free([ROW, OTHER])
    assert lease.client().exists(key_for(ROW)) == 0
    assert lease.client().exists(key_for(OTHER)) == 1
    held.release([OTHER])
    gone.release([ROW])


@pytest.mark.rule("T16")
def test_without_redis_nobody_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_client", nowhere())
    with RowLocks(uuid4()) as locks, pytest.raises(LocksUnavailable):
        locks.take([ROW])


def start(sheet: Sheet, **options: object) -> UUID:
    outcome = dispatch_start(table=sheet.table, **{"mode": Mode.ALL, **options})  # type: ignore[arg-type]
    assert outcome.dispatch is not None
    return outcome.dispatch.id


@pytest.mark.rule("T16", "F6")
def test_without_redis_no_row_runs_and_all_of_them_do_later(
    inbox: Inbox, worker: Worker, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = start(probing_table(3))
    inbox.deliver(inbox.take())
    with monkeypatch.context() as away:
        away.setattr(lease, "_client", nowhere())
        inbox.run_all()
    assert not probe.calls
    assert set(RowExecution.objects.values_list("status", flat=True)) == {"pending"}
    Window.objects.update(deadline_at="2000-01-01T00:00:00Z")
    reap()
    inbox.run_all()
    assert check_account(dispatch, rows=3).completed == 3


@pytest.mark.rule("T17")
def test_a_row_in_other_hands_is_left_to_them(inbox: Inbox, worker: Worker, probe: Probe) -> None:
    sheet = probing_table(2)
    start(sheet)
    inbox.deliver(inbox.take())
    with RowLocks(uuid4()) as other:
        other.take([sheet.rows[0]])
        inbox.run_all()
    assert probe.counts() == {"n1": 1}


@pytest.mark.bug("a contended row whose request is lost")
@pytest.mark.rule("T17")
def test_whoever_held_a_row_runs_what_was_handed_over_to_it_meanwhile(
    inbox: Inbox, worker: Worker, probe: Probe
) -> None:
    """A second dispatch stamps the row's other group and finds the row taken: its holder takes it along."""
    sheet = probing_table(1)
    sheet.group("D", sheet.groups["A"].workflow.draft, outputs={"d": "result"}, depends_on=["name"])
    first = start(sheet, groups=[sheet.groups["A"].id])
    inbox.deliver(inbox.take())
    mine = inbox.take()
    later: list[UUID] = []

    def meanwhile(tag: str, _context: object) -> str:
        if not later:
            later.append(start(sheet, groups=[sheet.groups["D"].id], rows=sheet.rows))
            inbox.run_all()
        return tag

    probe.does = meanwhile
    inbox.deliver(mine)
    inbox.run_all()
    assert len(probe.calls) == 2
    assert check_account(first, rows=1).completed == 1
    assert check_account(later[0], rows=1).completed == 1
    check_quiet()


@pytest.mark.rule("T15", "F37")
def test_a_process_taken_for_dead_goes_on_under_a_new_name(worker: Worker) -> None:
    old = worker.start()
    Instance.objects.filter(id=old).update(stopped_at=timezone.now())
    renew()
    assert current_instance() != old
    assert Instance.objects.get(id=current_instance()).stopped_at is None


@pytest.mark.rule("T15")
def test_a_process_that_cannot_give_back_what_it_holds_gives_itself_up(worker: Worker) -> None:
    old = worker.start()
    instance_renounce()
    renew()
    assert Instance.objects.get(id=old).stopped_at is not None
    assert current_instance() != old


@pytest.mark.rule("T15")
def test_silence_of_nine_seconds_is_death_and_less_is_not(worker: Worker, settings: Settings) -> None:
    mine = worker.start()
    elsewhere = Instance.objects.create(
        host="elsewhere", pid=1, heartbeat_at=timezone.now() - timedelta(seconds=8)
    )
    silent = Instance.objects.create(
        host="elsewhere", pid=2, heartbeat_at=timezone.now() - timedelta(seconds=10)
    )
    assert instances.instances_bury() == 1
    alive = set(Instance.objects.filter(stopped_at=None).values_list("id", flat=True))
    assert alive == {mine, elsewhere.id}
    assert silent.id not in alive


@pytest.mark.rule("T15")
def test_a_process_gone_from_this_very_host_is_dead_at_once(worker: Worker) -> None:
    worker.start()
    gone = Instance.objects.create(
        host=socket.gethostname(),
        boot_id=instances.boot_id(),
        pid=2**22 + 1,
        process_started="1",
        heartbeat_at=timezone.now(),
    )
    assert instances.instances_bury() == 1
    gone.refresh_from_db()
    assert gone.stopped_at is not None
