"""What `helm test` runs: asks every unit whether it is ready, and reads through the site.

Reading alone: a question leaves nothing in a log that is kept for ever. The answers of the site's
API come from the services, by gRPC, under the site's own address.
"""

import json
import os
import sys
import time
import urllib.request

TRIES = 30
PAUSE_S = 2.0
TIMEOUT_S = 5.0


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        return json.load(answer)


def complaint(url: str) -> str:
    """Why the address does not answer as it should; "" when it does."""
    try:
        body = get(url)
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    if url.endswith("/readyz") and body.get("degraded"):
        return f"{url}: degraded: {body['degraded']}"
    return ""


def main() -> int:
    waiting = os.environ["URLS"].split()
    for _ in range(TRIES):
        complaints = [text for text in map(complaint, waiting) if text]
        if not complaints:
            sys.stdout.write(f"{len(waiting)} addresses answer\n")
            return 0
        time.sleep(PAUSE_S)
    sys.stderr.write("\n".join(complaints) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
