"""The service and its PostgreSQL, as processes that are killed and started again."""

import os
import pathlib
import random
import re
import signal
import subprocess
import time

# A start recovers the database first.
START_SECONDS = 60


class System:
    """The service on its private PostgreSQL, or on a database of its own, which `run_postgres` runs."""

    def __init__(self, binary, scratch, run_postgres):
        self.binary, self.scratch, self.run_postgres = binary, pathlib.Path(scratch), run_postgres
        self.data = self.scratch / ("data" if run_postgres else "private/postgres/cluster")
        self.url = self.service = self.postgres = None

    def start(self):
        if self.run_postgres:
            self.start_postgres()
        self.start_service()

    def start_postgres(self):
        # Its own group: a signal for this script must not reach it.
        self.postgres = subprocess.Popen(self.run_postgres, start_new_session=True)
        is_ready = ["pg_isready", "--quiet", f"--host={self.scratch}/run"]
        wait_until(lambda: subprocess.run(is_ready, check=False).returncode == 0, "PostgreSQL is ready")

    def start_service(self):
        environment = {"PATH": os.environ["PATH"], "ORDERS_BIND": "127.0.0.1:0"}
        if self.run_postgres:
            environment["DATABASE_URL"] = f"postgres://postgres@localhost/orders?host={self.scratch}/run"
        else:
            environment["ORDERS_DATA_DIR"] = str(self.scratch / "private")
        log = self.scratch / "log"
        with open(log, "wb") as output:
            self.service = subprocess.Popen([self.binary], env=environment, stdout=output, stderr=output)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.service.poll() is None:
            if ready := re.search(r"ready for requests on (http:\S+)", log.read_text(errors="replace")):
                self.url = ready[1]
                return
            time.sleep(0.02)
        raise SystemExit(f"The service did not start: {log.read_text(errors='replace')[-2000:]}")

    def stop(self):
        self.service.terminate()
        self.service.wait()
        if self.postgres:
            os.kill(self.postmaster(), signal.SIGINT)
            self.postgres.wait()

    def verify(self):
        """What `orders verify` reports, and whether it found nothing wrong."""
        options = (
            ["--database-url", f"postgres://postgres@localhost/orders?host={self.scratch}/run"]
            if self.run_postgres
            else ["--data-dir", str(self.scratch / "private")]
        )
        ended = subprocess.run([self.binary, "verify", *options], capture_output=True, text=True, check=False)
        return ended.returncode == 0, ended.stdout + ended.stderr

    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().splitlines()[0])

    def kill(self, what):
        """Sends SIGKILL, and starts again what nobody else does."""
        postmaster = self.postmaster()
        servers = [postmaster, *descendants(postmaster)]
        sessions = [pid for pid in servers if is_session(pid)]
        pids = {
            "the service": [self.service.pid],
            "the postmaster": [postmaster],
            "a session of PostgreSQL": random.sample(sessions, min(1, len(sessions))),
            "the service and the postmaster": [self.service.pid, postmaster],
            "every process": [self.service.pid, *descendants(self.service.pid), *servers],
        }[what]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.postgres and postmaster in pids:
            self.postgres.wait()
            # The other ones notice it, and end.
            wait_until(lambda: not any(map(is_alive, servers)), "the processes of PostgreSQL end")
            self.start_postgres()
        if self.service.pid in pids:
            self.service.wait()
            self.start_service()


KINDS = (
    "the service",
    "the postmaster",
    "a session of PostgreSQL",
    "the service and the postmaster",
    "every process",
)


def wait_until(happened, what):
    until = time.monotonic() + START_SECONDS
    while not happened():
        if time.monotonic() > until:
            raise SystemExit(f"It takes too long: {what}")
        time.sleep(0.01)


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def descendants(pid):
    children = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += map(int, task.read_text().split())
        except OSError:
            pass
    return [each for child in children for each in (child, *descendants(child))]


def is_session(pid):
    """PostgreSQL names the processes of its sessions after the user and the database."""
    try:
        name = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
    return re.match(r"postgres: \S+ orders ", name) is not None
