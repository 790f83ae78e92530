"""Triggers and their invocations."""
