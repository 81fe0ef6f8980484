"""What the rules need of an engine, and how a rule tells what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from wattboard.quality.catalogue import RULE
from wattboard.schema import Damage
from wattboard.summary import RuleResult

if TYPE_CHECKING:
    import narwhals as nw
    import pyarrow as pa

    # What stands for rows from build to build, and what makes them.
    Keepable = tuple[tuple[object, ...], Callable[[], nw.LazyFrame[Any]]]

ALWAYS_TOLD = {"malformed-rows": "row", "unparsable-times": "time_us"}


class Workbench(Protocol):
    """The part of an engine that the rules use."""

    @property
    def window_us(self) -> int:
        """Width of the stretches of time that windows are divided into; 0: not divided."""
        ...

    def materialise(self, frame: nw.LazyFrame[Any], stem: str) -> nw.LazyFrame[Any]:
        """Compute once, keep in the engine."""
        ...

    def kept(
        self, parts: Sequence[Keepable], stem: str, *, large: bool = False
    ) -> nw.LazyFrame[Any]:
        """The rows of all parts, each computed once for all builds of its key; (): for this one."""
        ...

    def known(self, key: tuple[object, ...], stem: str, make: Callable[[], pa.Table]) -> pa.Table:
        """A small result, computed once for all builds that name the same ``key``; (): for this one."""
        ...

    def place(self, table: pa.Table, stem: str, *, large: bool = False) -> nw.LazyFrame[Any]:
        """A table into the engine; what is ``large`` grows with the log."""
        ...

    def collect(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """A small result out of the engine."""
        ...


def first_row(bench: Workbench, frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """The one row of an aggregate."""
    row: dict[str, Any] = bench.collect(frame).to_pylist()[0]
    return row


def rule(
    name: str,
    column: str,
    count: int,
    of: int,
    action: str,
    detail: str,
    example: dict[str, str] | None = None,
) -> RuleResult:
    """A result with its title from the catalogue, and its share worked out."""
    return RuleResult(
        name=name,
        title=RULE[name].title,
        column=column,
        count=count,
        of=of,
        share=count / of if of else 0.0,
        action=action,
        detail=detail,
        example=example,
    )


def rules_from_damage(damage: Sequence[Damage], rows_read: int) -> list[RuleResult]:
    """Rules that were applied while the files were read; the same fault of several files is added."""
    merged: dict[tuple[str, str], list[Damage]] = {
        (name, column): [] for name, column in ALWAYS_TOLD.items()
    }
    for item in damage:
        merged.setdefault((item.rule, item.column), []).append(item)
    order = {name: place for place, name in enumerate(RULE)}
    results = []
    for (name, column), items in sorted(merged.items(), key=lambda kv: order[kv[0][0]]):
        met = [item for item in items if item.count]
        told = met[0] if met else items[0] if items else None
        results.append(
            rule(
                name,
                column,
                sum(item.count for item in items),
                rows_read,
                told.action if told else "left out",
                told.detail if told else "none found",
                told.example if told else None,
            )
        )
    return results
