"""Workflows: definitions, the engine, runs and their ledger."""
