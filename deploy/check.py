"""The checks of scripts/check-deploy that no other tool does.

check.py files           compares the dashboard, the alerts, docker-compose.yml and the Dockerfile with each other and the project
check.py queries         prints the queries of the dashboard as recording rules, for promtool
check.py metrics         compares /metrics, on standard input, with METRICS
check.py build FOLDER    runs the steps of the Dockerfile below an empty folder, and prints the path of the binary
"""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

# The metrics of the service, with type and labels.
METRICS = {
    "orders_build_info": ("gauge", {"version", "commit"}),
    "orders_http_requests_total": ("counter", {"route", "method", "status"}),
    "orders_http_request_duration_seconds": ("histogram", {"route", "method"}),
    "orders_http_requests_in_flight": ("gauge", set()),
    "orders_db_connections": ("gauge", {"pool", "state"}),
    "orders_db_connections_max": ("gauge", {"pool"}),
    "orders_commits_total": ("counter", set()),
    "orders_commit_batch_size": ("histogram", set()),
    "orders_commit_wait_seconds": ("histogram", set()),
    "orders_conflicts_total": ("counter", set()),
    "orders_retries_total": ("counter", set()),
    "orders_idempotent_replays_total": ("counter", set()),
    "orders_events_written_total": ("counter", {"type"}),
    "orders_log_position": ("gauge", set()),
    "orders_sink_position": ("gauge", {"sink"}),
    "orders_sink_lag_events": ("gauge", {"sink"}),
    "orders_sink_lag_seconds": ("gauge", {"sink"}),
    "orders_sink_held": ("gauge", {"sink"}),
    "orders_sink_paused": ("gauge", {"sink"}),
    "orders_sink_failing": ("gauge", {"sink"}),
    "orders_sink_deliveries_total": ("counter", {"sink"}),
    "orders_sink_repeats_total": ("counter", {"sink"}),
    "orders_sink_errors_total": ("counter", {"sink"}),
    "orders_amqp_unroutable_events_total": ("counter", set()),
    "orders_event_streams": ("gauge", set()),
    "orders_tenant_mismatches_total": ("counter", set()),
    "orders_jwks_age_seconds": ("gauge", set()),
    "orders_rate_limit_instances": ("gauge", set()),
    "orders_pricing_requests_total": ("counter", {"outcome"}),
    "orders_pricing_breaker_state": ("gauge", {"state"}),
    "orders_ready": ("gauge", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_cpu_seconds_total": ("counter", set()),
    "process_open_fds": ("gauge", set()),
    "process_max_fds": ("gauge", set()),
    "process_start_time_seconds": ("gauge", set()),
}
# Absent without a pricing service, without PostgreSQL, and without RabbitMQ.
OPTIONAL = ("orders_pricing_", "orders_db_", "orders_amqp_")
# The series that Prometheus adds itself, and the labels that it adds to all series.
SERIES_OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
LABELS_OF_PROMETHEUS = {"job", "instance"}

DASHBOARD = "deploy/grafana/dashboards/orders.json"
problems = []


def expect(condition, problem):
    if not condition:
        problems.append(problem)


def read(path):
    return Path(path).read_text(encoding="utf-8")


def known_series():
    series = dict(SERIES_OF_PROMETHEUS)
    for name, (kind, labels) in METRICS.items():
        if kind == "histogram":
            series |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            series[name] = labels
    return series


def check_names(where, query):
    """Checks that the series and labels of a query exist. promtool checks the syntax."""
    series = known_series()
    labels_there = LABELS_OF_PROMETHEUS.union(*series.values())
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', query)
    grouping = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"
    for label in ",".join(re.findall(grouping, text)).replace(",", " ").split():
        expect(label in labels_there, f"{where}: no metric has the label {label}")
    text = re.sub(r"\[[^]]*\]", " ", re.sub(grouping, " ", text))
    for name, matchers in re.findall(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()\s*(\{[^}]*\})?", text):
        if name in ("and", "or", "unless", "bool", "offset"):
            continue
        expect(name in series, f"{where}: there is no metric {name}")
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            expect(label in series.get(name, set()) | LABELS_OF_PROMETHEUS, f"{where}: {name} has no label {label}")


def slug(heading):
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_alerts():
    rules = [rule for group in yaml.safe_load(read("deploy/prometheus/alerts.yml"))["groups"] for rule in group["rules"]]
    headings = {slug(line.lstrip("#")) for line in read("docs/OPERATIONS.md").splitlines() if line.startswith("#")}
    labels_there = LABELS_OF_PROMETHEUS.union(*known_series().values())
    fires, stays_quiet = set(), set()
    for test in yaml.safe_load(read("deploy/prometheus/alerts_test.yml"))["tests"]:
        for ask in test["promql_expr_test"]:
            name = re.search(r'alertname="(\w+)"', ask["expr"]).group(1)
            (fires if ask["exp_samples"] else stays_quiet).add(name)
    for rule in rules:
        name, annotations = rule["alert"], rule["annotations"]
        check_names(name, rule["expr"])
        expect(rule["labels"].get("severity") in ("critical", "warning"), f"{name}: no severity")
        expect({"summary", "description", "runbook"} == set(annotations), f"{name}: needs a summary, a description and a runbook")
        for label in re.findall(r"\$labels\.(\w+)", " ".join(annotations.values())):
            expect(label in labels_there, f"{name}: no metric has the label {label}")
        path, _, anchor = annotations["runbook"].partition("#")
        expect(path == "docs/OPERATIONS.md" and anchor in headings, f"{name}: no heading for {annotations['runbook']}")
        expect(name in fires, f"{name}: no test in which it fires")
        expect(name in stays_quiet, f"{name}: no test in which it does not fire")


def queries(dashboard):
    for annotation in dashboard["annotations"]["list"]:
        yield f"annotation {annotation['name']}", annotation["expr"]
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]


