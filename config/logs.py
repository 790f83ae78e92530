"""One log, structured: coloured lines for people in development, JSON lines in production.

Our code and Django's go through the same processors, so a request's id stands on every line it caused.
"""

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from config.env import Environment

ANSWER_LINK = re.compile(r"(/answer/)[^/?#\s\"']+")


def links_hide(logger: Any, method: str, line: EventDict) -> EventDict:
    """An answer link decides for whoever has it (W20): its secret stands in an address, and must stand in no log."""
    for name, value in line.items():
        if isinstance(value, str) and "/answer/" in value:
            line[name] = ANSWER_LINK.sub(r"\1…", value)
    return line


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    links_hide,
]


def logging_settings(env: Environment) -> dict[str, Any]:
    """Django's `LOGGING` for this process."""
    readable = env.mode != "production"
    renderer: Processor = (
        # Plain tracebacks: the pretty ones print local variables, and with them secrets and people's data.
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer()
    )
    finish: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not readable:
        finish.append(structlog.processors.format_exc_info)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [*finish, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": env.log_level},
        "loggers": {
            # The request middleware writes one line per request; uvicorn's own access log would be a second.
            "uvicorn.access": {"level": "WARNING"},
            "django_structlog": {"level": "WARNING" if readable else "INFO"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }


def configure(settings: dict[str, Any]) -> None:
    """Django's `LOGGING_CONFIG` hook: the standard library first, then structlog on top of it."""
    logging.config.dictConfig(settings)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
