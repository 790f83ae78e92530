"""The Celery application of every worker, beat and publisher."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("runsheet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workflows", "tables", "scheduler"])
app.autodiscover_tasks(["tables"], related_name="tasks_imports")
