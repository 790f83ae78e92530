"""Static files in production: hashed names, compressed, also inside JavaScript modules."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Rewrites `import "./x.js"` to the hashed name too, so that a vendored module is loaded once."""

    support_js_module_import_aggregation = True
    max_post_process_passes = 40
    """One for each step of the longest way through imports: a name holds the hashes of the names inside."""