def without_variables(query):
    return re.sub(r"\$(\w+)", lambda name: "5m" if name[1].startswith("__") else name[1], query)


def check_dashboard():
    dashboard = json.loads(read(DASHBOARD))
    # Fields that an export from Grafana leaves behind.
    for leftover in ("id", "__inputs", "__requires", "gnetId"):
        expect(leftover not in dashboard, f"dashboard: remove the field {leftover}")
    variables = {variable["name"] for variable in dashboard["templating"]["list"]} | {"__rate_interval", "__range"}
    for name in re.findall(r"\$\{?(\w+)", json.dumps(dashboard)):
        expect(name in variables | {"__all"}, f"dashboard: there is no variable {name}")
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
            check_names(f"variable {variable['name']}", f"{asked[1]}{{{asked[2]}=\"\"}}")
    for where, query in queries(dashboard):
        check_names(where, without_variables(query))

    ids, taken = set(), {}
    for panel in dashboard["panels"]:
        where = f"panel {panel['title']}"
        expect(panel["id"] not in ids, f"{where}: another panel has the same id")
        ids.add(panel["id"])
        place = panel["gridPos"]
        expect(place["x"] + place["w"] <= 24, f"{where}: too wide")
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])):
            expect(taken.setdefault(cell, where) == where, f"{where}: overlaps {taken[cell]}")
        if panel["type"] == "row":
            continue
        expect(panel.get("description"), f"{where}: no description")
        expect(panel["fieldConfig"]["defaults"].get("unit"), f"{where}: no unit")
        expect(panel["targets"], f"{where}: no query")
        for asked in [panel, *panel["targets"]]:
            expect(asked["datasource"]["uid"] == "${datasource}", f"{where}: ignores the data source of the dashboard")


def check_compose():
    compose = yaml.safe_load(read("docker-compose.yml"))
    services = compose["services"]
    mounts = set()
    for name, service in services.items():
        for other in service.get("depends_on", []):
            expect(other in services, f"{name}: depends on {other}, which does not exist")
        for port in service.get("ports", []):
            # The passwords have defaults, and the service authenticates nobody.
            expect(str(port).startswith("127.0.0.1:"), f"{name}: publishes {port} to the network")
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            mounts.add(target)
            there = Path(source).exists() if source.startswith(".") else source in compose["volumes"]
            expect(there, f"{name}: there is no {source}")
    for provider in yaml.safe_load(read("deploy/grafana/provisioning/dashboards/orders.yml"))["providers"]:
        expect(provider["options"]["path"] in mounts, "Grafana: no volume is mounted where it looks for dashboards")
    for source in yaml.safe_load(read("deploy/grafana/provisioning/datasources/prometheus.yml"))["datasources"]:
        expect(re.search(r"//([^:/]+)", source["url"])[1] in services, f"Grafana: there is no {source['url']}")
    for job in yaml.safe_load(read("deploy/prometheus/prometheus.yml"))["scrape_configs"]:
        for target in (target for config in job["static_configs"] for target in config["targets"]):
            expect(target.split(":")[0] in services, f"Prometheus: there is no {target}")


def instructions():
    """Yields the instructions of the Dockerfile as (name, rest of the line)."""
    lines = [line for line in read("Dockerfile").splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, rest = line.split(None, 1)
        yield name, rest


def copy(rest):
    """Splits a COPY into the stage to copy from, if any, the sources and the destination."""
    words = rest.split()
    flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, destination = (word for word in words if not word.startswith("--"))
    return flags.get("from"), sources, destination


def context():
    """Lists the files that .dockerignore includes in the build context."""
    patterns = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]

    def is_in(path):
        found = True
        for pattern in patterns:
            ways = (path, *path.parents)
            if any(fnmatch.fnmatch(str(way), pattern.lstrip("!")) for way in ways if way != Path(".")):
                found = pattern.startswith("!")
        return found

    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True, text=True)
    paths = (Path(name) for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.exists() and is_in(path)]


