"""Reads the event feed page by page over one connection, and prints a Markdown table. Usage: feed.py URL"""

import http.client
import re
import sys
import time
import urllib.parse

connection = http.client.HTTPConnection(urllib.parse.urlsplit(sys.argv[1]).netloc)
events, size, took, path = 0, 0, 0, "/events?limit=1000"
while True:
    begun = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    took += time.perf_counter() - begun
    assert answer.status == 200, body
    if body == b"[]":
        break
    # The time of the client for a page does not count.
    positions = [int(position) for position in re.findall(rb'"sequence":"(\d+)"', body)]
    assert positions == list(range(events + 1, events + 1 + len(positions))), f"a gap after {events}"
    events += len(positions)
    size += len(body) / 2**20
    path = re.search(r'<([^>]+)>; rel="next"', answer.headers["Link"])[1]

assert events == 300_000, events
print("| one reader of | events | MiB | events/s | MiB/s |\n|---|--:|--:|--:|--:|")
print(f"| `GET /events?limit=1000` | {events:,} | {size:.1f} | {events / took:,.0f} | {size / took:.1f} |")
