"""The environment, read once, typed, and checked in plain words.

`read_environment(os.environ)` answers a frozen `Environment` or raises `EnvironmentInvalid`, whose message lists
*every* fault with what to do about it, so that nobody mends one variable at a time. Only `config/settings.py`
calls it in earnest; everything else reads `django.conf.settings`.

Modes. `production` whenever `DATABASE_URL` is given and nothing else is said; `development` on a checkout without
one, where embedded services and a generated key stand in; `test` is set by the test bed.
"""

import base64
import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import environ

from config.limits import Limits, declared_limits
from config.runtime import running_services, secret_key_of_checkout, var_dir
from workflows.blocks.llm_providers import Provider, read_providers

Mode = Literal["production", "development", "test"]
Process = Literal["web", "worker", "reserve", "control", "cpu", "beat", "cli"]
MODES: tuple[Mode, ...] = get_args(Mode)
PROCESSES: tuple[Process, ...] = get_args(Process)

REDIS_OVERRIDES = ("broker", "result", "channels", "locks", "events")
EMAIL_SCHEMES = tuple(environ.Env.EMAIL_SCHEMES)
OTHER_VARIABLES = (
    "MODE", "PROCESS", "VAR", "BLOCKS", "HTTP_ALLOW", "SECRET_KEYS", "DEPLOY_SECRET", "DB_POOL_SIZE", "HTTPS",
    "PROXIES", "LOG_LEVEL", "PUBLIC_URL", "LLM_PROVIDERS",
)  # fmt: skip
"""What may follow `RUNSHEET_`, beside the limits and the Redis overrides."""


