"""Sends mixed traffic, reads the memory of the service every second, and prints a Markdown table. Exits with 1 if there were
unexpected responses, or none. Usage: soak.py URL PID LOG SECONDS"""

import asyncio
import collections
import json
import os
import random
import re
import sys
import time
import urllib.parse
import uuid

CLIENTS, STREAMS = 32, 2
# An order has at most 200 lines.
HOT_LINES = 150
SKUS = ("LAPTOP123", "MOUSE456", "KEYBOARD789", "MONITOR147", "PSU750WGOLD", "SSD512GBNVME")
url, pid, log, seconds = sys.argv[1:]
address = urllib.parse.urlsplit(url)
now = time.monotonic
begun = now()
end = begun + int(seconds)
# No data here grows with the requests, because the driver shares the machine with the service.
statuses, streams, wrong = collections.Counter(), collections.Counter(), collections.Counter()
hot = {"order": None, "lines": 0}


def complain(what, *more):
    wrong[what] += 1
    if wrong[what] <= 3:
        print(what, *more, file=sys.stderr)


class Client:
    """A client with one connection at a time."""

    reader = writer = None

    async def connect(self):
        self.reader, self.writer = await asyncio.open_connection(address.hostname, address.port)

    def close(self):
        if self.writer:
            self.writer.close()
        self.writer = None

    async def send(self, method, path, body=b"", **headers):
        if not self.writer:
            await self.connect()
        headers = {"Host": address.netloc, "Content-Length": len(body), **headers}
        if body:
            headers["Content-Type"] = "application/json"
        lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers), "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        return await self.reader.readuntil(b"\r\n\r\n")

    async def ask(self, expected, method, path, body=b"", **headers):
        """Returns the head and the body of the response, which must have one of the expected statuses."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        head = await self.send(method, path, body, **headers)
        status = int(head[9:12])
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        answer = await self.reader.readexactly(int(length[1])) if length and status != 304 else b""
        statuses[status] += 1
        if status not in expected:
            complain(f"{status} from {method}", path, body, answer)
            # The service would refuse the next steps of this order as well.
            raise Unexpected
        return head, answer


class Unexpected(Exception):
    """An unexpected response, which is reported already."""


def item():
    return {"sku": random.choice(SKUS), "quantity": random.randint(1, 9)}


async def create(client):
    """Creates an order. Sometimes it repeats the request with the same key, or uses the key for another request."""
    key = str(uuid.uuid4())
    order = {"customer_id": f"soak-{random.randrange(1000)}", "items": [item() for _ in range(random.randint(0, 3))]}
    _, answer = await client.ask({201}, "POST", "/orders", order, Idempotency_Key=key)
    if random.random() < 0.1:
        await client.ask({201}, "POST", "/orders", order, Idempotency_Key=key)
    if random.random() < 0.05:
        await client.ask({422}, "POST", "/orders", {"customer_id": "another"}, Idempotency_Key=key)
    return "/orders/" + json.loads(answer)["order_id"]


async def fill(client, order):
    """Adds, changes and removes items."""
    for _ in range(random.randint(1, 5)):
        _, answer = await client.ask({201}, "POST", order + "/items", item(), Idempotency_Key=uuid.uuid4())
    line = f"{order}/items/{json.loads(answer)['items'][-1]['line']}"
    await client.ask({200}, "PATCH", line, {"quantity": random.randint(10, 99)})
    if random.random() < 0.3:
        await client.ask({200}, "DELETE", line)
        await client.ask({201}, "POST", order + "/items", item())


async def look(client, order):
    head, _ = await client.ask({200}, "GET", order)
    tag = re.search(rb'(?i)\r\netag: *("\d+")', head)[1].decode()
    await client.ask({304}, "GET", order, If_None_Match=tag)
    await client.ask({200}, "GET", order + "?as_of=1")
    await client.ask({200}, "GET", order + "/events")


async def finish(client, order):
    end_with = random.choice(("", "cancel", "fulfil"))
    await client.ask({200}, "POST", order + "/place")
    if end_with:
        await client.ask({200}, "POST", f"{order}/{end_with}")
    await client.ask({409}, "POST", order + "/items", item())


async def crowd(client):
    """Adds to the order that all clients add to, until it is full."""
    if not hot["order"] or hot["lines"] >= HOT_LINES:
        # Meanwhile the other clients use the previous order.
        hot["lines"] = 0
        hot["order"] = await create(client)
    hot["lines"] += 1
    # Other clients may have won every race for the order, or filled it.
    await client.ask({201, 409, 422}, "POST", hot["order"] + "/items", item())


async def browse(client):
    what = random.choice(("", "?status=open", "?limit=10&total=true", f"?customer_id=soak-{random.randrange(1000)}"))
    _, answer = await client.ask({200}, "GET", "/orders" + what)
    cursor = json.loads(answer)["next_cursor"]
    if cursor and not what:
        await client.ask({200}, "GET", f"/orders?cursor={urllib.parse.quote(cursor)}")
    await client.ask({200}, "GET", f"/events?after={random.randrange(1000)}&limit=50")


async def err(client, order):
    await random.choice(
        (
            lambda: client.ask({400}, "POST", "/orders", b'{"customer_id":'),
            lambda: client.ask({422}, "POST", order + "/items", {"sku": "MOUSE456", "quantity": 0}),
            lambda: client.ask({422}, "POST", order + "/items", {"sku": "NOSUCHSKU1", "quantity": 1}),
            lambda: client.ask({404}, "GET", f"/orders/{uuid.uuid4()}"),
            lambda: client.ask({412}, "POST", order + "/place", If_Match='"9999"'),
            lambda: client.ask({405}, "DELETE", "/orders"),
        )
    )()


async def live(client):
    """Takes an order from creation to its end, with the other requests of a client in between."""
    order = await create(client)
    await fill(client, order)
    await look(client, order)
    await crowd(client)
    await browse(client)
    if random.random() < 0.5:
        await err(client, order)
    await finish(client, order)
    # Sometimes the next order uses a new connection.
    if random.random() < 0.05:
        client.close()


async def follow(client):
    """Reads the feed page by page, and waits for more."""
    path = "/events?limit=1000&wait=2"
    while now() < end:
        head, _ = await client.ask({200}, "GET", path)
        path = re.search(rb'<([^>]+)>; rel="next"', head)[1].decode()


async def listen(client):
    """Reads a stream for some seconds, from now on or from the beginning of the event log."""
    head = await client.send("GET", "/events/stream" + random.choice(("", "?after=0")))
    if not head.startswith(b"HTTP/1.1 200 "):
        complain("refused stream", head)
    until = min(end, now() + random.uniform(1, 15))
    try:
        while await asyncio.wait_for(client.reader.read(65536), until - now()):
            pass
        # The service may do so if the client reads too slowly.
        streams["ended by the service"] += 1
    except asyncio.TimeoutError:
        streams["ended by the client"] += 1
    client.close()


async def again_and_again(work):
    client = Client()
    while now() < end:
        try:
            await asyncio.wait_for(work(client), max(0, end - now()) + 20)
        except Unexpected:
            pass
        except (OSError, EOFError, asyncio.LimitOverrunError, asyncio.TimeoutError) as error:
            complain(f"no response: {type(error).__name__}", error)
            client.close()
            await asyncio.sleep(0.1)
    client.close()


def kib(key):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(rf"{key}:\s+(\d+) kB", status.read())[1])


async def watch(samples):
    while now() < end:
        samples.append((now() - begun, kib("VmRSS")))
        # The access lines of a whole run would take gigabytes.
        with open(log, "r+", errors="replace") as lines:
            for line in lines:
                if " ERROR " in line:
                    complain("error in the log", line)
            lines.truncate(0)
        await asyncio.sleep(1)


def slope(samples):
    """The slope by least squares, in KiB a minute."""
    middle = sum(at for at, _ in samples) / len(samples)
    mean = sum(size for _, size in samples) / len(samples)
    spread = sum((at - middle) ** 2 for at, _ in samples)
    return 60 * sum((at - middle) * (size - mean) for at, size in samples) / spread


def report(samples):
    warm = [sample for sample in samples if sample[0] >= int(seconds) / 5]
    print("| resident memory of the service | |\n|---|--:|")
    for when, size in (
        ("at the start", samples[0][1]),
        (f"after the warm-up of {warm[0][0]:.0f} s", warm[0][1]),
        ("at the end", samples[-1][1]),
        ("at most", kib("VmHWM")),
    ):
        print(f"| {when} | {size / 1024:.1f} MiB |")
    print(f"| slope after the warm-up | {slope(warm):+.0f} KiB/minute |\n")
    print(f"{sum(statuses.values()):,} requests in {seconds} s by {CLIENTS} clients and one reader of the feed.")
    print("Responses: " + ", ".join(f"{count:,} of {status}" for status, count in sorted(statuses.items())) + ".")
    print("Streams: " + ", ".join(f"{count:,} {how}" for how, count in sorted(streams.items())) + ".")
    for what, count in wrong.items():
        print(f"Unexpected: {count:,} × {what}.")


async def main():
    samples = [(0, kib("VmRSS"))]
    await asyncio.gather(
        watch(samples),
        again_and_again(follow),
        *(again_and_again(live) for _ in range(CLIENTS)),
        *(again_and_again(listen) for _ in range(STREAMS)),
    )
    report(samples)
    sys.exit(bool(wrong))


asyncio.run(main())
