"""Pages of this app, from the root of the site."""

from django.urls import path

from tables.pages.table import TablePage
from tables.pages.tables import TablesPage

urlpatterns = [
    path("", TablesPage.as_view(), name="tables-page"),
    path("tables/<uuid:table_id>/", TablePage.as_view(), name="table-page"),
]
