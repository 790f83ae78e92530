"""HTML pages of this app: triggers, their invocations, and how the scheduler fares (`interface.md` 7.8)."""
