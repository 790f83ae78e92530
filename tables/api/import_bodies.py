"""What imports take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tables.api.serializers import LONGEST_NAME
from tables.engine.csv_rows import DELIMITERS
from tables.services.import_modes import ImportMode
from workspaces.api.serializers import StrictSerializer
from workspaces.api.views import page_of


class UploadBody(StrictSerializer):
    """A file to look into. ``mapping`` is JSON: ``{header: column, null, or {name, type}}``, ``sheet`` a workbook's."""

    file = serializers.FileField(allow_empty_file=True)
    encoding = serializers.CharField(max_length=40, required=False)
    delimiter = serializers.ChoiceField(DELIMITERS, required=False)
    has_header = serializers.BooleanField(default=True)
    sheet = serializers.CharField(max_length=200, required=False)
    mapping = serializers.CharField(required=False)


class ImportBody(UploadBody):
    """A file to import, and what becomes of its rows.

    ``upsert`` writes over the rows that have the same value in the column ``key``, and adds the others; ``blanks`` says
    whether an empty value keeps what such a row has, or clears it. ``replace`` deletes the rows that were there.
    """

    mode = serializers.ChoiceField([mode.value for mode in ImportMode], default=ImportMode.APPEND.value)
    key = serializers.CharField(max_length=200, required=False)
    blanks = serializers.ChoiceField(["keep", "clear"], default="keep")


class NewTableImportBody(UploadBody):
    """A file that becomes a table of this name."""

    name = serializers.CharField(max_length=LONGEST_NAME)


class JobProgressAnswer(serializers.Serializer[Any]):
    """How far a job is. The last five are there once there is something to say; ``rows_total`` may be an estimate."""

    bytes_done = serializers.IntegerField()
    bytes_total = serializers.IntegerField()
    rows_done = serializers.IntegerField()
    rows_rejected = serializers.IntegerField()
    rows_total = serializers.IntegerField(required=False)
    rows_inserted = serializers.IntegerField(required=False)
    rows_updated = serializers.IntegerField(required=False)
    rows_unchanged = serializers.IntegerField(required=False)
    rows_deleted = serializers.IntegerField(required=False)


class JobAnswer(serializers.Serializer[Any]):
    """One job."""

    id = serializers.CharField()
    table = serializers.CharField()
    kind = serializers.CharField()
    status = serializers.CharField()
    mode = serializers.CharField()
    progress = JobProgressAnswer()
    filename = serializers.CharField()
    encoding = serializers.CharField()
    delimiter = serializers.CharField()
    error = serializers.DictField(allow_null=True)
    has_rejects = serializers.BooleanField()
    created_at = serializers.CharField()
    started_at = serializers.CharField(allow_null=True)
    finished_at = serializers.CharField(allow_null=True)


JobPage = page_of(JobAnswer)


class PreviewColumnAnswer(serializers.Serializer[Any]):
    """One column of a file. Of ``filled`` sampled values, ``misfits`` do not fit where they are mapped to."""

    header = serializers.CharField()
    type = serializers.CharField()
    samples = serializers.ListField(child=serializers.CharField())
    filled = serializers.IntegerField()
    misfits = serializers.IntegerField()
    misfit = serializers.CharField(required=False)


class PreviewAnswer(serializers.Serializer[Any]):
    """What a file holds, and how it could be mapped."""

    format = serializers.ChoiceField(["csv", "xlsx"])
    sheets = serializers.ListField(child=serializers.CharField())
    sheet = serializers.CharField()
    encoding = serializers.CharField()
    delimiter = serializers.CharField()
    has_header = serializers.BooleanField()
    bytes = serializers.IntegerField()
    columns = PreviewColumnAnswer(many=True)
    rows = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    rejects = serializers.ListField(child=serializers.DictField())
    mapping = serializers.DictField()
