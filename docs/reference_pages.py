"""The pages of the reference that are made from the code: what the code says is what stands there."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def pages() -> dict[str, str]:
    """File name -> Markdown."""
    return {
        "cli.md": cli(),
        "settings.md": settings(),
        "columns.md": columns(),
        "quality-rules.md": quality_rules(),
        "summary.md": summary(),
        "model.md": model(),
        "exit-codes.md": exit_codes(),
        "names.txt": names(),
    }


# --------------------------------------------------------------------------- Markdown


def cell(text: object) -> str:
    """Text of a cell: one line, and no bar that would end it."""
    return " ".join(str(text).split()).replace("|", "\\|")


def prose(text: str) -> str:
    """A text of the code: what Markdown or HTML would read is shown as it is, ``code`` as code."""
    parts = inspect.cleandoc(text).split("``")
    for place in range(0, len(parts), 2):
        for character in "\\<>*_`":
            parts[place] = parts[place].replace(character, "\\" + character)
    return "`".join(parts)


def code(text: object) -> str:
    """As code; a value that is none is an empty cell."""
    return f"`{text}`" if str(text) else ""


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of Markdown."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    lines += [f"| {' | '.join(cell(value) for value in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


# --------------------------------------------------------------------------- the command line


def cli() -> str:
    """Every command with its arguments and options, from the Typer app."""
    import typer

    from wattboard.commands import app

    root: Any = typer.main.get_command(app)
    parts = [
        "# Command line\n",
        f"{root.help}\n",
        "`wattboard COMMAND --help` prints the same. [Settings](settings.md) names those that a file "
        "may hold, [exit codes](exit-codes.md) what a command leaves with.\n",
        table(
            ["command", "what it does"],
            [
                [f"[`{name}`](#{anchor(name)})", prose(first_line(command))]
                for name, command in commands(root)
            ],
        ),
    ]
    parts += [command_section(name, command) for name, command in commands(root)]
    return "\n".join(parts)


def anchor(name: str) -> str:
    """The anchor of a command's heading."""
    return "wattboard-" + name.replace(" ", "-")


def first_line(command: Any) -> str:
    """What a command does, in its own words."""
    return str(command.help or "").strip().split("\n\n")[0]


def commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands and those of their groups, as they are written."""
    for name, command in group.commands.items():
        full = f"{before}{name}"
        if hasattr(command, "commands"):
            yield from commands(command, f"{full} ")
        else:
            yield full, command


def command_section(name: str, command: Any) -> str:
    """One command: what it does, how it is written, its parameters."""
    context = command.context_class(command, info_name=f"wattboard {name}")
    usage = command.get_usage(context).removeprefix("Usage: ")
    rows = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            rows.append([code(record[0]), prose(record[1])])
    return (
        f"## wattboard {name}\n\n{prose(command.help or '')}\n\n"
        f"```text\n{usage}\n```\n\n" + table(["argument or option", "meaning"], rows)
    )


# --------------------------------------------------------------------------- settings


def settings() -> str:
    """The fields of Settings, each with its type, range and default."""
    from wattboard.settings import Settings

    helps = option_helps()
    rows = []
    for name, field in Settings.model_fields.items():
        told = field.description or helps.get(name, "")
        rows.append([code(name), typed(field), default_of(field), prose(told)])
    return (
        "# Settings\n\nThe file that `--config` names holds the same settings as the command line; "
        "what stands on the command line comes first. Paths are relative to the file. A setting "
        "that does not exist is refused.\n\n"
        + table(["setting", "type", "default", "meaning"], rows)
        + "\n`columns` may also be a table:\n\n"
        "```toml\n"
        'log = ["meter.csv"]\n'
        'location = "FRA"\n'
        'timezone = "Europe/Paris"\n'
        "tariff = 0.20\n"
        'currency = "EUR"\n\n'
        "[columns]\n"
        'time = "ts"\n'
        'power_w = "watts:kW"\n'
        "```\n\n"
        "The methods page of every site prints the settings that build it again.\n"
    )


def option_helps() -> dict[str, str]:
    """What the options of build say of themselves."""
    import typer

    from wattboard.commands import app

    root: Any = typer.main.get_command(app)
    params = root.commands["build"].params
    return {param.name: str(getattr(param, "help", None) or "") for param in params}


def default_of(field: FieldInfo) -> str:
    """The default as a file would write it; none where the setting may be left out."""
    value = field.get_default(call_default_factory=True)
    if value is None or value == []:
        return ""
    return code(str(value).lower() if isinstance(value, bool) else value)


# --------------------------------------------------------------------------- types


NAMES: dict[object, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    type(None): "null",
    dict: "object",
}
LIMITS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def typed(field: FieldInfo, *, link: bool = False) -> str:
    """A field's type in words, and the bounds of its value."""
    bounds = [
        f"{sign}\u00a0{getattr(item, name):,.15g}"
        for item in field.metadata
        for name, sign in LIMITS.items()
        if isinstance(getattr(item, name, None), int | float)
    ]
    return ", ".join([type_name(field.annotation, link=link), *bounds])


