"""The page of one project, from its own address."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def project(town: Any) -> str:
    """Id of a project of the town's open election."""
    listed = httpx.get(f"{town.url}/api/v1/elections/{town.election_id}/projects", trust_env=False)
    return str(listed.json()["projects"][0]["id"])


def test_a_project_has_a_page_of_its_own(town: Any, stranger: Any, project: str) -> None:
    page = stranger.go(f"/projects/{project}")
    assert page.status_code == 200
    assert "Trees for Market Square" in page.text
    assert f'href="/budgets/{town.election_id}"' in page.text
    assert re.search(r"€[0-9,]+", page.text)


def test_a_project_that_is_none_is_not_found(stranger: Any) -> None:
    assert stranger.go("/projects/00000000-0000-7000-8000-000000000000").status_code == 404
