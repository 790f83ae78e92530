"""Random reruns: the planner agrees with a slow reference, and a rerun comes to what a full run comes to (W24–W26)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import event, given

from tests.bed.properties import cases
from tests.unit.workflows.plan_bed import planned, replayed, results_of
from tests.unit.workflows.plan_reference import Reference
from tests.unit.workflows.plan_stories import NOW, Story, nest_stories, stories, top_of
from workflows.engine.planner import Plan, PlanRefused, SourceRun
from workflows.engine.scopes import TOP, iteration_of, stands_in, step_key, step_place
from workflows.engine.settling import caught
from workflows.engine.types import StepStatus

pytestmark = pytest.mark.rule("W24", "W25", "W26", "W28")


def plan_of(story: Story) -> Plan:
    return planned(
        story.source, story.target, story.start, story.mode, NOW, stop_after=story.stop, single=story.single
    )


@cases(1600)
@given(stories())
def test_a_plan_is_what_the_rules_say_and_a_rerun_does_what_it_says(story: Story) -> None:
    plan = plan_of(story)
    agrees_with_the_rules(story, plan)
    does_not_depend_on_the_order_of_the_ledger(story, plan)
    is_what_runs(story, plan)


def agrees_with_the_rules(story: Story, plan: Plan) -> None:
    fates = Reference(story).fates
    source = "cut off" if set(fates) - set(story.source.steps) else "whole"
    event(
        f"mode {story.mode}, {source} source, {'compared with a full run' if story.full else 'by the rules'}"
    )
    assert {step.step: str(step.reason) for step in plan.rerun} == {
        key: fate for key, fate in fates.items() if fate not in ("stands", "skipped", "out")
    }
    assert set(plan.reuse) == {
        key
        for key, step in story.source.steps.items()
        if fates.get(key) == "stands" or (fates.get(key) == "skipped" and step.status is StepStatus.SKIPPED)
    }
    assert set(plan.discard) == set(story.source.steps) - set(plan.reuse) - {step.step for step in plan.rerun}
    held = story.stop is not None or "out" in fates.values()
    assert (plan.only is not None) is held
    order = {key: i for i, key in enumerate(story.target.root.keys[i] for i in story.target.root.order)}
    for keys in (plan.reuse, [step.step for step in plan.rerun]):
        assert sorted(keys, key=order.__getitem__) == list(keys)


def does_not_depend_on_the_order_of_the_ledger(story: Story, plan: Plan) -> None:
    steps = list(story.source.steps.items())
    Random(len(steps)).shuffle(steps)
    assert plan_of(replace(story, source=replace(story.source, steps=dict(steps)))) == plan


def is_what_runs(story: Story, plan: Plan) -> None:
    """What was planned runs, nothing else does, and what was reused is still the same afterwards.

    Whatever the start reaches or needs then comes to what it comes to in a full run.
    """
    run = replayed(plan, story.source, story.target, NOW)
    told = {step.step for step in plan.rerun}
    steps = run.source.steps
    assert [key for key in run.ran if not is_told(story, plan, key)] == []
    assert {key: steps[key] for key in plan.reuse} == {key: story.source.steps[key] for key in plan.reuse}
    if not run.router.stopping:
        assert {key for key in told if key == top_of(key)} <= steps.keys()
    elsewhere = {
        top_of(warning.step or "") for warning in plan.warnings if warning.code == "changed_elsewhere"
    }
    if story.full is not None and not story.about & elsewhere:
        assert settled(story, run.source) == settled(story, story.full)


def is_told(story: Story, plan: Plan, key: str) -> bool:
    """Whether a plan says that a step may run: by its key, or by its effect, as one of an iteration not known yet."""
    path, block = step_place(key)
    if path and block in story.target.scopes:
        return True  # without an effect of its own
    told = [key]
    while path:
        container, _ = iteration_of(path)
        told.append(step_key(f"{container}[*]", block))
        path = step_place(container).path
    said = {step.step for step in plan.rerun} | {effect.step for effect in plan.effects}
    return not said.isdisjoint(told)


def settled(story: Story, run: SourceRun) -> dict[str, Any]:
    """What routing and readers see; beside a failure that nothing catches, how far the others came is a matter of time.

    So it is in its iteration and, as a container around it may have failed by it, in all of those that did.
    """
    failed = [key for key, step in run.steps.items() if step.status is StepStatus.FAILED]
    open_ended = {step_place(key).path for key in failed if not caught(story.target, key)} - {TOP}
    begun = tuple([f"{path}/" for path in open_ended] + [f"{key}[" for key in failed])
    return {
        key: result
        for key, result in results_of(run).items()
        if top_of(key) in story.about and not key.startswith(begun)
    }


@cases(600)
@given(nest_stories())
def test_a_rerun_in_and_around_containers_does_what_its_plan_says(story: Story) -> None:
    try:
        plan = plan_of(story)
    except PlanRefused as refused:
        assert story.single
        event(refused.code)
        return
    event(f"start {story.start.partition('@')[0]}, {'reopens' if plan.reopen else 'restarts or keeps'}")
    assert len(set(plan.reuse)) == len(plan.reuse)
    assert not {step.step for step in plan.rerun} & set(plan.reuse)
    does_not_depend_on_the_order_of_the_ledger(story, plan)
    is_what_runs(story, plan)
    over = {step_place(key).path for key in plan.reuse if is_fatal(story, key)} - {TOP}
    assert [step.step for step in plan.rerun if any(stands_in(step.step, path) for path in over)] == []


def is_fatal(story: Story, key: str) -> bool:
    """Whether a step of the source failed, and nothing catches that."""
    return story.source.steps[key].status is StepStatus.FAILED and not caught(story.target, key)
