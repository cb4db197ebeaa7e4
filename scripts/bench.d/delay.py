"""Writes orders at a steady rate, reads the event stream in another process, and prints two rows of a Markdown table: the delay
from a write to its event. Usage: delay.py NAME WRITER-URL STREAM-URL RATE SECONDS"""

import asyncio
import http.client
import json
import multiprocessing
import sys
import time
import urllib.parse

# Both processes read the same clock.
now = time.monotonic


def follow(address, count, pipe):
    """Reads the first `count` events, and sends the time of arrival for each order. It parses the events only after the last one."""
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.request("GET", "/events/stream")
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    # The first block has the position after which no event is missing.
    while not answer.readline().startswith(b"id: "):
        pass
    pipe.send("opened")
    lines = []
    while len(lines) < count:
        line = answer.readline()
        assert line, f"the stream ended after {len(lines)} events"
        if line.startswith(b"data: "):
            lines.append((now(), line))
    events = [(at, json.loads(line[6:])) for at, line in lines]
    positions = [int(event["sequence"]) for _, event in events]
    assert positions == list(range(positions[0], positions[0] + count)), "a gap in the positions"
    pipe.send({event["subject"]: at for at, event in events})


async def write(address, rate, count):
    """Sends at fixed times, whether or not responses arrive. Returns for each order the times of the request and the response."""
    host, port = address.split(":")
    idle, tasks, written = [], [], {}

    async def create(number):
        reader, writer = idle.pop() if idle else await asyncio.open_connection(host, port)
        body = b'{"customer_id":"bench-%d"}' % number
        head = b"POST /orders HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        sent = now()
        writer.write(head % (address.encode(), len(body)) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        answered = now()
        assert head.startswith(b"http/1.1 201 "), head
        body = await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
        idle.append((reader, writer))
        written[json.loads(body)["order_id"]] = sent, answered

    begun = now()
    for number in range(count):
        await asyncio.sleep(begun + number / rate - now())
        tasks.append(asyncio.create_task(create(number)))
    seconds = now() - begun
    await asyncio.gather(*tasks)
    return written, count / seconds


def milliseconds(delays):
    delays = sorted(max(0, delay) * 1000 for delay in delays)
    return " | ".join(f"{delays[at]:.1f}" for at in (len(delays) // 2, len(delays) * 99 // 100, -1))


def main():
    name, writer, stream, rate, seconds = sys.argv[1:]
    count = int(rate) * int(seconds)
    pipe, theirs = multiprocessing.Pipe()
    address = urllib.parse.urlsplit(stream).netloc
    follower = multiprocessing.Process(target=follow, args=(address, count, theirs), daemon=True)
    follower.start()
    # Otherwise this process would not notice the end of the follower.
    theirs.close()
    pipe.recv()
    written, rate = asyncio.run(write(urllib.parse.urlsplit(writer).netloc, int(rate), count))
    came = pipe.recv()
    assert came.keys() == written.keys(), "the events are not those of the writes"
    for since, what in enumerate(("the request sent", "the response received")):
        delays = milliseconds(came[order] - written[order][since] for order in came)
        print(f"| {name} | {rate:.0f} | {what} | {delays} |")
    early = sum(came[order] < written[order][1] for order in came)
    print(f"{early * 100 / count:.0f} % of the events arrived before the response", file=sys.stderr)


if __name__ == "__main__":
    main()
