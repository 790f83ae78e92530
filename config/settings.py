"""Django, Celery and Channels settings: what the outside decides is read in `config/env.py`, the rest is fixed here.

Every process of an install uses this one module; `RUNSHEET_PROCESS` tells which of them it is, because the right
way to hold database connections differs (see `config/connections.py`).
"""

import os

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured

from config.connections import HURRIED, broker_options, database_settings, email_settings
from config.env import EnvironmentInvalid, read_environment
from config.logs import logging_settings
from config.runtime import BASE_DIR, var_dir
from scheduler.states import InvocationStatus, OverlapPolicy, TargetKind
from workflows.states import PauseKind, PauseStatus, RunStatus

django_stubs_ext.monkeypatch()  # generics of Django may be subscripted at run time too: ModelAdmin[Table]

try:
    ENV = read_environment(os.environ)
except EnvironmentInvalid as error:
    raise ImproperlyConfigured(str(error)) from None

PRODUCTION = ENV.mode == "production"
VAR_DIR = var_dir()
RUNSHEET_MODE = ENV.mode
RUNSHEET_PROCESS = ENV.process
RUNSHEET_HAS_SERVICES = ENV.has_services

# --- Django ----------------------------------------------------------------------------------------------------
DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
ALLOWED_HOSTS = list(ENV.allowed_hosts)
CSRF_TRUSTED_ORIGINS = list(ENV.csrf_trusted_origins)
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "workspaces.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"

INSTALLED_APPS = [
    "unfold",  # before the admin it dresses
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_celery_beat",
    "django_structlog",
    "channels",
    "workspaces",
    "workflows",
    "tables",
    "scheduler",
    "config",
]

MIDDLEWARE = [
    "config.health.Probes",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if ENV.mode == "test":  # one fast hash: test users are made by the thousand
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

DATABASES = {"default": database_settings(ENV)}
LOGGING = logging_settings(ENV)
LOGGING_CONFIG = "config.logs.configure"

# --- Static files ----------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static" if PRODUCTION else None  # elsewhere files are served from where they lie
# config's own `static/` is found because `config` is an installed app.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.storage.StaticFiles"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
MEDIA_ROOT = VAR_DIR / "uploads"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

# --- Security --------------------------------------------------------------------------------------------------
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.https
SESSION_COOKIE_NAME = "__Host-session" if ENV.https else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if ENV.https else "csrf"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = ENV.https
SECURE_HSTS_SECONDS = 31_536_000 if ENV.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENV.https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ENV.proxies:  # the innermost proxy is ours and overwrites the header
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024

# --- Mail ------------------------------------------------------------------------------------------------------
vars().update(email_settings(ENV))
DEFAULT_FROM_EMAIL = ENV.email_from

# --- Celery ----------------------------------------------------------------------------------------------------
QUEUES = ("control", "interactive", "rows", "cpu")
CELERY_BROKER_URL = ENV.broker_url
CELERY_RESULT_BACKEND = ENV.result_url
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = CELERY_RESULT_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "rows"
CELERY_TASK_ROUTES = {
    # Every task of the product stands here; tests/architecture holds the list to the code.
    "tables.run_row": {"queue": "rows"},  # quick dispatches name `interactive` themselves
    "tables.import_rows": {"queue": "rows"},
    "tables.change_rows": {"queue": "rows"},
    "tables.advance_dispatch": {"queue": "control"},
    "tables.reap": {"queue": "control"},
    "tables.give_places": {"queue": "control"},
    "workflows.execute_run": {"queue": "interactive"},
    "workflows.wake": {"queue": "control"},
    "workflows.prune": {"queue": "control"},
    "scheduler.tick": {"queue": "control"},
    "scheduler.sweep": {"queue": "control"},
    "scheduler.run_invocation": {"queue": "interactive"},
    "scheduler.prune": {"queue": "control"},
    "scheduler.recompute": {"queue": "control"},
    "celery.backend_cleanup": {"queue": "control"},  # django-celery-beat installs it by itself
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # PostgreSQL redelivers (trust.md): early acks cannot duplicate or loop
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_RESULT_EXPIRES = 86_400  # chord counters of windows whose body never fires
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a supervised worker waits for Redis however long it is away
CELERY_BROKER_TRANSPORT_OPTIONS = broker_options(ENV)
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 0 if ENV.process in HURRIED else 1,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.2,
}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"retry_policy": CELERY_TASK_PUBLISH_RETRY_POLICY}  # not for 20 s
CELERY_REDIS_SOCKET_CONNECT_TIMEOUT = 2
CELERY_REDIS_SOCKET_TIMEOUT = 5
CELERY_REDIS_SOCKET_KEEPALIVE = True
CELERY_BEAT_SCHEDULER = "scheduler.beat:LeaderDatabaseScheduler"  # of several beats one sends
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_BEAT_SYNC_EVERY = 0
DJANGO_CELERY_BEAT_TZ_AWARE = True
if (
    ENV.process == "cpu"
):  # the fixup closes connections around every task, prefork children would reconnect each time
    CELERY_DB_REUSE_MAX = 1_000

