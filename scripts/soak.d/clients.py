"""Clients that write and follow without an end, through every failure, and what they know for certain."""

import http.client
import json
import random
import threading
import time
import urllib.parse
import uuid

SKUS = ("LAPTOP123", "MOUSE456", "KEYBOARD789", "MONITOR147")
# Longer than the deadline of a statement of the service.
TIMEOUT = 15


class Unclear(Exception):
    """No answer, or one that says nothing about the outcome."""


class Connection:
    """A connection to the service, wherever it listens now."""

    def __init__(self, system):
        self.system, self.connection, self.url = system, None, None

    def request(self, method, path, body=None, **headers):
        """The status, the headers and the JSON body."""
        try:
            if self.connection is None or self.url != self.system.url:
                self.close()
                self.url = self.system.url
                address = urllib.parse.urlsplit(self.url)
                self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT)
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            if body is not None:
                headers["Content-Type"] = "application/json"
            self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unclear(repr(error)) from error
        if response.status >= 500:
            raise Unclear(f"{response.status} {text[:200]}")
        return response.status, response.headers, json.loads(text) if text else None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Writer(threading.Thread):
    """Creates orders and changes them. Repeats a write until its outcome is clear."""

    def __init__(self, system, gate):
        super().__init__(daemon=True)
        self.system, self.gate, self.connection = system, gate, Connection(system)
        # By customer, who is new for each order: what the service has acknowledged.
        self.acknowledged = {}
        self.written = self.doubled = 0
        self.wrong = []
        self.last_written = 0.0

    def run(self):
        while self.gate.enter():
            try:
                self.live()
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(repr(error))
            finally:
                self.gate.leave()

    def write(self, method, path, body=None, **headers):
        """The status and the order. The second value says whether the write had to be repeated."""
        repeated = False
        while True:
            try:
                status, _, answer = self.connection.request(method, path, body, **headers)
            except Unclear:
                repeated = True
                time.sleep(0.02)
                continue
            self.last_written = time.monotonic()
            return status, answer, repeated

    def live(self):
        customer = f"soak-{uuid.uuid4()}"
        items = [item() for _ in range(random.randint(1, 3))]
        status, order, _ = self.write(
            "POST", "/orders", {"customer_id": customer, "items": items}, Idempotency_Key=str(uuid.uuid4())
        )
        self.acknowledge(status == 201, customer, order)
        path = f"/orders/{order['order_id']}"
        for _ in range(random.randint(0, 3)):
            status, order, _ = self.write("POST", f"{path}/items", item(), Idempotency_Key=str(uuid.uuid4()))
            self.acknowledge(status == 201, customer, order)
        for action in random.choice((("place",), ("place", "fulfil"), ("cancel",))):
            version = order["version"]
            status, answer, repeated = self.write("POST", f"{path}/{action}", If_Match=f'"{version}"')
            if status == 412 and repeated:
                # The first attempt has changed the order: this one is not the only one.
                _, answer, _ = self.write("GET", path)
                self.doubled += answer["version"] != version + 1
            else:
                self.expect(status == 200, action, status, answer)
            order = answer
            self.acknowledge(True, customer, order)

    def acknowledge(self, is_right, customer, order):
        self.expect(is_right, order)
        self.written += 1
        before = self.acknowledged.get(customer)
        # Each write adds one version.
        self.doubled += before is not None and order["version"] > before["version"] + 1
        self.acknowledged[customer] = {key: order[key] for key in ("order_id", "version", "status", "items_count")}

    def expect(self, is_right, *what):
        if not is_right:
            raise AssertionError(what)


def item():
    return {"sku": random.choice(SKUS), "quantity": random.randint(1, 9)}


class Follower(threading.Thread):
    """Follows the event log from its beginning, and goes on at its last position after every failure."""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.system = system
        self.events, self.wrong = [], []

    def run(self):
        while True:
            try:
                self.follow()
            except Unclear:
                time.sleep(0.02)
            except Exception as error:  # pylint: disable=broad-except
                self.wrong.append(repr(error))
                return

    def take(self, event):
        if int(event["sequence"]) != len(self.events) + 1:
            raise AssertionError(f"{type(self).__name__}: position {event['sequence']} after {len(self.events)}")
        self.events.append((event["subject"], event["orderversion"], event["type"]))

    def follow(self):
        raise NotImplementedError


class FeedFollower(Follower):
    """Reads pages, and waits for more."""

    def follow(self):
        connection = Connection(self.system)
        while True:
            _, _, page = connection.request("GET", f"/events?after={len(self.events)}&limit=1000&wait=5")
            for event in page:
                self.take(event)


class StreamFollower(Follower):
    """Reads the stream (Server-Sent Events)."""

    def follow(self):
        address = urllib.parse.urlsplit(self.system.url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        try:
            connection.request("GET", "/events/stream", headers={"Last-Event-ID": str(len(self.events))})
            response = connection.getresponse()
            if response.status != 200:
                raise Unclear(response.status)
            for line in response:
                if line.startswith(b"data:"):
                    self.take(json.loads(line[5:]))
            raise Unclear("the stream has ended")
        except (OSError, http.client.HTTPException) as error:
            raise Unclear(repr(error)) from error
        finally:
            connection.close()


class Gate:
    """Writers pass it while it is open."""

    def __init__(self):
        self.changed, self.is_open, self.inside, self.is_over = threading.Condition(), False, 0, False

    def enter(self):
        with self.changed:
            self.changed.wait_for(lambda: self.is_open or self.is_over)
            self.inside += not self.is_over
            return not self.is_over

    def leave(self):
        with self.changed:
            self.inside -= 1
            self.changed.notify_all()

    def open(self):
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def close(self, timeout):
        """Waits until nobody is inside."""
        with self.changed:
            self.is_open = False
            return self.changed.wait_for(lambda: self.inside == 0, timeout)
