"""The image that the tests of this directory run: the real one where it was built, else the nearest that is cheap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.container import Image, need_namespaces
from tests.support.image import BUILT, built, built_settings, stand_in

collect_ignore = [] if BUILT else ["test_built_image.py"]


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """The settings that the built image carries."""
    return built_settings()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, ready to be run."""
    need_namespaces()
    if BUILT:
        with built() as found:
            yield found
    else:
        yield stand_in(tmp_path_factory.mktemp("image"))
