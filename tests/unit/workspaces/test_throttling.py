"""The limiter lets a minute's budget through, then one hit at a time."""

from workspaces.throttling import Limiter


def test_a_burst_of_one_minute_passes_and_the_next_hit_waits() -> None:
    limiter = Limiter()
    assert [limiter.hit("a", per_minute=3, now=100.0) for _ in range(3)] == [0, 0, 0]
    assert 0 < limiter.hit("a", per_minute=3, now=100.0) <= 20


def test_after_the_wait_exactly_one_more_passes() -> None:
    limiter = Limiter()
    for _ in range(3):
        limiter.hit("a", per_minute=3, now=100.0)
    wait = limiter.hit("a", per_minute=3, now=100.0)
    assert limiter.hit("a", per_minute=3, now=100.0 + wait) == 0
    assert limiter.hit("a", per_minute=3, now=100.0 + wait) > 0


def test_keys_do_not_share_a_budget_and_can_be_forgiven() -> None:
    limiter = Limiter()
    limiter.hit("a", per_minute=1, now=0.0)
    assert limiter.hit("b", per_minute=1, now=0.0) == 0
    assert limiter.hit("a", per_minute=1, now=0.0) > 0
    limiter.forget("a")
    assert limiter.hit("a", per_minute=1, now=0.0) == 0
