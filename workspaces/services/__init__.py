"""Writes of this app: one function, one transaction, keyword arguments, one audit entry each."""
