"""Every path of the product, but for the probes (`config/health.py`).

Each app owns its own lists; pages and REST never share one.
"""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

handler404 = "config.api_errors.handler404"
handler500 = "config.api_errors.handler500"

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    path("api/v1/", include("workspaces.api.urls")),
    path("api/v1/", include("workflows.api.urls")),
    path("api/v1/", include("tables.api.urls")),
    path("api/v1/", include("scheduler.api.urls")),
    path("", include("workspaces.pages.urls")),
    path("", include("scheduler.pages.urls")),
    path("", include("workflows.pages.urls")),
    path("", include("tables.pages.urls")),
]
