"""Tests of services/sandbox."""
