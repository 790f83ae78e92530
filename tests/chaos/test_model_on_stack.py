"""The stateful model on a real stack: thirty sequences of gestures by REST, each with a worker killed midway."""

from __future__ import annotations

import pytest

from tests.bed.signals import Signals
from tests.chaos.conftest import check_invariants
from tests.chaos.install import Install, database_stays, install
from tests.chaos.model_driver import Driver

__all__ = ["database_stays", "install"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SEQUENCES, STEPS = 30, 30
PATIENCE_SECONDS = 60.0


@pytest.mark.rule("F1", "T10", "T18", "T24", "T25", "T26", "T28", "T29", "T30", "T31")
@pytest.mark.parametrize("sequence", range(SEQUENCES))
def test_whatever_people_do_while_workers_die_outputs_follow_the_latest_inputs(
    install: Install,
    signals: Signals,
    sequence: int,
    seed: int,
) -> None:
    number = seed * SEQUENCES + sequence
    driver = Driver(install, number)
    try:
        driver.go(STEPS)
        signals(driver.at_rest, "everything to come to rest", timeout=PATIENCE_SECONDS * install.slowness)
        driver.check()
        check_invariants()
    except BaseException:
        print(f"sequence {number}:", *driver.steps, sep="\n    ")  # noqa: T201
        raise
