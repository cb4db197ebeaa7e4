"""Kills the service and its database while clients write, and checks after each kill that no acknowledged write is lost or
doubled and that the event log has no hole. Prints a Markdown table, and exits with 1 if something is wrong.
Usage: kill.py BINARY SCRATCH ROUNDS [COMMAND-THAT-RUNS-POSTGRESQL...]"""

import collections
import random
import sys
import time

from clients import Connection, FeedFollower, Gate, StreamFollower, Unclear, Writer
from system import KINDS, System

WRITERS = 12
# How long writers may need to learn the outcome of their last writes, and followers to read the last events.
PATIENCE = 120

Totals = collections.namedtuple("Totals", "written lost doubled holes")


def wait(until, what):
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            raise SystemExit(f"It takes too long: {what}")
        time.sleep(0.02)


def read(connection, path):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return connection.request("GET", path)
        except Unclear:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Campaign:
    """All rounds on one database."""

    def __init__(self, system):
        self.system, self.gate = system, Gate()
        self.writers = [Writer(system, self.gate) for _ in range(WRITERS)]
        self.followers = [FeedFollower(system), StreamFollower(system)]
        self.connection = Connection(system)
        # So much is already reported.
        self.before = Totals(0, 0, 0, 0)

    def start(self):
        self.system.start()
        for thread in self.writers + self.followers:
            thread.start()

    def round(self, kind):
        """Returns what was written and found wrong, and the time from the kill to the next write."""
        self.gate.open()
        time.sleep(random.uniform(0.3, 1.2))
        killed = time.monotonic()
        self.system.kill(kind)
        # Writes that were sent before the kill may be answered after it.
        wait(lambda: sum(writer.last_written > killed + 0.05 for writer in self.writers) >= WRITERS / 2, "the next writes")
        back = sorted(writer.last_written for writer in self.writers if writer.last_written > killed + 0.05)[0] - killed
        time.sleep(random.uniform(0.1, 0.4))
        if not self.gate.close(PATIENCE):
            raise SystemExit("The outcome of a write stays unclear")
        totals = self.check()
        since = Totals(*(now - then for now, then in zip(totals, self.before)))
        self.before = totals
        return since, back

    def check(self):
        """Compares what the writers know with the orders, the event log and what the followers have read."""
        head = self.head()
        for follower in self.followers:
            wait(lambda: len(follower.events) >= head or follower.wrong, f"{type(follower).__name__} up to {head}")
        events = self.followers[0].events
        holes = sum(len(follower.wrong) for follower in self.followers) + (self.followers[1].events[:head] != events[:head])
        known = {customer: order for writer in self.writers for customer, order in writer.acknowledged.items()}
        versions = collections.defaultdict(list)
        for order_id, version, _ in events:
            versions[order_id].append(version)
        created = sum(kind.startswith("order.created.") for _, _, kind in events)
        lost = doubled = 0
        for order in known.values():
            seen = versions[order["order_id"]]
            lost += order["version"] not in seen
            doubled += len(seen) > order["version"] or len(set(seen)) < len(seen)
            holes += seen != sorted(seen)
        doubled += sum(writer.doubled for writer in self.writers) + max(0, created - len(known))
        return Totals(sum(writer.written for writer in self.writers), lost, doubled, holes)

    def head(self):
        """The position of the last event."""
        after = len(self.followers[0].events)
        while True:
            _, _, page = read(self.connection, f"/events?after={after}&limit=1000")
            if not page:
                return after
            after = int(page[-1]["sequence"])

    def states_that_differ(self):
        """Orders that the service shows in another state than the one that it acknowledged last."""
        differ = 0
        for writer in self.writers:
            for order in writer.acknowledged.values():
                status, _, shown = read(self.connection, f"/orders/{order['order_id']}")
                differ += status != 200 or any(shown[key] != value for key, value in order.items())
        return differ


def main():
    binary, scratch, rounds, *run_postgres = sys.argv[1:]
    system = System(binary, scratch, run_postgres)
    campaign = Campaign(system)
    campaign.start()
    kinds = [KINDS[n % len(KINDS)] for n in range(int(rounds))]
    random.shuffle(kinds)
    found = collections.defaultdict(list)
    for n, kind in enumerate(kinds, 1):
        found[kind].append(campaign.round(kind))
        print(f"round {n} of {rounds}: killed {kind}", file=sys.stderr)
    differ = campaign.states_that_differ()
    wrong = [text for writer in campaign.writers for text in writer.wrong]
    wrong += [text for follower in campaign.followers for text in follower.wrong]
    is_right, report = system.verify()
    system.stop()

    database = "own" if run_postgres else "private"
    for kind in KINDS:
        if found[kind]:
            sums = [sum(column) for column in zip(*(totals for totals, _ in found[kind]))]
            longest = max(back for _, back in found[kind])
            print(f"| {database} | {kind} | {len(found[kind])} | {' | '.join(map(str, sums))} | {longest:.1f} s |")
    total = campaign.before
    if total.lost or total.doubled or total.holes or differ or wrong or not is_right:
        print(f"{total}; orders in another state: {differ}; verify: {report}", *wrong[:5], sep="\n", file=sys.stderr)
        sys.exit(1)


main()
