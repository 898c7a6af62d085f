"""Receipts: handed out for what is done, explained in plain words, checked by the site and by the
browser, which come to the same verdicts."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser, Page

from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.merkle import Frontier, inclusion_proof, leaf_hash, parents
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.proof import Receipt

pytestmark = pytest.mark.e2e

GOOD = "This receipt holds"
ALTERED = "This receipt does not hold"
FOREIGN = "This receipt is not of this city’s logs".replace("’", "'")
UNREADABLE = "This is no receipt"


@pytest.fixture(scope="module")
def event_id(town: Any, resident: Any) -> str:
    """The event of a support, whose receipt is there."""
    resident.go(f"/proposals/{town.proposals[1]}")
    resident.send("/support")
    resident.ok()
    found = re.search(r'href="/receipt/([0-9a-f-]{36})"', resident.page.text)
    assert found is not None
    path = f"{town.url}/receipts/{found[1]}"
    town.wait("a receipt", lambda: httpx.get(path, trust_env=False).status_code == 200)
    return found[1]


@pytest.fixture(scope="module")
def receipt(town: Any, event_id: str) -> str:
    return httpx.get(f"{town.url}/receipts/{event_id}", trust_env=False).text


@pytest.fixture(scope="module")
def altered(receipt: str) -> str:
    """The receipt with another hash in its proof, or another root where it has none."""
    parsed = Receipt.parse(receipt)
    assert parsed.proof
    other = (bytes([parsed.proof[0][0] ^ 1]) + parsed.proof[0][1:], *parsed.proof[1:])
    return str(Receipt(parsed.index, other, parsed.checkpoint))


def forged(origin: str, leaves: list[bytes], index: int) -> str:
    """A receipt, right in itself, by a log that is not the city's."""
    key = Ed25519PrivateKey.generate()
    vkey = Vkey.of(origin, key.public_key().public_bytes_raw())
    rows = [[leaf_hash(leaf) for leaf in leaves]]

    def read(level: int, number: int) -> bytes:
        while len(rows) <= level:
            rows.append(parents(rows[-1]))
        return rows[level][number]

    tree = Frontier()
    tree.extend(rows[0])
    signed = sign_checkpoint(Checkpoint(origin, len(leaves), tree.root()), [(vkey, key.sign)])
    proof = tuple(inclusion_proof(index, len(leaves), read))
    return str(Receipt(index, proof, signed))


@pytest.fixture(scope="module")
def foreign() -> str:
    return forged("elsewhere.example/tlog/budget", [b"{}"] * 5, 3)


@pytest.fixture(scope="module")
def impostor(receipt: str) -> str:
    """By a stranger's key, in the name of the city's own log."""
    origin = Receipt.parse(receipt).checkpoint.split("\n")[0]
    return forged(origin, [b"{}"] * 5, 3)


# -- the page that explains -------------------------------------------------------------------


def test_a_receipt_is_explained_and_handed_out(stranger: Any, event_id: str) -> None:
    page = stranger.go(f"/receipt/{event_id}").text
    assert "<h1>A resident supported the proposal.</h1>" in page
    assert GOOD in page
    assert f'href="/receipts/{event_id}" download="{event_id}.tlog-proof"' in page
    assert "What the receipt proves" in page
    assert '"t":"consultation.v1.support.proposal_supported"' in page.replace("&#34;", '"')
    assert "/history/proposal/" in page


def test_a_receipt_that_is_not_there_yet_says_so(stranger: Any, town: Any, resident: Any) -> None:
    resident.go(f"/proposals/{town.proposals[1]}")
    resident.send("/comments", body="Now.")
    resident.ok()
    fresh = re.search(r'href="/receipt/([0-9a-f-]{36})"', resident.page.text)
    assert fresh is not None
    page = stranger.go(f"/receipt/{fresh[1]}").text
    assert "The receipt is on its way" in page or GOOD in page
    town.wait("the receipt", lambda: GOOD in stranger.go(f"/receipt/{fresh[1]}").text)


