"""Counts events by type, from RabbitMQ: rabbitmq.py AMQP_URL DATABASE"""

import sqlite3
import sys
import time

import pika

url, path = sys.argv[1:]
database = sqlite3.connect(path, isolation_level=None)
database.execute("create table if not exists tally (type text primary key, events integer not null)")
database.execute("create table if not exists seen (id text primary key) without rowid")


def count(channel, method, properties, body):
    database.execute("begin immediate")
    # An event that is delivered again has the same id. The id and the result change together, or not at all.
    if database.execute("insert or ignore into seen values (?)", (properties.message_id,)).rowcount:
        database.execute(
            "insert into tally values (?, 1) on conflict (type) do update set events = events + 1", (properties.type,)
        )
    database.execute("commit")
    # Only now: the broker delivers what was not acknowledged to the next consumer.
    channel.basic_ack(method.delivery_tag)


while True:
    try:
        channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
        channel.exchange_declare("orders.events", "topic", durable=True)
        channel.queue_declare("tally", durable=True)
        channel.queue_bind("tally", "orders.events", routing_key="order.*")
        channel.basic_qos(prefetch_count=100)
        channel.basic_consume("tally", count)
        channel.start_consuming()
    except pika.exceptions.AMQPError:
        time.sleep(1)
