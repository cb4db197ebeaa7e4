"""Counts events by type, from the feed: feed.py URL DATABASE"""

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

while True:
    [after] = database.execute("select sequence from cursor").fetchone()
    try:
        with urllib.request.urlopen(f"{url}/events?after={after}&limit=100&wait=30", timeout=60) as page:
            events = json.load(page)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        if getattr(error, "code", 503) not in (429, 503):
            raise
        time.sleep(1)
        continue
    if not events:
        continue
    # The result and the place in the event log change together, or not at all.
    database.execute("begin immediate")
    for event in events:
        database.execute(
            "insert into tally values (?, 1) on conflict (type) do update set events = events + 1", (event["type"],)
        )
    database.execute("update cursor set sequence = ?", (int(events[-1]["sequence"]),))
    database.execute("commit")