def test_a_ballots_receipt_says_that_it_tells_no_choice(town: Any, stranger: Any) -> None:
    person = town.resident()
    person.go(f"/budgets/{town.election_id}/vote")
    person.send("/vote", ("step", "review"), choice=["1"])
    person.send("/vote", ("step", "cast"))
    person.ok()
    found = re.search(r'href="/receipt/([0-9a-f-]{36})"', person.page.text)
    assert found is not None
    page = stranger.go(f"/receipt/{found[1]}").text
    assert "<h1>Somebody cast a sealed ballot.</h1>" in page
    assert "it cannot be used to show your vote" in page
    assert "<time" not in page.split("page-head")[1].split("</div>")[0]


def test_an_event_that_no_log_has_has_no_receipt(stranger: Any) -> None:
    assert stranger.go("/receipt/nobody").status_code == 404
    assert stranger.go(f"/receipt/{'x' * 500}").status_code == 404


# -- checked by the site ----------------------------------------------------------------------


def post(town: Any, content: bytes) -> httpx.Response:
    """Sends a file by the form on the page, as a browser without JavaScript does."""
    with httpx.Client(base_url=town.url, trust_env=False) as http:
        page = http.get("/transparency").text
        token = re.search(r'name="_csrf_token" value="([^"]+)"', page)
        assert token is not None
        files = {"receipt": ("r.tlog-proof", content, "text/plain")} if content else None
        data = {"_csrf_token": token[1]}
        return http.post("/transparency", data=data, files=files)


def told(answer: httpx.Response) -> str:
    """The verdict on the page, without the templates that scripts fill in."""
    assert answer.status_code == 200, answer.text
    shown = re.sub(r"<template.*?</template>", "", answer.text, flags=re.S)
    headings = re.findall(r'<div class="verdict \w+">\s*<h3>([^<]+)</h3>', shown)
    assert len(headings) == 1
    return str(headings[0]).replace("&#39;", "'")


def test_the_site_checks_a_receipt(
    town: Any, receipt: str, altered: str, foreign: str, impostor: str, event_id: str
) -> None:
    answer = post(town, receipt.encode())
    assert told(answer) == GOOD
    assert "A resident supported the proposal." in answer.text
    assert f'href="/receipt/{event_id}"' in answer.text
    assert told(post(town, altered.encode())) == ALTERED
    assert told(post(town, foreign.encode())) == FOREIGN
    assert told(post(town, impostor.encode())) == FOREIGN
    assert told(post(town, b"a picture of a cat")) == UNREADABLE
    assert told(post(town, b"\xff\xfe\x00")) == UNREADABLE
    assert told(post(town, b"x" * 300_000)) == UNREADABLE


def test_a_form_without_a_file_asks_for_one(town: Any) -> None:
    answer = post(town, b"")
    assert answer.status_code == 422
    assert "Choose the file of a receipt." in answer.text


# -- checked by the browser -------------------------------------------------------------------


@pytest.fixture
def page(chromium: Browser, town: Any) -> Iterator[Page]:
    """The page in a browser; posting the form would fail the test."""
    context = chromium.new_context(base_url=town.url, locale="en-GB")
    opened = context.new_page()
    posts: list[str] = []
    opened.on("request", lambda sent: posts.append(sent.url) if sent.method == "POST" else None)
    opened.goto("/transparency")
    opened.wait_for_selector('[data-check="can"]:visible')
    yield opened
    assert posts == [], "the file left the browser"
    context.close()


def choose(page: Page, text: str) -> None:
    page.set_input_files(
        "#receipt", {"name": "r.tlog-proof", "mimeType": "text/plain", "buffer": text.encode()}
    )


def drop(page: Page, text: str) -> None:
    page.evaluate(
        """(text) => {
          const held = new DataTransfer();
          held.items.add(new File([text], "r.tlog-proof"));
          const drop = new DragEvent("drop", { dataTransfer: held, bubbles: true });
          document.querySelector('[data-check="drop"]').dispatchEvent(drop);
        }""",
        text,
    )


