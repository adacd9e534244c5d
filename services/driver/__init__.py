"""The driver service."""
