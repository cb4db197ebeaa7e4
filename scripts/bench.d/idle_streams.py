"""Opens a thousand event streams and prints a Markdown table of the memory that the service needs for them.
Usage: idle_streams.py URL PID"""

import http.client
import re
import selectors
import socket
import sys
import urllib.parse

COUNT = 1000
url, pid = sys.argv[1:]
address = urllib.parse.urlsplit(url)


def resident():
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])


def until_each_has(times, what):
    missing = {stream for stream in got if got[stream].count(what) < times}
    while missing:
        ready = selector.select(timeout=20)
        assert ready, f"{len(missing)} streams do not get {what}"
        for key, _ in ready:
            more = key.fileobj.recv(65536)
            assert more, "a stream ended"
            got[key.fileobj] += more
            if got[key.fileobj].count(what) >= times:
                missing.discard(key.fileobj)


def row(when):
    memory = resident()
    print(f"| {when} | {memory / 1024:.1f} | {(memory - before) / COUNT:.1f} |")


selector, got = selectors.DefaultSelector(), {}
before = resident()
print("| 1,000 idle streams | resident MiB | KiB for each stream |\n|---|--:|--:|")
print(f"| before they are opened | {before / 1024:.1f} | |")
for _ in range(COUNT):
    stream = socket.create_connection((address.hostname, address.port))
    stream.sendall(f"GET /events/stream HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    selector.register(stream, selectors.EVENT_READ)
    got[stream] = b""
# The first block of a stream has one already.
until_each_has(2, b": still there\n")
row("after a heartbeat on each")

connection = http.client.HTTPConnection(address.netloc)
connection.request("POST", "/orders", '{"customer_id":"bench-1"}', {"Content-Type": "application/json"})
answer = connection.getresponse()
assert answer.status == 201, answer.read()
until_each_has(1, b"\nevent: order.created.v1\n")
row("after an event on each")
