"""The REST API of workspaces, and the base on which every app builds its own (start at `views.py`)."""