def type_name(kind: Any, *, link: bool = False) -> str:
    """A type in words; models by name, linked to their section."""
    origin = typing.get_origin(kind)
    inner = typing.get_args(kind)
    if origin is typing.Annotated:
        return type_name(inner[0], link=link)
    if origin is typing.Literal:
        return " or ".join(code(value) for value in inner)
    if origin in (typing.Union, types.UnionType):
        known = [one for one in inner if one is not type(None)]
        names = list(dict.fromkeys(type_name(one, link=link) for one in known))
        return " or ".join([*names, *(["null"] if len(known) < len(inner) and link else [])])
    if origin in (list, tuple):
        return f"list of {type_name(inner[0], link=link)}"
    if origin is dict:
        return f"object of {type_name(inner[1], link=link)}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"[{kind.__name__}](#{kind.__name__.lower()})" if link else kind.__name__
    return NAMES[kind]


def models_in(kind: Any) -> Iterator[type[BaseModel]]:
    """The models that a type holds."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for inner in typing.get_args(kind):
        yield from models_in(inner)


def reached(root: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all those that it holds, in the order in which they are met."""
    found = [root]
    for model_type in found:
        for field in model_type.model_fields.values():
            found += [one for one in models_in(field.annotation) if one not in found]
    return found


def model_sections(root: type[BaseModel]) -> str:
    """A section for each model: its fields with their types and meanings."""
    parts = []
    for model_type in reached(root):
        rows = [
            [code(name), typed(field, link=True), prose(field.description or "")]
            for name, field in model_type.model_fields.items()
        ]
        fields = table(["field", "type", "meaning"], rows)
        about = prose(model_type.__doc__ or "")
        parts.append(f"## {model_type.__name__}\n\n{about}\n\n{fields}")
    return "\n".join(parts)


# --------------------------------------------------------------------------- the contracts


def columns() -> str:
    """The canonical log."""
    from wattboard.schema import ACTIVITY_COLUMNS, COLUMNS

    rows = [
        [
            code(column.name),
            prose(column.title),
            column.unit or "–",
            f"{column.low:,.15g} to {column.high:,.15g}",
            prose(column.meaning),
        ]
        for column in COLUMNS
    ]
    activity = ", ".join(code(name) for name in ACTIVITY_COLUMNS)
    return (
        "# Columns\n\nEvery log is read into these columns, one row a reading. A missing value is "
        "null, never 0. A value outside its range is counted and taken as missing.\n\n"
        + table(["column", "title", "unit", "range", "meaning"], rows)
        + "\nBeside them stand the time (`time_us`: microseconds since 1970, UTC) and, where a log "
        "has them, `host` and `device`. A log needs a time, and `power_w` or `energy_kwh`.\n\n"
        f"Activity, from which the power model predicts watts: {activity}.\n\n"
        "`--columns` binds a column of a file to one of these, with its unit: "
        "[Unknown columns, units, time zones](../../how-to/columns.md).\n"
    )


def names() -> str:
    """The names by which a table's columns are known."""
    from wattboard.sources import table as source

    rows = [["`time`", ", ".join(map(code, source.TIME))]]
    rows += [
        [
            code(column),
            ", ".join(map(code, dict.fromkeys([*known, *source.UNIT_NAMES.get(column, ())]))),
        ]
        for column, known in source.NAMES.items()
    ]
    rows += [["`host`", ", ".join(map(code, source.HOST))]]
    rows += [["`device`", ", ".join(map(code, source.DEVICE))]]
    return table(["column", "names"], rows)


def quality_rules() -> str:
    """The catalogue of rules."""
    from wattboard.quality.catalogue import RULES

    rows = [[code(r.name), prose(r.title), r.meaning, prose(r.of)] for r in RULES]
    return (
        "# Quality rules\n\nThe rules are the same for every log and run in this order. Each is "
        "counted and told with an example, in `wattboard check LOG`, on the methods page, in "
        "`data/quality.csv` and in `summary.json` under `quality.rules`. Nothing is filled in.\n\n"
        + table(["rule", "title", "what it looks for, and what is done", "looks at"], rows)
    )


def summary() -> str:
    """summary.json."""
    from wattboard.summary import SCHEMA_VERSION, Summary

    return (
        f"# summary.json\n\nEvery number of a site, in one file beside its pages. Version of the "
        f"schema: {SCHEMA_VERSION}. The JSON Schema is "
        "[summary.schema.json](../../summary.schema.json); both are made from the same code. Null is "
        "a value that is not known, never 0. Units stand in the names. "
        "[How to read it](../../how-to/summary.md).\n\n" + model_sections(Summary)
    )


def model() -> str:
    """model.json."""
    from wattboard.model import PowerModel

    return (
        "# Fields of model.json\n\nThe file that `wattboard fit` writes. "
        "[The model file](../../model.md) says what its fields are for, with an example; the JSON "
        "Schema is [model.schema.json](../../model.schema.json).\n\n" + model_sections(PowerModel)
    )


def exit_codes() -> str:
    """What a command leaves with."""
    from wattboard import errors, interrupts

    base = errors.WattboardError
    rows: list[list[object]] = [[0, "", "done"]]
    for kind in (errors.InputError, errors.OutputError, errors.UsageError):
        rows.append([kind.exit_code, code(kind.__name__), prose((kind.__doc__ or "").strip())])
    rows.append(
        [base.exit_code, "", "the machine is at fault: memory, disk, permissions; or a bug"]
    )
    rows.append([interrupts.EXIT_CODE, "", "interrupted by Ctrl-C or SIGTERM"])
    return (
        "# Exit codes\n\n"
        + table(["code", "in Python", "meaning"], rows)
        + "\nAn error is one message on standard error: what is wrong and where, then what to do. In "
        f"Python it is one of these classes, all of them a `{base.__name__}` with `message`, `hint` "
        "and `exit_code`. `WATTBOARD_TRACEBACK=1` in the environment shows where in the code an error "
        "came from.\n"
    )
