"""Pages of this app, from the root of the site."""

from django.urls import path

from tables.pages.table import TablePage
from tables.pages.tables import SampleView, TablesPage

urlpatterns = [
    path("", TablesPage.as_view(), name="tables-page"),
    path("tables/sample/", SampleView.as_view(), name="tables-sample"),
    path("tables/<uuid:table_id>/", TablePage.as_view(), name="table-page"),
]
