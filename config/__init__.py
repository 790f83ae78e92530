"""The install as a whole: settings, URLs, processes. It may import every app; no app imports it."""
