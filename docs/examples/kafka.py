"""Counts events by type, from Kafka: kafka.py BROKERS DATABASE"""

import sqlite3
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

brokers, path = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute("create table if not exists tally (type text primary key, events integer not null)")
database.execute("create table if not exists seen (id text primary key) without rowid")
database.execute("create table if not exists cursor (partition integer primary key, next integer not null)")

consumer = Consumer({"bootstrap.servers": brokers, "group.id": "tally", "enable.auto.commit": False})
partitions = consumer.list_topics("orders.events", timeout=30).topics["orders.events"].partitions
places = dict(database.execute("select partition, next from cursor"))
consumer.assign([TopicPartition("orders.events", n, places.get(n, OFFSET_BEGINNING)) for n in partitions])

while True:
    record = consumer.poll(1.0)
    # An error is a broker that is away: the client connects again.
    if record is None or record.error():
        continue
    headers = {name: value.decode() for name, value in record.headers()}
    # The result, the id and the place in the partition change together, or not at all.
    database.execute("begin immediate")
    # The service may produce an event again after a failure. It has the same id.
    if database.execute("insert or ignore into seen values (?)", (headers["ce_id"],)).rowcount:
        database.execute(
            "insert into tally values (?, 1) on conflict (type) do update set events = events + 1",
            (headers["ce_type"],),
        )
    database.execute("insert or replace into cursor values (?, ?)", (record.partition(), record.offset() + 1))
    database.execute("commit")
