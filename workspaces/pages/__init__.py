"""HTML pages of this app, and the mixin every page inside a workspace stands on."""
