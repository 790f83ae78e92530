"""First answers to requests that named an `Idempotency-Key`."""

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from workspaces.ids import uuid7
from workspaces.models.people import Workspace

KEPT_FOR = dt.timedelta(hours=24)


class IdempotencyKey(models.Model):
    """A key one actor used in one workspace, what for, and the answer given.

    The row is inserted in the transaction of the work it stands for: a second request waits on the
    unique index and finds either the committed answer or, after a rollback, a free key.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    endpoint = models.CharField(max_length=500)
    request_hash = models.CharField(max_length=64)
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(name="idempotency_age", fields=["created_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(name="idempotency_once", fields=["workspace", "actor", "key"]),
            models.CheckConstraint(name="idempotency_key_given", condition=~models.Q(key="")),
        ]

    def __str__(self) -> str:
        return self.key