def check_dockerfile():
    files = context()
    wanted = []
    stages = set()
    for name, rest in instructions():
        if name == "FROM":
            stages.update(re.findall(r"(?i)\bas (\w+)", rest))
        elif name == "COPY":
            stage, sources, _ = copy(rest)
            expect(stage is None or stage in stages, f"Dockerfile: there is no stage {stage}")
            wanted += [] if stage else [Path(source) for source in sources]
    for source in wanted:
        expect(any(source in (file, *file.parents) for file in files), f"Dockerfile: {source} does not exist, or .dockerignore excludes it")
    for file in files:
        expect(any(source in (file, *file.parents) for source in wanted), f".dockerignore includes {file}, which the Dockerfile does not copy")


def metrics(text):
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    for name, (kind, _) in METRICS.items():
        optional = name.startswith(OPTIONAL)
        expect(name in kinds or optional, f"/metrics has no {name}")
        expect(kinds.get(name, kind) == kind, f"/metrics: {name} is a {kinds.get(name)}, not a {kind}")
    series = known_series()
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.M):
        expect(name in series, f"/metrics has {name}, which deploy/check.py does not list")
        found = set(re.findall(r'(?:^|,)(\w+)="', labels))
        expect(found == series.get(name, found), f"/metrics: {name} has the labels {sorted(found)}")


def build(folder):
    """Runs each stage in a folder in place of its root file system, and each RUN in a shell in its working directory."""
    commit = "check-deploy"
    folder = Path(folder).resolve()
    files = context()
    roots = {}
    for name, rest in instructions():
        if name == "FROM":
            stage = (re.findall(r"(?i)\bas (\w+)", rest) or ["runtime"])[0]
            roots[stage] = root = folder / stage
            root.mkdir()
            here, variables = Path("/"), {}
        elif name == "WORKDIR":
            here = here / rest
            (root / here.relative_to("/")).mkdir(parents=True)
        elif name == "ENV":
            variables |= dict(pair.split("=", 1) for pair in rest.split())
        elif name == "ARG":
            variables |= {rest.split("=")[0]: commit}
        elif name == "COPY":
            origin, sources, destination = copy(rest)
            target = root / (here / destination).relative_to("/")
            for source in sources:
                copy_one(source, origin and roots[origin], files, target, destination.endswith("/"))
        elif name == "RUN":
            # It would be a path of this machine.
            if re.search(r"(?<![\w.)])/\w", rest):
                sys.exit(f"Dockerfile: RUN must not use absolute paths: {rest}")
            kept = {name: os.environ[name] for name in ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME") if name in os.environ}
            print(f"RUN {rest}", file=sys.stderr, flush=True)
            subprocess.run(["sh", "-c", rest], check=True, cwd=root / here.relative_to("/"), env=kept | variables, stdout=sys.stderr)
        elif name == "ENTRYPOINT":
            binary = root / json.loads(rest)[0].lstrip("/")
    page = root / variables["ORDERS_STATIC_DIR"].lstrip("/") / "index.html"
    if not page.exists():
        sys.exit(f"Dockerfile: {page} does not exist")
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True, env={}).stdout.strip()
    if commit not in version:
        sys.exit(f"the version of the binary does not contain its commit: {version}")
    print(binary)


def copy_one(source, origin, files, target, into):
    """Copies with modification times, as COPY does: cargo depends on them."""
    if origin:
        path = origin / source.lstrip("/")
        if not path.exists():
            print(f"{source} is part of the base image: using the one of this machine", file=sys.stderr)
            path = Path(source)
        place = target / path.name if into else target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
        return
    for file in files:
        if Path(source) in (file, *file.parents):
            place = target / (file.relative_to(source) if file != Path(source) else file.name if into or target.is_dir() else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, place)


def main(command, *arguments):
    if command == "files":
        check_alerts()
        check_dashboard()
        check_compose()
        check_dockerfile()
    elif command == "queries":
        rules = [
            {"record": f"query:{number}", "expr": without_variables(query)}
            for number, (_, query) in enumerate(queries(json.loads(read(DASHBOARD))))
        ]
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
    elif command == "metrics":
        metrics(sys.stdin.read())
    elif command == "build":
        build(*arguments)
    else:
        sys.exit(__doc__)
    if problems:
        sys.exit("\n".join(dict.fromkeys(problems)))


main(*sys.argv[1:])
