import pytest

from tests.helpers.platforms import Platforms


@pytest.fixture
def platforms() -> Platforms:
    return Platforms()
