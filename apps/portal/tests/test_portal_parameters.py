"""What stands in an address is bounded before it becomes part of a question to a service."""

import pytest
from litestar import get
from litestar.testing import create_test_client

from cahier_portal.parameters import QueryCount


@get("/")
async def counted(after: QueryCount = 0) -> str:
    return str(after)


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 200), ("?after=7", 200), ("?after=2147483647", 200)]
    + [(f"?after={wrong}", 400) for wrong in ("-1", "2147483648", "9" * 30, "x", "1.5")],
)
def test_a_count_in_an_address_fits_the_services_integers(query: str, status: int) -> None:
    with create_test_client([counted]) as client:
        assert client.get(f"/{query}").status_code == status
