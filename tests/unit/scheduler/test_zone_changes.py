"""The changes of offset that the engine finds by probing, against what the zones' own files list."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from random import Random
from zoneinfo import TZPATH, available_timezones

import pytest

from scheduler.engine.zones import PROBE, changes_between, offset_at, wall_at, zone_of

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001


def listed(zone: str) -> list[tuple[datetime, timedelta, timedelta]]:
    """The listed changes of offset since 1970: when (UTC), from, to. Later ones follow a rule and are not listed."""
    data = _file_of(zone)
    # The first block holds 32-bit times for old readers: six counts, then data of lengths that follow from them.
    utc, std, leaps, times, types, chars = struct.unpack(">6l", data[20:44])
    data = data[44 + times * 5 + types * 6 + chars + leaps * 8 + std + utc :]
    _, _, _, times, types, _ = struct.unpack(">6l", data[20:44])
    instants = struct.unpack(f">{times}q", data[44 : 44 + times * 8])
    kinds = data[44 + times * 8 : 44 + times * 9]
    table = data[44 + times * 9 :]
    offsets = [timedelta(seconds=struct.unpack(">l", table[n * 6 : n * 6 + 4])[0]) for n in range(types)]
    steps = [
        (EPOCH + timedelta(seconds=at), offsets[kind])
        for at, kind in zip(instants, kinds, strict=True)
        if at > -(2**40)
    ]
    return [(at, was, now) for (_, was), (at, now) in pairwise(steps) if was != now and at >= EPOCH]


def _file_of(zone: str) -> bytes:
    """Where `zoneinfo` itself looks: the machine's files, then those of `tzdata`."""
    for folder in TZPATH:
        if (path := Path(folder) / zone).is_file():
            return path.read_bytes()
    return files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def test_no_zone_changes_and_changes_back_between_two_probes() -> None:
    for zone in ZONES:
        for (earlier, _, _), (later, _, _) in pairwise(listed(zone)):
            assert later - earlier > PROBE, f"{zone} at {earlier}: probe more often"


@pytest.mark.parametrize("zone", Random(3).sample(ZONES, 30))
def test_every_listed_change_is_found(zone: str) -> None:
    until = datetime(2037, 1, 1)  # noqa: DTZ001
    changes = [change for change in listed(zone) if change[0] <= until]
    if changes:
        until = changes[-1][0]  # what follows may be a rule
    found = changes_between(zone_of(zone), EPOCH - timedelta(seconds=1), until)
    assert not changes or [(change.at, change.before, change.after) for change in found] == changes


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia", "UTC"])
def test_walls_are_instants_and_their_offset(zone: str) -> None:
    at = datetime(1971, 6, 1, 12, 30)  # noqa: DTZ001
    assert wall_at(zone_of(zone), at) == at + offset_at(zone_of(zone), at)