# --- Channels --------------------------------------------------------------------------------------------------
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [ENV.channels_url], "prefix": "runsheet"},
    }
}

# --- REST ------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "config.api_errors.handle",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "workspaces.api.authentication.TokenAuthentication",
        "workspaces.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["workspaces.api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.DefaultContentNegotiation",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "NUM_PROXIES": ENV.proxies,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Runsheet",
    "DESCRIPTION": "Tables whose columns run.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "Role": "workspaces.states.Role",
        "TokenScope": "workspaces.states.Scope",
        "RunStatus": [str(status) for status in RunStatus],
        "RunKind": ["full", "rerun"],
        "PauseStatus": [str(status) for status in PauseStatus],
        "PauseKind": [str(kind) for kind in PauseKind],
        "AnswerDecision": "workflows.engine.forms.DECISIONS",
        "PlanMode": ["strict", "pinned"],
        "SchedulerHealthStatus": ["ok", "degraded", "down"],
        "TargetKind": [str(kind) for kind in TargetKind],
        "ChildKind": ["run", "dispatch"],
        "InvocationStatus": [str(status) for status in InvocationStatus],
        "OverlapPolicy": [str(policy) for policy in OverlapPolicy],
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "workflows.api.openapi.blocks_described",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}
UNFOLD = {"SITE_TITLE": "Runsheet", "SITE_HEADER": "Runsheet", "SITE_URL": "/"}
DJANGO_STRUCTLOG_CELERY_ENABLED = False  # two log calls per task would cost more than a quick row

# --- Runsheet: meanings and bounds stand in config/limits.py ---------------------------------------------------
RUNSHEET_WINDOW_ROWS = ENV.limits.window_rows
RUNSHEET_STORM_FAILURES = ENV.limits.storm_failures
RUNSHEET_HEARTBEAT_SECONDS = ENV.limits.heartbeat_seconds
RUNSHEET_INSTANCE_DEAD_SECONDS = ENV.limits.instance_dead_seconds
RUNSHEET_ROW_LOCK_SECONDS = ENV.limits.row_lock_seconds
RUNSHEET_WINDOW_DEADLINE_SECONDS = ENV.limits.window_deadline_seconds
RUNSHEET_MAX_COLUMNS = ENV.limits.max_columns
RUNSHEET_MAX_GROUPS = ENV.limits.max_groups
RUNSHEET_MAX_ROW_BYTES = ENV.limits.max_row_bytes
RUNSHEET_MAX_CELL_BYTES = ENV.limits.max_cell_bytes
RUNSHEET_MAX_BATCH_ROWS = ENV.limits.max_batch_rows
RUNSHEET_MAX_UPLOAD_BYTES = ENV.limits.max_upload_bytes
RUNSHEET_MAX_CELLS_PER_DAY = (
    ENV.limits.max_cells_per_day
)  # a budget per workspace; beyond it cells are skipped (S18)
RUNSHEET_MAX_JSON_BYTES = ENV.limits.max_json_bytes
RUNSHEET_MAX_API_CALLS_PER_MINUTE = ENV.limits.max_api_calls_per_minute
RUNSHEET_MAX_LOGINS_PER_MINUTE = ENV.limits.max_logins_per_minute
RUNSHEET_EVENTS_MAXLEN = ENV.limits.events_maxlen
RUNSHEET_RUN_RETENTION_DAYS = ENV.limits.run_retention_days
RUNSHEET_RUN_RETENTION_COUNT = ENV.limits.run_retention_count
RUNSHEET_SCHEDULER_LEASE_SECONDS = ENV.limits.scheduler_lease_seconds
RUNSHEET_SCHEDULER_BATCH = ENV.limits.scheduler_batch
RUNSHEET_SCHEDULER_MAX_INFLIGHT = ENV.limits.scheduler_max_inflight
RUNSHEET_SCHEDULER_MAX_INFLIGHT_PER_WORKFLOW = ENV.limits.scheduler_max_inflight_per_workflow
RUNSHEET_INVOCATION_RETENTION_DAYS = ENV.limits.invocation_retention_days
RUNSHEET_INVOCATION_RETENTION_COUNT = ENV.limits.invocation_retention_count
RUNSHEET_REDIS_URL = ENV.redis_url or ""
RUNSHEET_LOCKS_URL = ENV.locks_url or ""  # row locks (T15)
RUNSHEET_EVENTS_URL = ENV.events_url or ""  # the streams of T33
RUNSHEET_BLOCKS = list(ENV.blocks)  # Python modules whose blocks are registered at start (W3)
RUNSHEET_HTTP_ALLOW = list(ENV.http_allow)  # host:port pairs past the SSRF guard (W32)
RUNSHEET_LLM_PROVIDERS = dict(ENV.llm_providers)  # by name, with their keys (W33)
RUNSHEET_PUBLIC_URL = ENV.public_url  # what links in mails begin with
RUNSHEET_SECRET_KEYS = list(ENV.secret_keys)  # Fernet keys, newest first
RUNSHEET_DEPLOY_SECRET = (
    ENV.deploy_secret
)  # for the deploy hook of scheduler.md; never shared with anything else