class EnvironmentInvalid(Exception):
    """The environment does not describe a working install; the message lists every fault."""

    def __init__(self, faults: list[str]) -> None:
        """`faults` are whole sentences naming the variable, what is wrong and how to put it right."""
        self.faults = faults
        super().__init__("Runsheet cannot start:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True)
class Environment:
    """Everything the outside decides."""

    mode: Mode
    process: Process
    debug: bool
    https: bool
    secret_key: str
    allowed_hosts: tuple[str, ...]
    csrf_trusted_origins: tuple[str, ...]
    proxies: int
    log_level: str
    database_url: str | None
    db_pool_size: int
    redis_url: str | None
    broker_url: str | None
    result_url: str | None
    channels_url: str | None
    locks_url: str | None
    events_url: str | None
    blocks: tuple[str, ...]
    http_allow: tuple[str, ...]
    llm_providers: Mapping[str, Provider]
    secret_keys: tuple[str, ...]
    deploy_secret: str
    public_url: str
    email_url: str
    email_from: str
    limits: Limits

    @property
    def has_services(self) -> bool:
        """Whether there is a database and a Redis to speak to."""
        return self.database_url is not None and self.redis_url is not None


class Reader:
    """Typed look-ups that note what is wrong instead of stopping at the first fault."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Blank values count as unset, as compose files and systemd units write them."""
        self.variables = {name: value for name, value in variables.items() if value.strip()}
        self.faults: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """The value without surrounding space."""
        return self.variables.get(name, default).strip()

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A comma-separated list."""
        return tuple(word.strip() for word in self.text(name).split(",") if word.strip()) or default

    def number(self, name: str, default: int, smallest: int, largest: int) -> int:
        """A whole number between two bounds, inclusive."""
        written = self.text(name, str(default))
        if written.isdecimal() and smallest <= int(written) <= largest:
            return int(written)
        self.faults.append(
            f"{name} is {written!r}; it must be a whole number from {smallest} to {largest} (default {default})."
        )
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Yes or no; a word that is neither is a fault, never silently no."""
        written = self.text(name).lower()
        if not written:
            return default
        if written in {*environ.Env.BOOLEAN_TRUE_STRINGS, "0", "false", "no", "off", "n"}:
            return written in environ.Env.BOOLEAN_TRUE_STRINGS
        self.faults.append(f"{name} is {written!r}; write true or false.")
        return default

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> Any:
        """One of a few words."""
        written = self.text(name, default)
        if written in allowed:
            return written
        self.faults.append(f"{name} is {written!r}; it must be one of {', '.join(allowed)}.")
        return default

    def url(
        self, name: str, schemes: tuple[str, ...], example: str, default: str | None = None
    ) -> str | None:
        """A URL of one of the given schemes."""
        written = self.text(name)
        if not written:
            return default
        if urlsplit(written).scheme not in schemes:
            self.faults.append(
                f"{name} must look like {example}."
            )  # the value may hold a password: never echo it
        return written


def read_environment(variables: Mapping[str, str]) -> Environment:
    """The install that `variables` describe; raises `EnvironmentInvalid` with every fault found."""
    read = Reader(variables)
    mode: Mode = read.choice(
        "RUNSHEET_MODE", "production" if read.text("DATABASE_URL") else "development", MODES
    )
    process: Process = read.choice("RUNSHEET_PROCESS", "cli", PROCESSES)
    secret_key = _secret_key(read, mode)
    environment = Environment(
        mode=mode,
        process=process,
        debug=read.flag("DEBUG"),
        https=read.flag("RUNSHEET_HTTPS", default=mode == "production"),
        secret_key=secret_key,
        allowed_hosts=_allowed_hosts(read, mode),
        csrf_trusted_origins=read.words("CSRF_TRUSTED_ORIGINS"),
        proxies=read.number("RUNSHEET_PROXIES", 0, 0, 10),
        log_level=read.choice("RUNSHEET_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
        db_pool_size=read.number("RUNSHEET_DB_POOL_SIZE", 8, 1, 200),
        blocks=read.words("RUNSHEET_BLOCKS"),
        http_allow=_http_allow(read),
        llm_providers=read_providers(read.text("RUNSHEET_LLM_PROVIDERS"), read.text, read.faults.append),
        secret_keys=_secret_keys(read, mode, secret_key),
        deploy_secret=read.text("RUNSHEET_DEPLOY_SECRET"),
        public_url=_public_url(read, mode),
        email_url=read.url("EMAIL_URL", EMAIL_SCHEMES, "smtp+tls://user:password@host:587")
        or ("smtp://localhost:25" if mode == "production" else "consolemail://"),
        email_from=read.text("DEFAULT_FROM_EMAIL", "Runsheet <runsheet@localhost>"),
        limits=_limits(read),
        **_services(read, mode, process),
    )
    _check_names(read)
    if environment.debug and mode == "production":
        read.faults.append("DEBUG is on in production; remove it, it shows settings and source to visitors.")
    if read.faults:
        raise EnvironmentInvalid(read.faults)
    return environment


def _services(read: Reader, mode: Mode, process: Process) -> dict[str, str | None]:
    """The addresses: as given, else those a running supervisor of this checkout announced, else None."""
    redis_schemes, redis_example = ("redis", "rediss"), "redis://:password@host:6379/0"
    running = running_services(var_dir(read.variables)) if mode == "development" else None
    database = read.url(
        "DATABASE_URL",
        ("postgres", "postgresql"),
        "postgres://user:password@host:5432/name",
        running.database_url if running else None,
    )
    redis = read.url("REDIS_URL", redis_schemes, redis_example, running.redis_url if running else None)
    if mode == "production" or process != "cli":
        for name, found in (("DATABASE_URL", database), ("REDIS_URL", redis)):
            if not found:
                read.faults.append(f"{name} is missing. Set it, or start everything with `manage.py dev`.")
    urls = {"database_url": database, "redis_url": redis}
    for role in REDIS_OVERRIDES:
        schemes = (*redis_schemes, "amqp", "amqps") if role == "broker" else redis_schemes
        urls[f"{role}_url"] = read.url(f"RUNSHEET_{role.upper()}_URL", schemes, redis_example, redis)
    return urls


def _secret_key(read: Reader, mode: Mode) -> str:
    """`SECRET_KEY`, or in development one made for this checkout."""
    written = read.text("SECRET_KEY")
    if mode != "production":
        return written or secret_key_of_checkout(var_dir(read.variables))
    if len(written) < 50:
        read.faults.append(
            "SECRET_KEY is missing or shorter than 50 characters. Make one with "
            "`python -c 'import secrets; print(secrets.token_urlsafe(50))'` and keep it."
        )
    return written


def _secret_keys(read: Reader, mode: Mode, secret_key: str) -> tuple[str, ...]:
    """The Fernet key ring that encrypts stored secrets, newest first."""
    keys = read.words("RUNSHEET_SECRET_KEYS")
    for place, key in enumerate(keys, start=1):
        if not _is_fernet_key(key):
            read.faults.append(f"RUNSHEET_SECRET_KEYS: key {place} is not a Fernet key. {MAKE_FERNET_KEY}")
    if keys:
        return keys
    if mode == "production":
        read.faults.append(f"RUNSHEET_SECRET_KEYS is missing. {MAKE_FERNET_KEY}")
    return (base64.urlsafe_b64encode(hashlib.sha256(b"secrets:" + secret_key.encode()).digest()).decode(),)


MAKE_FERNET_KEY = (
    "Make one with `python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`; "
    "to rotate, put the new key before the old ones, separated by a comma."
)


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False


def _allowed_hosts(read: Reader, mode: Mode) -> tuple[str, ...]:
    hosts = read.words("ALLOWED_HOSTS")
    if mode == "production" and not hosts:
        read.faults.append("ALLOWED_HOSTS is missing. Name the host people type, e.g. runsheet.example.org.")
    return hosts or ("localhost", "127.0.0.1", "[::1]", "testserver")


def _public_url(read: Reader, mode: Mode) -> str:
    """Where people reach this install, without a slash at the end: links in mails begin with it."""
    written = read.url("RUNSHEET_PUBLIC_URL", ("http", "https"), "https://runsheet.example.org")
    if written:
        return written.rstrip("/")
    host = next(iter(read.words("ALLOWED_HOSTS")), "")
    if mode == "production" and host and "*" not in host:
        return f"https://{host.removeprefix('.')}"
    return "http://localhost:8000"


def _http_allow(read: Reader) -> tuple[str, ...]:
    """`host:port` pairs the HTTP blocks may call although they are private addresses."""
    pairs = read.words("RUNSHEET_HTTP_ALLOW")
    for pair in pairs:
        host, _, port = pair.rpartition(":")
        if not host or not port.isdecimal():
            read.faults.append(f"RUNSHEET_HTTP_ALLOW: {pair!r} must be host:port, e.g. 10.0.0.5:8080.")
    return pairs


def _limits(read: Reader) -> Limits:
    limits = Limits(
        **{
            entry.name: read.number(entry.variable, entry.default, entry.smallest, entry.largest)
            for entry in declared_limits()
        }
    )
    if limits.instance_dead_seconds < 2 * limits.heartbeat_seconds:
        read.faults.append(
            "RUNSHEET_INSTANCE_DEAD_SECONDS must be at least twice RUNSHEET_HEARTBEAT_SECONDS, or living "
            "processes would be taken for dead."
        )
    return limits


def _check_names(read: Reader) -> None:
    """A misspelt `RUNSHEET_…` is a fault: a setting that silently does nothing is the worst kind."""
    known = {f"RUNSHEET_{name}" for name in OTHER_VARIABLES}
    known |= {f"RUNSHEET_{role.upper()}_URL" for role in REDIS_OVERRIDES}
    known |= {entry.variable for entry in declared_limits()}
    for name in sorted(name for name in read.variables if name.startswith("RUNSHEET_")):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            read.faults.append(f"{name} is no setting." + (f" Did you mean {near[0]}?" if near else ""))
