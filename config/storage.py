"""Static files in production: hashed names, compressed, also inside JavaScript modules."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Rewrites `import "./x.js"` to the hashed name too, so that a vendored module is loaded once."""

    support_js_module_import_aggregation = True
