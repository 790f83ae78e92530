"""Measurements of Runsheet against a floor in the same run (`docs/performance.md`): `manage.py bench`."""
