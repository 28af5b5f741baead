"""Daemons that watch a model, ended with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.models import ModelRig


@pytest.fixture
def watched() -> Iterator[Callable[..., ModelRig]]:
    """Return what starts a daemon; all are ended with the test."""
    started: list[ModelRig] = []

    def start(*args: Any, **settings: Any) -> ModelRig:
        started.append(ModelRig(*args, **settings))
        return started[-1]

    yield start
    for rig in started:
        rig.rig.crash()
