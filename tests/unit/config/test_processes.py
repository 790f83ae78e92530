"""Reading the Procfile as a shell would, without a shell."""

from config.processes import ONE_BOX, launch, read_procfile
from config.supervisor import Watched


class Dead:
    name = "dead"
    alive = False
    child = None

    def start(self) -> None: ...

    def stop(self, patience_seconds: float = 0) -> None: ...

    def kill(self) -> None: ...


def test_the_procfile_lists_every_process() -> None:
    assert list(read_procfile()) == ["web", "worker", "reserve", "control", "cpu", "beat"]
    assert set(ONE_BOX) < set(read_procfile())


def test_assignments_and_defaults_are_filled_in() -> None:
    ready = launch("A=1 celery -c ${SLOTS:-16} -n ${NAME:-x}@%h", {"NAME": "one", "SLOTS": ""})
    assert ready.command[0].endswith("/celery")
    assert ready.command[1:] == ["-c", "16", "-n", "one@%h"]
    assert ready.env == {"NAME": "one", "SLOTS": "", "A": "1"}


def test_dying_young_again_and_again_is_answered_more_and_more_slowly() -> None:
    watched, waits = Watched(Dead()), []
    for _ in range(8):
        watched.note_death(now=1.0)
        assert watched.restart_at is not None
        waits.append(watched.restart_at - 1.0)
    assert waits == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_long_life_is_forgiven() -> None:
    watched = Watched(Dead(), early_deaths=5)
    watched.note_death(now=60.0)
    assert watched.restart_at == 60.0
