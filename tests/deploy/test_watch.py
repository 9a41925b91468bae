"""What `deploy/watch` asks for exists: alarms and panels that name no metric of ours would never say a word."""

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.world import World
from deploy.rabbitmq.accounts import SERVICES
from tests.support import Scraped, ServiceProcess

ROOT = Path(__file__).resolve().parents[2]
WATCH = ROOT / "deploy" / "watch"
RULES = ("alarms.yml", "broker-alarms.yml")

OF_THE_BROKER = {
    "rabbitmq_detailed_queue_messages",
    "rabbitmq_detailed_queue_messages_ready",
    "rabbitmq_detailed_queue_consumers",
}
"""RabbitMQ's own, as its plugin 3.10.8 printed them at /metrics/detailed."""
OF_PROMETHEUS = {"up"}

_WORDS = {"by", "without", "on", "ignoring", "unless", "and", "or", "offset", "bool", "inf", "nan", "group_left"}
Json = dict[str, Any]


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for: its names, less functions, labels, strings and durations."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\b[a-zA-Z_]\w*\s*(?=\()", " ", bare)  # functions and aggregations
    return set(re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare)) - _WORDS


def rules(name: str) -> list[Json]:
    content = yaml.safe_load((WATCH / name).read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def every_rule() -> list[Json]:
    return [rule for name in RULES for rule in rules(name)]


def dashboard() -> Json:
    content: Json = json.loads((WATCH / "dashboard.json").read_text())
    return content


def panels() -> list[Json]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def asked() -> Iterator[tuple[str, str]]:
    """Where something is asked for, and the expression."""
    for rule in every_rule():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], re.sub(r"label_values\((\w+),.*\)", r"\1", variable["query"]["query"])


@pytest.fixture(scope="module")
async def scraped(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scraped]:
    """What a real service prints that has done nothing yet."""
    async with ServiceProcess(world, "registry", tmp_path_factory.mktemp("watch")) as registry:
        yield await registry.metrics()


@pytest.mark.servers
async def test_every_metric_that_is_asked_for_is_there(scraped: Scraped) -> None:
    """From the first scrape on, in an alarm, in a panel and in the choice of services."""
    wrong = {
        (where, name)
        for where, expression in asked()
        for name in metrics_in(expression)
        if name not in scraped.names | OF_THE_BROKER | OF_PROMETHEUS
    }
    assert wrong == set()


@pytest.mark.servers
async def test_every_metric_of_ours_is_looked_at_and_described(scraped: Scraped) -> None:
    """What nobody looks at costs for nothing; what no page describes helps nobody at night."""
    ours = {family.name for family in scraped.families if family.name.startswith("binaan_")}
    looked_at = {name for _, expression in asked() for name in metrics_in(expression)}
    described = (ROOT / "docs" / "operating.md").read_text()
    for name in ours:
        assert any(one == name or one.removeprefix(name) in {"_total", "_bucket"} for one in looked_at), name
        assert f"`{name}" in described, name
    assert all(family.documentation for family in scraped.families if family.name in ours)


@pytest.mark.servers
async def test_every_label_that_is_asked_for_is_one_that_we_give(scraped: Scraped) -> None:
    """A misspelt label selects nothing, and nothing is what an alarm over nothing says."""
    known = {label for sample in scraped.samples for label in sample.labels}
    known |= {"service", "job", "instance", "state", "type", "le"}  # of the scrape; and of what has not happened yet
    for where, expression in asked():
        used = set(re.findall(r"[{,]\s*(\w+)\s*[=!]~?", expression))
        for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
            used |= {label.strip() for label in group.split(",")}
        assert used <= known, where


def test_the_parser_finds_names_and_nothing_else() -> None:
    """That the tests above can fail."""
    expression = 'max by (queue) (rate(one_total{a="b_c"}[5m])) > 0.5 unless on (x) two:three offset 5m >= 1e9'
    assert metrics_in(expression) == {"one_total", "two:three"}
    assert metrics_in("histogram_quantile(0.99, sum by (le) (rate(three_bucket[1m])))") == {"three_bucket"}


def test_every_alarm_says_what_it_means_and_what_to_do() -> None:
    """In English for whoever is woken, in Indonesian for the office that asks, and with a section to open."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    names = [rule["alert"] for rule in every_rule()]
    assert len(set(names)) == len(names)
    for rule in every_rule():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        told = rule["annotations"]
        assert told["summary"]
        assert re.search(r"\b(yang|tidak|belum|pesan|layanan|antrean)\b", told["penjelasan"], re.IGNORECASE), rule[
            "alert"
        ]
        page, _, anchor = told["runbook"].partition("#")
        assert page == "docs/operating.md"
        assert anchor in anchors, rule["alert"]


def test_alarms_over_the_brokers_own_metrics_stand_apart() -> None:
    """Who does not run RabbitMQ's plugin leaves that file out and loses nothing else."""
    for rule in rules("alarms.yml"):
        assert not metrics_in(rule["expr"]) & OF_THE_BROKER
    for rule in rules("broker-alarms.yml"):
        assert metrics_in(rule["expr"]) & OF_THE_BROKER


def test_every_service_is_asked_and_named() -> None:
    """Alarms and panels go by the label that the example sets; it names each service once, and both rule files."""
    content = yaml.safe_load((WATCH / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job for job in content["scrape_configs"]}
    asked_for = {one["labels"]["service"]: one["targets"] for one in jobs["binaan"]["static_configs"]}
    assert asked_for == {service: [f"{service}:8000"] for service in SERVICES}
    assert content["rule_files"] == list(RULES)
    assert all((WATCH / name).exists() for name in content["rule_files"])
    assert jobs["rabbitmq"]["metrics_path"] == "/metrics/detailed"


def test_the_dashboard_is_whole() -> None:
    """Grafana takes what it is given: two panels with one number, or one on top of another, would just look odd."""
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert all(panel["description"] and panel["targets"] for panel in panels())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian package prometheus) is not installed")
def test_prometheus_itself_takes_the_files(tmp_path: Path) -> None:
    """Where its own checker is at hand, it has the last word: on the files, and on when an alarm rings."""
    here = tmp_path / "watch"
    shutil.copytree(WATCH, here)
    shutil.copy(Path(__file__).with_name("alarms.test.yml"), here)
    for check in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", *RULES],
        ["test", "rules", "alarms.test.yml"],
    ):
        done = subprocess.run(["promtool", *check], cwd=here, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
