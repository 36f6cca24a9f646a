# /// script
# requires-python = ">=3.11"
# dependencies = ["checkov==3.3.30"]
# ///
"""Runs checkov in an environment of its own, locked beside this file: its pins are not ours.

`uv lock --script tests/lint/run_checkov.py` writes the lock anew.
"""

import runpy

runpy.run_module("checkov.main", run_name="__main__", alter_sys=True)
