"""Fixtures for all tests."""

import os
import subprocess

import pytest


@pytest.fixture(scope="session")
def command():
    """Runs the command line. CI sets SLPROOF; elsewhere a missing program skips the test."""
    program = os.environ.get("SLPROOF")
    if program is None:
        if os.environ.get("SLPROOF_REQUIRE_TOOLS") == "1":
            pytest.fail("SLPROOF does not name the program")
        pytest.skip("SLPROOF does not name the program")

    # Some tests work in another directory.
    program = os.path.abspath(program)

    def run(*args):
        subprocess.run([program, *map(str, args)], check=True, capture_output=True)

    return run
