"""Runs one program of the sandbox: python -m services.sandbox payments|pos|phones."""

from services.sandbox.app import main

raise SystemExit(main())
