# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the scenarios, which are beside this folder."""
import importlib.util
import pathlib
import sys

SCENARIO = pathlib.Path(__file__).parent.parent / "scenario"
sys.path.insert(0, str(SCENARIO))
spec = importlib.util.spec_from_file_location(
    "scenario_fixtures", SCENARIO / "conftest.py")
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
impeld, server = fixtures.impeld, fixtures.server