def verdict(page: Page, kind: str) -> str:
    page.wait_for_selector(f'[data-check="told"][data-kind="{kind}"]')
    return page.locator('[data-check="told"]').inner_text()


@pytest.mark.browser
@pytest.mark.parametrize("hand_over", [choose, drop])
def test_the_browser_checks_a_receipt_by_itself(
    page: Page,
    hand_over: Callable[[Page, str], None],
    receipt: str,
    altered: str,
    foreign: str,
    impostor: str,
    event_id: str,
) -> None:
    hand_over(page, receipt)
    said = verdict(page, "good")
    assert GOOD in said
    assert event_id in said
    assert Receipt.parse(receipt).checkpoint.split("\n")[0] in said
    hand_over(page, altered)
    assert ALTERED in verdict(page, "altered")
    hand_over(page, foreign)
    assert FOREIGN in verdict(page, "foreign")
    hand_over(page, impostor)
    assert FOREIGN in verdict(page, "foreign")
    hand_over(page, "a picture of a cat")
    assert UNREADABLE in verdict(page, "unreadable")


@pytest.mark.browser
def test_a_receipts_page_leads_to_its_check_in_the_browser(page: Page, event_id: str) -> None:
    page.goto(f"/receipt/{event_id}")
    page.get_by_role("link", name="Check it in my browser").click()
    assert event_id in verdict(page, "good")
    page.goto("/transparency?receipt=nobody")
    assert "It could not be checked" in verdict(page, "away")


@pytest.mark.browser
def test_without_javascript_the_file_is_sent_to_the_site(
    chromium: Browser, town: Any, receipt: str
) -> None:
    context = chromium.new_context(
        base_url=town.url, locale="fr-FR", java_script_enabled=False, viewport=PHONE
    )
    plain = context.new_page()
    plain.goto("/transparency")
    choose(plain, receipt)
    plain.get_by_role("button", name="Vérifier").click()
    assert "Ce récépissé est valable" in plain.locator('[data-check="told"]').inner_text()
    context.close()


PHONE: Any = {"width": 360, "height": 800}

# Every receipt with one character changed, handed to the verifier of the page.
SWEEP = """async (text) => {
  const { checkReceipt, readLogs } = await import("/static/tlog.js");
  const logs = await readLogs(document);
  const bundles = {};
  const asked = window.fetch;
  window.fetch = async (url, how) => (bundles[url] ??= asked(url, how)).then((one) => one.clone());
  const tally = {};
  const count = async (changed) => {
    let kind = "good";
    try { await checkReceipt(changed, logs); }
    catch (error) { kind = error.kind ?? String(error); }
    tally[kind] = (tally[kind] ?? 0) + 1;
  };
  await count(text);
  for (let place = 0; place < text.length; place += 1)
    for (const flip of [1, 2, 32]) {
      const other = String.fromCharCode(text.charCodeAt(place) ^ flip);
      await count(text.slice(0, place) + other + text.slice(place + 1));
    }
  for (let place = 0; place < text.length; place += 1)
    await count(text.slice(0, place) + text.slice(place + 1));
  return JSON.stringify(tally);
}"""


@pytest.mark.browser
def test_no_receipt_with_a_changed_or_missing_character_holds(page: Page, receipt: str) -> None:
    tally = json.loads(page.evaluate(SWEEP, receipt))
    assert tally.pop("good") == 1
    assert set(tally) == {"altered", "foreign", "unreadable"}
    assert sum(tally.values()) == 4 * len(receipt)


def test_the_pages_keys_are_those_that_the_logs_publish(town: Any, stranger: Any) -> None:
    page = stranger.go("/transparency").text.replace("&#43;", "+")
    for service in ("budget", "consultation", "identity", "notifications", "reporting"):
        key = httpx.get(f"{town.url}/tlog/{service}/key", trust_env=False).text.split("\n")[0]
        assert f'data-key="{key}"' in page
        root = httpx.get(f"{town.url}/tlog/{service}/checkpoint", trust_env=False).text
        assert base64.b64decode(root.split("\n")[2])
    assert page.count(">Signed<") == 5
    assert "cahier-audit verify" in page
