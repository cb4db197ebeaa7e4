"""Writes orders at a rate, and prints how long each event takes to a consumer of RabbitMQ."""

import datetime
import http.client
import sys
import threading
import time
import urllib.parse

import pika

amqp, url, rate, seconds = sys.argv[1], urllib.parse.urlparse(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
channel = pika.BlockingConnection(pika.URLParameters(amqp)).channel()
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "orders.events", routing_key="#")
WRITERS = 8


def write(n):
    """An order without items is one event."""
    connection = http.client.HTTPConnection(url.hostname, url.port)
    begun = time.monotonic()
    for sent in range(rate * seconds // WRITERS):
        time.sleep(max(0, begun + sent * WRITERS / rate - time.monotonic()))
        connection.request("POST", "/orders", b'{"customer_id":"c"}', {"Content-Type": "application/json"})
        connection.getresponse().read()


writers = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(WRITERS)]
begun = time.monotonic()
for writer in writers:
    writer.start()
delays = []
total = rate * seconds // WRITERS * WRITERS
for method, properties, body in channel.consume(queue, auto_ack=True, inactivity_timeout=10):
    if method is None:
        break
    happened = datetime.datetime.fromisoformat(properties.headers["cloudEvents_time"].replace("Z", "+00:00"))
    delays.append((time.time() - happened.timestamp()) * 1000)
    if len(delays) == total:
        break
elapsed = time.monotonic() - begun
delays.sort()
at = lambda share: delays[min(len(delays) - 1, int(share * len(delays)))]
print(f"| {len(delays) / elapsed:.0f} | {at(0.5):.1f} | {at(0.99):.1f} | {delays[-1]:.1f} |")
