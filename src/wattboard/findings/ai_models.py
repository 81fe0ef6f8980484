"""Sentences on AI models compared, each computed from a table, with the sources it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from wattboard.format import NARROW, as_published, number, percent, printed, quantity, scaled
from wattboard.summary import AI, AIModel, Citation, Finding, Inference, Summary

PAGE = "ai-models"
CHALLENGES = "challenges"
MEASURED = "measured"
# Trainings of models of about one size, to show how little the size alone tells.
ALIKE = (6e9, 8.1e9)
FEWEST = 3
TWICE = 2.0


def _finding(id_: str, chart: str, text: str, sources: Iterable[tuple[str, str]] = ()) -> Finding:
    cited = [Citation(title=title, url=url) for title, url in dict.fromkeys(sources)]
    return Finding(id=id_, page=PAGE, chart=chart, text=text, sources=cited)


def _of(*rows: AIModel | Inference) -> list[tuple[str, str]]:
    return [(row.source_title, row.source_url) for row in rows]


def _named(ai: AI, label: str) -> AIModel | None:
    return next((model for model in ai.models if model.label == label), None)


def _mwh(model: AIModel) -> str:
    return as_published(model.training_energy_mwh, "MWh")


def _times(ratio: float) -> str:
    return number(ratio, 0 if ratio >= 10 else 1)


def _training(ai: AI) -> Finding | None:
    rows = [m for m in ai.models if m.scope == "training" and m.training_energy_mwh]
    known = [
        model
        for model in (
            _named(ai, name) for name in ("BERT base", "GPT-3 (175B)", "ResNet-50, MLPerf")
        )
        if model is not None and model.training_energy_mwh
    ]
    if len(rows) < 2 or len(known) < FEWEST:
        return None
    bert, gpt, resnet = known
    top = max(rows, key=_energy)
    return _finding(
        "ai-training",
        "training-energy",
        f"{len(rows):,} figures of one full training run each span from "
        f"{_mwh(min(rows, key=_energy))} to {_mwh(top)} ({top.label}). GPT-3 is put at "
        f"{_mwh(gpt)}, {_times(_energy(gpt) / _energy(bert))} times BERT base with {_mwh(bert)}; "
        f"a ResNet-50 trained to a benchmark's target drew {_mwh(resnet)}.",
        _of(bert, gpt, resnet),
    )


def _energy(model: AIModel) -> float:
    return model.training_energy_mwh or 0.0


def _emissions(ai: AI) -> Finding | None:
    with_energy = [m for m in ai.models if m.training_energy_mwh]
    without = [m for m in with_energy if m.emissions_tco2e is None]
    if not without:
        return None
    net = sum(m.accounting == "net" for m in ai.models if m.emissions_tco2e)
    return _finding(
        "ai-emissions",
        "training-emissions",
        f"Of {len(with_energy):,} trainings whose energy is published, {len(without):,} come without "
        f"emissions; theirs are ours, on the grid chosen. {net:,} of the published ones are net of "
        "purchases of carbon-free energy, which is another quantity than the grid's.",
    )


def _elsewhere(ai: AI) -> Finding | None:
    gpt = _named(ai, "GPT-3 (175B)")
    if gpt is None or gpt.on_grid_co2e_kg is None or not gpt.emissions_tco2e:
        return None
    return _finding(
        "ai-elsewhere",
        "same-run-elsewhere",
        f"GPT-3's {_mwh(gpt)} were published as {printed(gpt.emissions_tco2e)}{NARROW}t; on the "
        f"grid of {ai.grid.name} ({quantity(ai.grid.intensity_g_per_kwh, 'g/kWh')}, "
        f"{ai.grid.year}) the same energy would emit {scaled(gpt.on_grid_co2e_kg, 'kg')}.",
        _of(gpt),
    )


def _year(ai: AI) -> Finding | None:
    rows = [m for m in ai.models if m.scope == "training" and m.training_energy_mwh]
    first, last = min(m.year for m in rows), max(m.year for m in rows)
    early = max((m for m in rows if m.year == first), key=_energy)
    late = max(rows, key=_energy)
    if first == last:
        return None
    return _finding(
        "ai-year",
        "energy-by-year",
        f"The largest training of the table rises from {_mwh(early)} in {first} ({early.label}) to "
        f"{_mwh(late)} in {late.year} ({late.label}); small ones go on beside it.",
    )


def _parameters(ai: AI) -> Finding | None:
    rows = [
        m
        for m in ai.models
        if m.scope == "training"
        and m.domain == "language"
        and m.training_energy_mwh
        and m.parameters is not None
        and ALIKE[0] <= m.parameters <= ALIKE[1]
    ]
    if len(rows) < FEWEST:
        return None
    low, high = min(rows, key=_energy), max(rows, key=_energy)
    return _finding(
        "ai-parameters",
        "energy-by-parameters",
        f"Size alone does not tell: {len(rows)} language models of 6 to 8 billion parameters took "
        f"from {_mwh(low)} ({low.label}) to {_mwh(high)} ({high.label}), "
        f"{_times(_energy(high) / _energy(low))} times as much.",
    )


def _accuracy(ai: AI) -> Finding | None:
    rows = sorted((m for m in ai.models if m.quality_pct is not None), key=_energy)
    if len(rows) != 2:
        return None
    low, high = rows
    return _finding(
        "ai-accuracy",
        "accuracy-against-energy",
        f"Two rows of the table give the same measure, {low.quality_measure}: {low.hardware} "
        f"reached {printed(low.quality_pct)} % with {_mwh(low)}, {high.hardware} "
        f"{printed(high.quality_pct)} % with {_mwh(high)}. Hardware and what was metered differ, so "
        "two points make no trend.",
        _of(*rows),
    )


def _inference(ai: AI) -> Finding | None:
    rows = [r for r in ai.inference if r.study.endswith("tasks") and r.statistic == "mean"]
    if len(rows) < FEWEST:
        return None
    low, high = min(rows, key=_wh), max(rows, key=_wh)
    return _finding(
        "ai-inference",
        "inference-energy",
        f"Within one study, 1,000 requests took from {scaled(_wh(low) / 1000, 'kWh')} on average "
        f"({low.task}) to {scaled(_wh(high) / 1000, 'kWh')} ({high.task}), "
        f"{_times(_wh(high) / _wh(low))} times as much.",
        _of(low),
    )


def _wh(row: Inference) -> float:
    return row.energy_wh_per_1000_inferences


def _edge(ai: AI) -> Finding | None:
    both: dict[str, dict[str, float]] = {}
    for row in ai.edge:
        if row.level == "model":
            both.setdefault(row.name, {})[row.processor] = row.energy_max_mj
    ratios = [at["cpu"] / at["gpu"] for at in both.values() if {"cpu", "gpu"} <= at.keys()]
    if len(ratios) < FEWEST:
        return None
    return _finding(
        "ai-edge",
        "edge-energy",
        f"On phones the GPU takes less than the CPU in each of {len(ratios)} families of models: the "
        f"largest variant needs {_times(min(ratios))} to {_times(max(ratios))} times as much on the "
        f"CPU, {_times(median(ratios))} in the median."
        if min(ratios) > 1
        else f"On phones, CPU over GPU runs from {_times(min(ratios))} to {_times(max(ratios))}.",
        [(ai.edge[0].source_title, ai.edge[0].source_url)],
    )


def _flops(ai: AI) -> Finding | None:
    rows = [r for r in ai.edge if r.level == "model" and r.processor == "cpu" and r.mean_mflops > 0]
    if len(rows) < FEWEST:
        return None
    each = [r.energy_max_mj / r.mean_mflops for r in rows]
    return _finding(
        "ai-flops",
        "edge-flops",
        f"Arithmetic orders the families only roughly: on the CPU, the largest variant's energy over "
        f"the family's mean MFLOPs lies between {number(min(each), 2)} and "
        f"{quantity(max(each), 'mJ per MFLOP', 2)}.",
        [(rows[0].source_title, rows[0].source_url)],
    )


def _pue(ai: AI) -> Finding | None:
    world = sorted(
        (f for f in ai.facilities if f.provider.startswith("World")), key=lambda f: f.year
    )
    google = sorted(
        (f for f in ai.facilities if f.provider.startswith("Google")), key=lambda f: f.year
    )
    if len(world) < FEWEST or not google:
        return None
    flat = next(f for f in world if f.year >= 2018)
    return _finding(
        "ai-pue",
        "pue",
        f"The surveyed world average fell from {world[0].pue:.2f} in {world[0].year} to "
        f"{flat.pue:.2f} in {flat.year} and stood at {world[-1].pue:.2f} in {world[-1].year}; Google "
        f"reports {google[-1].pue:.2f} for {google[-1].year}.",
        [(f.source_title, f.source_url) for f in (world[0], flat, world[-1], google[-1])],
    )


def _recomputed(ai: AI) -> Finding | None:
    rows = [one for model in ai.models for one in model.recomputed]
    if not rows:
        return None
    near = sum(one.reason is None for one in rows)
    return _finding(
        "ai-recomputed",
        "recomputed",
        f"{near:,} of {len(rows):,} published figures come out within 1 % when they are recomputed "
        f"from the inputs printed with them; for the other {len(rows) - near:,} the reason is given.",
    )


# --- challenges: what the tables show to be hard -------------------------------------------------


def _few_measure(ai: AI) -> Finding:
    rows = [m for m in ai.models if m.energy_basis]
    measured = [m for m in rows if m.energy_basis == MEASURED]
    makers = {m.organisation for m in rows}
    metering = {m.organisation for m in measured}
    derived = sum(m.energy_basis == "derived" for m in rows)
    silent = len(ai.models) - len(rows)
    return _finding(
        "ai-few-measure",
        CHALLENGES,
        f"Few measure: of {len(rows):,} figures of training energy, {len(measured):,} are measured "
        f"and {derived:,} derived from hours and a power; {len(metering):,} of the "
        f"{len(makers):,} organisations named have a measured one. {silent:,} more rows have no "
        "energy at all.",
        _of(*measured),
    )


def _tdp(ai: AI) -> Finding:
    rows = [m for m in ai.models if m.training_energy_mwh]
    tdp = [m for m in rows if m.power_from == "tdp"]
    return _finding(
        "ai-tdp",
        CHALLENGES,
        f"Hours × TDP stand in place of a meter in {len(tdp):,} of {len(rows):,} figures of training "
        "energy: that counts what the devices may not have drawn, and leaves out the machine around "
        "them.",
        _of(*(m for m in tdp if m.selected)),
    )


def _idle(ai: AI) -> Finding | None:
    bloom = _named(ai, "BLOOM (176B)")
    whole = next((f for f in ai.figures if f.reason == "life cycle"), None)
    gemini = [r for r in ai.inference if r.study.startswith("Elsworth")]
    if bloom is None or whole is None or not bloom.emissions_tco2e or len(gemini) != 2:
        return None
    narrow, full = sorted(gemini, key=_wh)
    slow = _load(ai)
    return _finding(
        "ai-idle",
        CHALLENGES,
        f"What stands idle counts: of BLOOM's {printed(whole.value)}{NARROW}t over its life cycle, "
        f"the dynamic power of the training is {percent(bloom.emissions_tco2e / whole.value, 0)}, "
        f"idle power and making the hardware the rest. Of a median Gemini prompt, "
        f"{percent(1 - _wh(narrow) / _wh(full), 0)} lies outside the active accelerators (idle "
        f"capacity, host, building).{slow[0]}",
        [*_of(bloom, full), *slow[1]],
    )


def _load(ai: AI) -> tuple[str, list[tuple[str, str]]]:
    pairs: dict[str, list[Inference]] = {}
    for row in ai.inference:
        if row.study.startswith("Morrison"):
            pairs.setdefault(row.subject, []).append(row)
    ratios = [max(map(_wh, two)) / min(map(_wh, two)) for two in pairs.values() if len(two) == 2]
    if not ratios:
        return "", []
    return (
        f" At one request a second a GPU takes {_times(min(ratios))} to {_times(max(ratios))} times "
        "the energy per request that it takes when all come at once.",
        _of(next(iter(pairs.values()))[0]),
    )


def _pue_spread(ai: AI) -> Finding | None:
    newest = [f for f in ai.facilities if f.kind == "reported" and f.year >= 2023]
    if len(newest) < 2:
        return None
    low, high = min(newest, key=lambda f: f.pue), max(newest, key=lambda f: f.pue)
    without = [m for m in ai.models if m.training_energy_mwh and m.pue_note != "included"]
    of = sum(1 for m in ai.models if m.training_energy_mwh)
    return _finding(
        "ai-pue-spread",
        CHALLENGES,
        f"The building adds its own: PUE reported for 2023 and later runs from {low.pue:.2f} "
        f"({low.provider}) to {high.pue:.2f} ({high.provider}), {percent(high.pue / low.pue - 1, 0)} "
        f"more for the same work; {len(without):,} of {of:,} figures of training energy leave it out "
        "or do not say.",
        [(f.source_title, f.source_url) for f in (low, high)],
    )


def _grids(ai: AI) -> Finding | None:
    known = [grid for grid in ai.grids if grid.intensity_g_per_kwh > 0]
    none = len(ai.grids) - len(known)
    if len(known) < 2:
        return None
    low = min(known, key=lambda grid: grid.intensity_g_per_kwh)
    high = max(known, key=lambda grid: grid.intensity_g_per_kwh)
    zero = f", {none:,} with 0 in the table left out" if none else ""
    return _finding(
        "ai-grids",
        CHALLENGES,
        f"The grid decides: the same training emits "
        f"{_times(high.intensity_g_per_kwh / low.intensity_g_per_kwh)} times as much in {high.name} "
        f"({quantity(high.intensity_g_per_kwh, 'g/kWh')}) as in {low.name} "
        f"({quantity(low.intensity_g_per_kwh, 'g/kWh')}), of {len(known):,} countries{zero}. "
        f"Source: {ai.grid_source}.",
    )


def _disagreements(ai: AI) -> Finding | None:
    groups: dict[str, list[AIModel]] = {}
    for model in ai.models:
        if model.same_training and model.training_energy_mwh:
            groups.setdefault(model.same_training, []).append(model)
    pairs = [sorted(two, key=_energy) for two in groups.values() if len(two) > 1]
    disputed = {f.model for f in ai.figures if f.reason == "dispute"}
    errors = sum(f.reason == "error" for f in ai.figures)
    if not pairs:
        return None
    widest = max(pairs, key=lambda two: _energy(two[-1]) / _energy(two[0]))
    low, high = widest[0], widest[-1]
    return _finding(
        "ai-disagreements",
        CHALLENGES,
        f"Sources disagree: on {len(pairs) + len(disputed):,} trainings there are rival figures, the "
        f"widest {_times(_energy(high) / _energy(low))} times apart ({high.label}: {_mwh(high)}; "
        f"{low.label}: {_mwh(low)}), and {errors:,} figures in circulation are plain errors. All are "
        "drawn.",
        _of(low, high),
    )


def ai_findings(summary: Summary) -> list[Finding]:
    """All that hold, in the order of the page."""
    ai = summary.ai
    if not ai.models:
        return []
    listed = [
        _training(ai),
        _emissions(ai),
        _elsewhere(ai),
        _year(ai),
        _parameters(ai),
        _accuracy(ai),
        _inference(ai),
        _edge(ai),
        _flops(ai),
        _pue(ai),
        _recomputed(ai),
        _few_measure(ai),
        _tdp(ai),
        _idle(ai),
        _pue_spread(ai),
        _grids(ai),
        _disagreements(ai),
    ]
    return [finding for finding in listed if finding is not None]
