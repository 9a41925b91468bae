"""What a run has found, as a table for people and as JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.contest import as_json
from benchmarks.contestants.settings import Output
from benchmarks.growth import Cost
from benchmarks.hop import Measured
from benchmarks.latency import Latencies

RATIOS = {
    "registry_hop_to_aio_pika_floor": ("registry_new", "aio_pika_floor_new"),
    "registry_hop_to_faststream_floor": ("registry_new", "faststream_floor_new"),
    "registry_known_hop_to_aio_pika_floor": ("registry_known", "aio_pika_floor_known"),
    "registry_known_hop_to_faststream_floor": ("registry_known", "faststream_floor_known"),
    "registry_hop_to_per_message_peer": ("registry_new", "per_message_peer"),
    "registry_hop_to_celery": ("registry_new", "celery"),
    "chain_to_registry_hop": ("chain", "registry_new"),
    "notify_to_its_floor": ("notify", "notify_floor"),
}
"""Name of a ratio of rates → whose over whose, within one round."""
MEMORY_MEBIBYTES = 150


@dataclass(frozen=True)
class Target:
    """What is to be shown, and whether it was."""

    what: str
    found: float
    bound: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.found >= self.bound if self.at_least else self.found <= self.bound


@dataclass
class Results:
    """Empty where a part was not run."""

    configuration: dict[str, Any]
    outputs: Mapping[str, Sequence[Output]] = field(default_factory=dict)
    rounds: list[dict[str, Measured]] = field(default_factory=list)
    latencies: Latencies | None = None
    growth: list[dict[int, Cost]] = field(default_factory=list)
    peaks: Mapping[str, Sequence[float]] = field(default_factory=dict)

    # --- figures -----------------------------------------------------------------------------------------------------

    def ratios(self) -> dict[str, list[float]]:
        """By name, one for each round in which both took part."""
        found = {
            name: [one[above].rate / one[below].rate for one in self.rounds if above in one and below in one]
            for name, (above, below) in RATIOS.items()
        }
        return {name: values for name, values in found.items() if values}

    def processor_ratios(self) -> dict[str, list[float]]:
        """The same ratios by processor time (process, RabbitMQ and MongoDB): what other programs on the machine
        disturb least. Above 1 the first of the two needs less for a message."""
        found = {
            name: [_all_cpu(one[below]) / _all_cpu(one[above]) for one in self.rounds if above in one and below in one]
            for name, (above, below) in RATIOS.items()
        }
        return {name: values for name, values in found.items() if values}

    def growth_ratios(self) -> dict[str, list[float]]:
        """The largest against the smallest: seconds a message, and documents examined."""
        if not self.growth or len(self.growth[0]) < 2:
            return {}
        small, large = min(self.growth[0]), max(self.growth[0])
        return {
            "cost_per_message": [one[small].hop.rate / one[large].hop.rate for one in self.growth],
            "documents_examined": [
                one[large].documents_examined / one[small].documents_examined for one in self.growth
            ],
        }

    def latency_ratio(self) -> float | None:
        if self.latencies is None:
            return None
        return median(self.latencies.chain) / median(self.latencies.bare)

    def peak_mebibytes(self) -> dict[str, float]:
        return {service: max(values) for service, values in self.peaks.items()}

    def targets(self) -> list[Target]:
        ratios = {name: median(values) for name, values in self.ratios().items()}
        growth = {name: median(values) for name, values in self.growth_ratios().items()}
        found = [
            Target("registry hop, new businesses, to FastStream's floor", ratios.get(_FLOOR, _NONE), 0.8, True),
            Target("registry hop, known businesses, to its floor", ratios.get(_KNOWN_FLOOR, _NONE), 0.8, True),
            Target("registry hop to a transaction a message", ratios.get(_PEER, _NONE), 4.0, True),
            Target("registry hop to Celery", ratios.get("registry_hop_to_celery", _NONE), 1.0, True),
            Target("notify, a message by HTTP, to its floor", ratios.get("notify_to_its_floor", _NONE), 0.7, True),
            Target("chain p50 to a bare two-hop chain", self.latency_ratio() or _NONE, 3.0, False),
            Target("cost of a message, most stored to fewest", growth.get("cost_per_message", _NONE), 1.5, False),
            Target("documents examined, most to fewest", growth.get("documents_examined", _NONE), 1.1, False),
            *(
                Target(f"peak memory of {service}, MiB", peak, MEMORY_MEBIBYTES, False)
                for service, peak in self.peak_mebibytes().items()
            ),
        ]
        return [one for one in found if one.found != _NONE]

    # --- for programs ------------------------------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        ratios = self.ratios()
        found: dict[str, Any] = {
            "configuration": self.configuration,
            "machine": machine(),
            "outputs": {name: [one.model_dump() for one in each] for name, each in self.outputs.items()},
            "ratios": {name: median(values) for name, values in ratios.items()},
            "ranges": {name: [min(values), max(values)] for name, values in ratios.items()},
            "processor_ratios": {name: median(values) for name, values in self.processor_ratios().items()},
            "rates": {name: median(one[name].rate for one in self.rounds) for name in self.names()},
            "cpu_ms": {name: median(_cpu_ms(one[name]) for one in self.rounds) for name in self.names()},
            "rounds": as_json(self.rounds),
            "peak_memory_mib": self.peak_mebibytes(),
            "targets": [{**vars(one), "met": one.met} for one in self.targets()],
        }
        if self.latencies is not None:
            found["chain_latency_ms"] = percentiles(self.latencies.chain)
            found["bare_latency_ms"] = percentiles(self.latencies.bare)
            found["ratios"]["chain_latency_to_bare"] = self.latency_ratio()
            found["latency_samples_ms"] = {"chain": self.latencies.chain, "bare": self.latencies.bare}
        if self.growth:
            growth = self.growth_ratios()
            found["growth"] = {
                "ratios": {name: median(values) for name, values in growth.items()},
                "ranges": {name: [min(values), max(values)] for name, values in growth.items()},
                "rounds": [{str(size): cost.as_json() for size, cost in one.items()} for one in self.growth],
            }
        return found

    def names(self) -> list[str]:
        return list(self.rounds[0]) if self.rounds else []

    # --- for people --------------------------------------------------------------------------------------------------

    def table(self) -> str:
        parts = (self._configuration(), self._rates(), self._ratios(), self._latency(), self._growth(), self._memory())
        return "\n\n".join("\n".join(part) for part in (*parts, self._verdict()) if part)

    def _configuration(self) -> list[str]:
        about = [f"  {name:22} {value}" for name, value in {**machine(), **self.configuration}.items()]
        made = [
            f"  one input, {name:5} makes  " + ", ".join(f"{one.exchange} {one.size} B" for one in each)
            for name, each in self.outputs.items()
        ]
        return ["Configuration", *about, *made]

    def _rates(self) -> list[str]:
        if not self.rounds:
            return []
        rows = [f"  {'':26} {'median':>8} {'range':>15}   processor time of its process, RabbitMQ's, MongoDB's"]
        for name in self.names():
            rates = [one[name].rate for one in self.rounds]
            used = " ".join(f"{value:6.2f}" for value in self._processor(name))
            rows.append(f"  {name:26} {median(rates):8.0f} {_range(rates, 0):>15}   {used}")
        return ["Messages a second, and milliseconds of processor time a message (medians)", *rows]

    def _processor(self, name: str) -> list[float]:
        found = [one[name] for one in self.rounds]
        servers = [
            median(1000 * one.server_cpu_seconds[server] / one.messages for one in found)
            for server in found[0].server_cpu_seconds
        ]
        return [median(map(_cpu_ms, found)), *servers]

    def _ratios(self) -> list[str]:
        rows = [f"  {name:42} {median(values):6.2f}   {_range(values, 2)}" for name, values in self.ratios().items()]
        used = [
            f"  {name:42} {median(values):6.2f}   {_range(values, 2)}"
            for name, values in self.processor_ratios().items()
        ]
        head = "The same by processor time a message, RabbitMQ's and MongoDB's included (higher: less is used)"
        return ["Ratios of messages a second within a round: median and range", *rows, "", head, *used] if rows else []

    def _latency(self) -> list[str]:
        if self.latencies is None:
            return []
        rows = [
            f"  {name:34} p50 {found['p50']:7.1f}   p99 {found['p99']:7.1f}"
            for name, found in (
                ("designate to eligibility assessed", percentiles(self.latencies.chain)),
                ("two bare hops", percentiles(self.latencies.bare)),
            )
        ]
        head = f"One message on an idle system, milliseconds ({len(self.latencies.chain)} of each, in turn)"
        return [head, *rows, f"  ratio of the p50 {self.latency_ratio():.2f}"]

    def _growth(self) -> list[str]:
        if not self.growth:
            return []
        rows = []
        for size in self.growth[0]:
            costs = [one[size] for one in self.growth]
            each = median(1000 / one.hop.rate for one in costs)
            documents = median(one.documents_examined for one in costs)
            indexed = median(one.keys_examined for one in costs)
            rows.append(f"  {size:>9,} {each:12.2f} ms {documents:12.2f} documents {indexed:12.2f} keys")
        ratios = [
            f"  {name:42} {median(values):6.2f}   {_range(values, 2)}" for name, values in self.growth_ratios().items()
        ]
        return ["Businesses stored: time a message, documents and index keys examined a message", *rows, *ratios]

    def _memory(self) -> list[str]:
        rows = [f"  {service:10} {peak:6.0f} MiB" for service, peak in self.peak_mebibytes().items()]
        return ["Peak memory after the chain", *rows] if rows else []

    def _verdict(self) -> list[str]:
        rows = [
            f"  {'met   ' if one.met else 'MISSED'}  {one.what:52} {one.found:8.2f}  "
            f"{'at least' if one.at_least else 'at most'} {one.bound:g}"
            for one in self.targets()
        ]
        return ["Targets", *rows] if rows else []


_NONE = -1.0
_FLOOR, _KNOWN_FLOOR = "registry_hop_to_faststream_floor", "registry_known_hop_to_faststream_floor"
_PEER = "registry_hop_to_per_message_peer"


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """By the nearest rank."""
    ordered = sorted(values)
    return {
        "p50": median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        "min": ordered[0],
        "max": ordered[-1],
    }


def machine() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "load_average": " ".join(f"{one:.1f}" for one in os.getloadavg()),
        "python": platform.python_version(),
    }


def _cpu_ms(measured: Measured) -> float:
    return 1000 * measured.cpu_seconds / measured.messages


def _all_cpu(measured: Measured) -> float:
    return max(0.001, measured.cpu_seconds + sum(measured.server_cpu_seconds.values())) / measured.messages


def _range(values: Sequence[float], digits: int) -> str:
    return f"[{min(values):.{digits}f}–{max(values):.{digits}f}]"
