"""While forged notifications pour in, Saleor's webhooks are answered as ever, and nothing is lost.

`make bench-flood` runs `serve` as a process of its own and pours 2,000 forged notifications a second into it (unknown
accounts, made-up payments, and the real trans ids of open payments, over and over). Meanwhile payments are opened,
asked about and paid. It prints how many notifications came through, the genuine webhooks' latencies, and whether each
paid payment reached Saleor; it fails where the 99th percentile is above `LIMIT_S`, or a payment is missing.

Tests count instead of timing: tests/app/test_app_edge.py holds what a forged notification may cost.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from processes_kit import Forkery, Stage, opened

LIMIT_S = 0.5
CONNECTIONS = 200
GENUINE_AT_ONCE = 4
FORGED = 10_000
"""Made beforehand, so that making them takes nothing from the app."""
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FORM = "content-type: application/x-www-form-urlencoded\r\n"
PROCESS = "TRANSACTION_PROCESS_SESSION"
DELIVERED_WITHIN_S = 60.0


@dataclass
class Flood:
    """Forged notifications from one process, at a rate."""

    url: str
    keys: Sequence[str]
    trans_ids: Sequence[str]
    rate: int
    statuses: Counter[str] = field(default_factory=Counter)
    forged: list[bytes] = field(default_factory=list)

    async def pour(self, seconds: float) -> None:
        """Pour for so long, over connections that stay open."""
        each = self.rate / CONNECTIONS
        random = Random(1)
        self.forged = [self._forged(random) for _ in range(FORGED)]
        await asyncio.gather(*(self._pour_one(number, each, seconds) for number in range(CONNECTIONS)))

    async def _pour_one(self, number: int, rate: float, seconds: float) -> None:
        parts, random = urlsplit(self.url), Random(number)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        began_at, sent = time.monotonic(), 0
        while (elapsed := time.monotonic() - began_at) < seconds:
            due = int(elapsed * rate) + 1
            if due <= sent:
                await asyncio.sleep((sent + 1) / rate - elapsed)
                continue
            batch = due - sent
            writer.write(b"".join(random.choices(self.forged, k=batch)))
            for _ in range(batch):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                await reader.readexactly(length)
                self.statuses[head[9:12].decode()] += 1
            sent += batch
        writer.close()

    def _forged(self, random: Random) -> bytes:
        key = random.choice((*self.keys, "".join(random.choices(ALPHABET, k=24))))
        made_up = "0" + "".join(random.choices(ALPHABET, k=25))
        trans_id = random.choice((made_up, made_up, *self.trans_ids[:2]))
        body = f"cpm_trans_id={trans_id}&cpm_result=00&cpm_trans_status=ACCEPTED".encode()
        head = f"POST /cinetpay/notify/{key} HTTP/1.1\r\nhost: app\r\n{FORM}"
        return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Shop:
    """Genuine business meanwhile."""

    stage: Stage
    latencies_s: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    paid: list[str] = field(default_factory=list)

    async def trade(self, until: float) -> None:
        """Open payments, let their buyers pay, and ask how they stand, until then."""
        await asyncio.gather(*(self._trade_one(until) for _ in range(GENUINE_AT_ONCE)))

    async def _trade_one(self, until: float) -> None:
        saleor = self.stage.saleor
        while time.monotonic() < until:
            began_at = time.perf_counter()
            session = await saleor.initialize(saleor.create_checkout())
            self._note(began_at, "redirect" in session.data)
            if session.transaction is None or "redirect" not in session.data:
                continue
            form = session.data["redirect"]
            await self.stage.http.post(form["url"], data=form["fields"])
            trans_id = form["fields"]["cpm_trans_id"]
            settle = f"{self.stage.cinetpay}/_sandbox/payments/{trans_id}/settle"
            await self.stage.http.post(settle, json={"code": "00", "notify": "once"})
            self.paid.append(session.transaction.id)
            began_at = time.perf_counter()
            answer = await saleor.send_webhook(PROCESS, session.transaction)
            self._note(began_at, answer.status == 200 and answer.json["data"]["status"] in {"accepted", "pending"})
            await asyncio.sleep(0.05)

    def _note(self, began_at: float, good: bool) -> None:
        self.latencies_s.append(time.perf_counter() - began_at)
        self.answers["good" if good else "bad"] += 1

    async def missing(self) -> int:
        """Wait for the reports of what was paid, and return how many never came."""
        deadline = time.monotonic() + DELIVERED_WITHIN_S
        while (left := self._uncharged()) and time.monotonic() < deadline:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.2)
        return left

    def _uncharged(self) -> int:
        charged = {t.id for t in self.stage.saleor.transactions if t.charged_amount.amount > 0}
        return len(set(self.paid) - charged)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of all values lies."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


async def _flooded(url: str, seconds: float, rate: int) -> int:
    """Run the flood as a process of its own would, reading what to forge from standard input."""
    known = json.loads(sys.stdin.readline())
    flood = Flood(url, known["keys"], known["trans_ids"], rate)
    await flood.pour(seconds)
    print(json.dumps(flood.statuses))
    return 0


async def _main(seconds: float, rate: int, quiet_s: float) -> int:
    forkery = Forkery()
    try:
        with tempfile.TemporaryDirectory(prefix="bench-flood-") as folder:
            url = f"sqlite:///{folder}/ledger.db"
            settings = {"LOG_LEVEL": "error", "CINETPAY_TIMEOUT_S": "8"}
            async with opened(forkery, Path(folder), url, "serve", **settings) as stage:
                return await _measure(stage, seconds, rate, quiet_s)
    finally:
        forkery.close()


async def _measure(stage: Stage, seconds: float, rate: int, quiet_s: float) -> int:
    calm = Shop(stage)
    await calm.trade(time.monotonic() + quiet_s)
    session = await stage.saleor.initialize(stage.saleor.create_checkout())
    fields = session.data["redirect"]["fields"]
    known = {"keys": [fields["notify_url"].rpartition("/")[2]], "trans_ids": [fields["cpm_trans_id"]]}
    command = [sys.executable, "-m", "bench.flood", "--pour-into", stage.direct, "--seconds", str(seconds)]
    child = await asyncio.create_subprocess_exec(
        *command, "--rate", str(rate), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    shop = Shop(stage)
    poured, _ = await asyncio.gather(
        child.communicate(json.dumps(known).encode() + b"\n"), shop.trade(time.monotonic() + seconds)
    )
    statuses = Counter(json.loads(poured[0]))
    missing = await calm.missing() + await shop.missing()
    came = sum(statuses.values()) / seconds
    print(f"forged notifications: {came:,.0f} a second of {rate:,}; answers {dict(statuses)}")
    for name, what in (("before the flood", calm), ("during it", shop)):
        half, most = (percentile(what.latencies_s, share) * 1000 for share in (0.5, 0.99))
        print(f"genuine webhooks {name}: {len(what.latencies_s)}, median {half:.0f} ms, 99 % within {most:.0f} ms")
    print(f"answers {dict(shop.answers)}; paid {len(calm.paid) + len(shop.paid)}, missing at Saleor {missing}")
    return int(percentile(shop.latencies_s, 0.99) > LIMIT_S or missing > 0 or shop.answers["bad"] > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--quiet", type=float, default=5, help="seconds of business before the flood")
    parser.add_argument("--pour-into", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.pour_into:
        sys.exit(asyncio.run(_flooded(asked.pour_into, asked.seconds, asked.rate)))
    sys.exit(asyncio.run(_main(asked.seconds, asked.rate, asked.quiet)))
