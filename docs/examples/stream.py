"""Counts events by type, from the stream: stream.py URL DATABASE"""

import json
import sqlite3
import sys
import time
import urllib.error
import urllib.request

url, path = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute("create table if not exists tally (type text primary key, events integer not null)")
database.execute("create table if not exists cursor (id integer primary key check (id = 1), sequence integer not null)")
database.execute("insert or ignore into cursor values (1, 0)")


def blocks(stream):
    """Yields the fields of each block of server-sent events."""
    fields = {}
    for line in stream:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


while True:
    [after] = database.execute("select sequence from cursor").fetchone()
    try:
        # The service is silent for 15 seconds at most.
        with urllib.request.urlopen(f"{url}/events/stream?after={after}", timeout=60) as stream:
            for fields in blocks(stream):
                if "id" not in fields:
                    continue
                database.execute("begin immediate")
                # A block without data says how far the event log was read.
                if "data" in fields:
                    event = json.loads(fields["data"])
                    database.execute(
                        "insert into tally values (?, 1) on conflict (type) do update set events = events + 1",
                        (event["type"],),
                    )
                database.execute("update cursor set sequence = ?", (int(fields["id"]),))
                database.execute("commit")
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        if getattr(error, "code", 503) not in (429, 503):
            raise
    time.sleep(1)
