"""Packages that some tests need, and how they are found missing."""

import importlib.util
import os

import pytest


def needed(module):
    """Skips the test if a package is not installed; in CI, which has all of them, it fails."""
    if importlib.util.find_spec(module) is None:
        if os.environ.get("SLPROOF_REQUIRE_TOOLS") == "1":
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")
