"""The packages table's workflows, as a person would save them: blocks joined by edges, expressions and no code."""

from __future__ import annotations

from typing import Any, Final

from config.demo.definitions import Definition, block, edges, start


def _call(key: str, function: str, **arguments: str) -> dict[str, Any]:
    return block(key, "python", function=function, arguments=arguments)


_PACKAGE: Final = {"package": "{{ input.package }}", "version": "{{ input.version }}"}

READ_METADATA: Final[Definition] = {
    "blocks": [
        start(package="text!", version="text!"),
        _call("read", "package_metadata", **_PACKAGE),
        block(
            "age",
            "switch",
            cases=[
                {"key": "current", "when": "blocks.read.format in ['2.3', '2.4', '2.5']"},
                {"key": "recent", "when": "blocks.read.format == '2.2'"},
            ],
        ),
        block("current", "set", fields={"label": "current"}),
        block("recent", "set", fields={"label": "recent"}),
        block("old", "set", fields={"label": "old"}),
        block(
            "answer",
            "respond",
            value={
                "summary": "{{ blocks.read.summary }}",
                "licence": "{{ blocks.read.licence }}",
                "dependencies": "{{ blocks.read.dependencies }}",
                "metadata": "{{ blocks.current.label | default(blocks.recent.label) | default(blocks.old.label) }}",
            },
        ),
    ],
    "edges": edges(
        "start → read → age",
        "age:case-current → current → answer",
        "age:case-recent → recent → answer",
        "age:else → old → answer",
    ),
}

MEASURE: Final[Definition] = {
    "blocks": [
        start(package="text!", version="text!"),
        _call("measure", "package_size", **_PACKAGE),
        block("scale", "set", fields={"kilobytes": "{{ (blocks.measure.bytes / 1000) | round(1) }}"}),
        block(
            "answer",
            "respond",
            value={
                "files": "{{ blocks.measure.files }}",
                "kilobytes": "{{ blocks.scale.kilobytes }}",
                "native": "{{ blocks.measure.native }}",
                "largest": "{{ blocks.measure.largest }}",
            },
        ),
    ],
    "edges": edges("start → measure → scale → answer"),
}

IMPORT_HEALTH: Final[Definition] = {
    "blocks": [
        start(package="text!", version="text!"),
        _call("find", "package_modules", **_PACKAGE),
        block("any", "condition", when="blocks.find | length > 0"),
        block(
            "nothing",
            "fail",
            code="nothing_to_import",
            message="{{ input.package }} brings no module that can be imported, only files for other tools.",
        ),
        _call("load", "import_modules", modules="{{ blocks.find }}"),
        block(
            "answer",
            "respond",
            value={
                "names": "{{ blocks.find | join(', ') }}",
                "milliseconds": "{{ blocks.load.milliseconds }}",
                "modules": "{{ blocks.load.modules }}",
            },
        ),
    ],
    "edges": edges("start → find → any", "any:false → nothing", "any:true → load → answer"),
}

RATE_RISK: Final[Definition] = {
    "blocks": [
        start(
            licence="text!", metadata="text!", native="boolean", dependencies="number!", kilobytes="number!",
            modules="number!",
        ),
        block(
            "points",
            "set",
            fields={
                "licence": "{{ {'permissive': 0, 'weak copyleft': 15, 'copyleft': 40, 'other': 20,"
                " 'unknown': 25}[input.licence] }}",
                "age": "{{ 15 if input.metadata == 'old' else 5 if input.metadata == 'recent' else 0 }}",
                "native": "{{ 10 if input.native else 0 }}",
                "weight": "{{ 15 if input.kilobytes > 10000 else 5 if input.kilobytes > 1000 else 0 }}",
                "company": "{{ [input.dependencies * 2, 20] | min }}",
                "imports": "{{ 10 if input.modules > 500 else 0 }}",
            },
        ),
        block("sum", "set", fields={"score": "{{ blocks.points.values() | sum }}"}),
        block(
            "level",
            "switch",
            cases=[
                {"key": "high", "when": "blocks.sum.score >= 40"},
                {"key": "medium", "when": "blocks.sum.score >= 20"},
            ],
        ),
        block("high", "set", fields={"level": "high"}),
        block("medium", "set", fields={"level": "medium"}),
        block("low", "set", fields={"level": "low"}),
        block(
            "answer",
            "respond",
            value={
                "score": "{{ blocks.sum.score }}",
                "level": "{{ blocks.high.level | default(blocks.medium.level) | default(blocks.low.level) }}",
            },
        ),
    ],
    "edges": edges(
        "start → points → sum → level",
        "level:case-high → high → answer",
        "level:case-medium → medium → answer",
        "level:else → low → answer",
    ),
}  # fmt: skip

WRITE_SUMMARY: Final[Definition] = {
    "blocks": [
        block("start", "start"),
        block("rated", "condition", when="row.risk is not none"),
        block("risk", "set", fields={"words": "{{ row.risk }} risk ({{ row.risk_score }} points)"}),
        block("small", "set", fields={"words": "too small to rate"}),
        block(
            "size",
            "set",
            fields={
                "words": "{{ row.size_kb ~ ' kB' if row.size_kb < 1000 else (row.size_kb / 1000) | round(1) ~ ' MB' }}",
                "needs": "{{ 'nothing else' if row.dependencies == 0 else '1 other package'"
                " if row.dependencies == 1 else row.dependencies ~ ' other packages' }}",
            },
        ),
        block(
            "answer",
            "respond",
            value="{{ row.package }} {{ row.version }}: {{ row.licence }} licence, {{ blocks.size.words }} in"
            " {{ row.files }} files, needs {{ blocks.size.needs }};"
            " {{ blocks.risk.words | default(blocks.small.words) }}.",
        ),
    ],
    "edges": edges(
        "start → rated",
        "start → size → answer",
        "rated:true → risk → answer",
        "rated:false → small → answer",
    ),
}
