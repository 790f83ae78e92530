"""Django's registration of the tables app."""

from django.apps import AppConfig


class TablesConfig(AppConfig):
    """Tables whose columns run: schema, rows, cells, dispatches, imports."""

    name = "tables"
    verbose_name = "Tables"

    def ready(self) -> None:
        """Connect the receivers and register the block types, which need the models."""
        from tables import receivers  # noqa: F401  connects by decorator, needs loaded models
        from tables.workflow_blocks import table_query, table_upsert  # noqa: F401  register by decorator
