"""A Prometheus server as a feed: the means of its samples over even intervals, late ones included.

Of each interval the samples inside it are averaged by the server (``avg_over_time``); one without any
is a gap, so that no old sample is repeated. A server that was away is asked again for the time that
was missed. What another wattboard measured over the same intervals comes back as it was recorded there.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median

from wattboard.errors import InputError, UsageError
from wattboard.live.clock import wall_us
from wattboard.live.exporters import EXPORTERS, Ask, Exporter, exporter_of, host_of
from wattboard.live.meters import Interval, MeterError, Sample
from wattboard.live.prometheus_api import MOST_POINTS, Series, Server, ServerError
from wattboard.live.readings import Means
from wattboard.schema import COLUMN, KINDS, Kind
from wattboard.zones import HOUR_US
from wattboard.zones import US_PER_S as US

RECENT = "10m"
UNSAID_US = 15 * US
# A sample is stored after its scrape, which may take this long; then it will not come.
PATIENCE_US = 10 * US
PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
SHOWN_HOSTS = 5
# Values that say "none" in DCGM's integers and floats, and all near them.
SENTINEL = 1e14
# The label by which answers to several questions in one query are told apart.
LABEL, END = "wattboard_metric", "end"
Key = tuple[str, ...]


def open_server(
    address: str, query: str | None, *, width_us: int | None, since_s: float = 0.0
) -> tuple[Prometheus, int]:
    """The feed and its interval: the one given, or that of the server's scrapes.

    Raises:
        InputError: the server does not answer, or has nothing to the query.
        UsageError: the address or the query is none.
    """
    exporter, matchers = exporter_of(query)
    feed = Prometheus(Server(address), exporter, matchers, since_us=round(since_s * US))
    return feed, feed.settle(width_us)


class Prometheus:
    """The feed of one machine's metrics."""

    def __init__(
        self,
        server: Server,
        exporter: Exporter,
        matchers: str = "",
        *,
        since_us: int = 0,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        self._server = server
        self._exporter = exporter
        self._matchers = matchers
        self._since = since_us
        self._now = now_us
        self._asks: list[Ask] = []
        self._width = 0
        self._host = ""
        self._others: set[str] = set()
        self._known: dict[str, set[Key]] = {}
        self._devices: dict[str, int] = {}
        # Whether samples are put to the very intervals that the exporter took them in.
        self._exact = False

    # ------------------------------------------------------------------------------ the start

    def settle(self, width_us: int | None) -> int:
        """Look at what the server has, and choose the interval.

        Raises:
            InputError: the server does not answer, has no such metrics or those of several machines,
                or takes samples less often than ``width_us``.
        """
        now = self._now()
        try:
            found = [(ask, series) for ask, series in self._present(now) if series]
            if not any(ask.column.endswith("power_w") for ask, _ in found):
                raise self._absent(now)
            self._asks = [ask for ask, _ in found]
            self._check_hosts(found)
            self._width = self._interval(width_us, now)
            self._exact = self._same_width(now)
        except ServerError as error:
            raise InputError(str(error), error.hint) from error
        for ask, series in found:
            keys = {_key(ask, one.labels) for one in series}
            if ask.combine == "one" and _ways(series) > 1:
                raise InputError(
                    f"{self._server.where} answers {ask.metric[:80]} with {_ways(series)} series, and "
                    "one is recorded.",
                    "Choose by labels, or add them up: --query 'sum(...)'.",
                )
            self._devices[ask.column] = len(keys)
            # Of the past the devices are not known yet.
            if not self._since:
                self._known[ask.column] = keys
        return self._width

    def _present(self, now: int) -> Iterator[tuple[Ask, list[Series]]]:
        """Of each column the first metric that the server has."""
        for choices in self._exporter.columns:
            for ask in choices:
                series = self._server.instant(ask.selector(self._matchers), now)
                several = ask.combine == "one" and _ways(series) > 1
                # Where one of several ways to tell a column is not clear, the next one is.
                if series and not (several and ask is not choices[-1]):
                    yield ask, series
                    break

    def _absent(self, now: int) -> InputError:
        metrics = " or ".join(ask.selector(self._matchers) for ask in self._exporter.columns[0])
        there = [
            name
            for name, exporter in EXPORTERS.items()
            if exporter is not self._exporter
            and any(self._server.instant(ask.metric, now) for ask in exporter.columns[0])
        ]
        return InputError(
            f"{self._server.where} has no recent samples of {metrics}.",
            f"It has those of {', '.join(there)}: --query {there[0]}."
            if there
            else "Check that it scrapes the exporter, and the labels of --query.",
        )

    def _check_hosts(self, found: list[tuple[Ask, list[Series]]]) -> None:
        hosts = sorted({host_of(one.labels) for _, series in found for one in series})
        if len(hosts) > 1:
            listed = ", ".join(hosts[:SHOWN_HOSTS]) + ", ..." * (len(hosts) > SHOWN_HOSTS)
            raise InputError(
                f"{self._server.where} has {self._exporter.title} of {len(hosts)} machines: {listed}.",
                "A recording is of one: choose by a label, --query 'NAME{instance=\"...\"}', or add "
                "all up in PromQL.",
            )
        self._host = hosts[0]

    def _interval(self, width_us: int | None, now: int) -> int:
        if width_us is not None and width_us % 1000:
            raise UsageError(
                "--interval is not a whole number of milliseconds, as a Prometheus server needs.",
                "Give 1, 15 or 60.",
            )
        scraped = self._scraped(now)
        if scraped is None:
            return width_us or UNSAID_US
        if width_us is None:
            ms = math.ceil(scraped / 1000)
            while HOUR_US // 1000 % ms:
                ms += 1
            return ms * 1000
        if width_us < 0.9 * scraped:
            raise InputError(
                f"{self._server.where} takes a sample every {scraped / US:g} s, so that intervals of "
                f"{width_us / US:g} s would be empty.",
                "Leave --interval out, or give one as long.",
            )
        return width_us

    def _same_width(self, now: int) -> bool:
        if self._exporter.times is None:
            return False
        found = self._server.instant(self._selector(self._exporter.times[1]), now)
        return [value for one in found for _, value in one.values] == [self._width / US]

    def _selector(self, metric: str) -> str:
        return f"{metric}{{{self._matchers}}}" if self._matchers else metric

    def _scraped(self, now: int) -> int | None:
        """The usual time between two samples, µs; None where it cannot be told."""
        ask = next(ask for ask in self._asks if ask.column.endswith("power_w"))
        if ask.raw:
            return None
        steps = [
            later[0] - earlier[0]
            for series in self._server.instant(f"{ask.selector(self._matchers)}[{RECENT}]", now)
            for earlier, later in pairwise(series.values)
        ]
        return round(median(steps) / 1e4) * 10_000 or None if steps else None

    def start(self) -> None:
        """``settle`` has been called."""

    # ------------------------------------------------------------------------------ the samples

    def follow(self, stop: threading.Event) -> Iterator[Interval | MeterError]:
        """Intervals from the start, or ``since``, on."""
        width = self._width
        done = (self._now() - self._since) // width * width
        before = -1
        pause, told = PAUSE_S, False
        while not stop.is_set():
            now = self._now()
            last = min(now // width * width, done + MOST_POINTS * width)
            if last > done:
                try:
                    samples = self._samples(done + width, last)
                except (ServerError, MeterError) as error:
                    yield MeterError(f"No reading: {error}")
                    stop.wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_S)
                    continue
                pause = PAUSE_S
                for end in range(done + width, last + 1, width):
                    if stop.is_set():
                        return
                    item, whole = samples.get(end, (None, False))
                    if not whole and now - end <= max(PATIENCE_US, 2 * width):
                        # It may come yet.
                        break
                    done = end
                    if item is not None:
                        told = False
                        # What was scraped twice is one reading.
                        if item.start_us > before:
                            before = item.start_us
                            yield item
                    elif not told:
                        told = True
                        yield MeterError(f"No reading: {self._server.where} has no sample")
            if done + width > now or last == now // width * width:
                stop.wait(min(max(width / US / 5, PAUSE_S), 2.0))

    def _samples(self, first: int, last: int) -> dict[int, tuple[Interval, bool]]:
        """By the end of the time asked for: the interval, and whether all devices are in it."""
        values: dict[int, dict[str, float | None]] = {}
        means: dict[int, dict[str, Means]] = {}
        broken: set[int] = set()
        answers = self._answers(first, last)
        for number, ask in enumerate(self._asks):
            by_time = self._by_time(ask, answers[str(number)])
            known = self._known.setdefault(ask.column, set())
            for end in range(first, last + 1, self._width):
                found = by_time.get(end, {})
                known.update(found)
                if not known <= found.keys() or not known:
                    broken.add(end)
                if not found:
                    continue
                whole = known <= found.keys()
                parts = [value for value, _ in found.values()]
                total = sum(parts) if ask.combine == "sum" else sum(parts) / len(parts)
                values.setdefault(end, {})[ask.column] = total if whole else None
                kind = max((kind for _, kind in found.values()), key=KINDS.index)
                means.setdefault(end, {})[ask.column] = Means(kind, self._told(ask))
        for row in values.values():
            for ask in self._asks:
                # A part that fell silent is not a part that is not there.
                row.setdefault(ask.column, None)
        ends = self._ends(answers[END])
        return {
            end: (
                Interval(ends.get(end, end) - self._width, Sample(row, means[end])),
                end not in broken,
            )
            for end, row in values.items()
        }

    def _answers(self, first: int, last: int) -> dict[str, list[Series]]:
        """The series of each metric, by its number, in one query: a server is asked every second."""
        queries = {
            str(number): ask.selector(self._matchers)
            if ask.raw
            else self._over(ask.selector(self._matchers))
            for number, ask in enumerate(self._asks)
        }
        if self._exact and self._exporter.times is not None:
            queries[END] = self._over(self._selector(self._exporter.times[0]))
        if len(queries) == 1:
            return {"0": self._server.range(queries["0"], first, last, self._width), END: []}
        union = " or ".join(
            f'label_replace({query}, "{LABEL}", "{name}", "", "")'
            for name, query in queries.items()
        )
        found: dict[str, list[Series]] = {name: [] for name in (*queries, END)}
        for one in self._server.range(union, first, last, self._width):
            found.get(one.labels.pop(LABEL, ""), []).append(one)
        return found

    def _ends(self, series: list[Series]) -> dict[int, int]:
        """By the end of the time asked for, the end of the interval of the exporter's last sample."""
        return {
            end: round(value * US)
            for one in series
            if host_of(one.labels) == self._host
            for end, value in one.values
            # More than a few intervals behind it would be a clock that is wrong.
            if 0 <= end - value * US < 5 * self._width
        }

    def _over(self, selector: str) -> str:
        """From just after the end of the last interval to the end of this one."""
        how = "last" if self._exact else "avg"
        return f"{how}_over_time({selector}[{self._width // 1000 - 1}ms])"

    def _by_time(self, ask: Ask, series: list[Series]) -> dict[int, dict[Key, tuple[float, Kind]]]:
        """Values of each device by the end of the interval, in canonical units."""
        column = COLUMN[ask.column]
        found: dict[int, dict[Key, tuple[float, Kind]]] = {}
        # One value is recorded, and there are two.
        unclear: set[int] = set()
        for one in series:
            host = host_of(one.labels)
            if host != self._host and not ask.raw:
                self._others.add(host)
                continue
            key = _key(ask, one.labels)
            kind = ask.kind or _kind(one.labels.get("kind"))
            for end, value in one.values:
                scaled = value * ask.scale
                if not math.isfinite(value) or abs(value) >= SENTINEL:
                    continue
                if not column.low <= scaled <= column.high:
                    continue
                devices = found.setdefault(end, {})
                before = devices.get(key)
                if before is not None and ask.combine == "one":
                    unclear.add(end)
                if before is None or scaled > before[0]:
                    devices[key] = (scaled, kind)
        for end in unclear:
            del found[end]
        return found

    def _told(self, ask: Ask) -> str:
        by = ask.by or self._exporter.title
        return f"{by}, through Prometheus"

    # ------------------------------------------------------------------------------ the rest

    def stop(self) -> None:
        """Let the connections go."""
        self._server.close()

    def columns(self) -> list[str]:
        """Those that the server has."""
        return [ask.column for ask in self._asks]

    def about(self) -> list[str]:
        """What is asked of whom."""
        said = []
        for ask in self._asks:
            title = COLUMN[ask.column].title
            of = self._devices.get(ask.column, 1)
            devices = f", of {of} devices" if of > 1 else ""
            kind = ask.kind or "measured or estimated, as it says itself"
            said.append(f"{title} is {kind}: {self._told(ask)} at {self._server.where}{devices}.")
        if self._server.secret and self._server.plain:
            said.append(
                "The password or token goes over the network unencrypted: the address is http."
            )
        return [*said, *self._exporter.notes]

    def left_out(self) -> list[str]:
        """Machines that appeared beside the recorded one."""
        others = sorted(self._others)[:SHOWN_HOSTS]
        return [f"Not recorded: samples of {', '.join(others)}."] if others else []


def _key(ask: Ask, labels: dict[str, str]) -> Key:
    """What tells a device from others of its metric."""
    return tuple(labels.get(name, "") for name in ask.by_labels)


def _ways(series: list[Series]) -> int:
    """How many series there are, but for their kind, which changes when a sensor is lost."""
    return len({tuple(sorted((one.labels | {"kind": ""}).items())) for one in series})


def _kind(text: str | None) -> Kind:
    return next((kind for kind in KINDS if kind == text), "measured")
