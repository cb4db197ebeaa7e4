"""Reads a list page by page over one connection, and prints a row of a Markdown table: the times of the first, the middle and
the last hundred pages. Usage: pages.py URL FILTER, the filter empty or ending with &."""

import http.client
import json
import statistics
import sys
import time
import urllib.parse

url, query = sys.argv[1:]
connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
seen, took, cursor = 0, [], ""
while cursor is not None:
    begun = time.perf_counter()
    connection.request("GET", f"/orders?{query}limit=200&cursor={cursor}")
    answer = connection.getresponse()
    body = answer.read()
    took.append((time.perf_counter() - begun) * 1000)
    assert answer.status == 200, body
    page = json.loads(body)
    seen += len(page["orders"])
    cursor = page["next_cursor"]

# Fewer if the list is short.
few = min(100, len(took) // 3)
# The last page is rarely full.
full = took[:-1]
middle = len(full) // 2
first, between, last = (
    statistics.median(part) for part in (full[:few], full[middle - few // 2 : middle + few // 2], full[-few:])
)
name = query.rstrip("&") or "no filter"
print(f"| {name}: {seen:,} orders | {len(took):,} | {first:.2f} | {between:.2f} | {last:.2f} | {last / first:.2f} |")
