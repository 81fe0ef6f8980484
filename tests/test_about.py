"""What pages say of themselves: titles, addresses, previews, the Dataset, the citation."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wattboard import build
from wattboard.addresses import site_address
from wattboard.charts import figures
from wattboard.errors import UsageError
from wattboard.reference import calculator_tables
from wattboard.settings import Settings, read_settings
from wattboard.site import PAGES, render, settings_command
from wattboard.site.about import site_name
from wattboard.site.citing import authors, bibtex
from wattboard.site.dataset import dataset
from wattboard.site.embedding import with_embedding
from wattboard.site.preview import HEIGHT, STAMP, WIDTH, key_figures, preview
from wattboard.summary import Range, Summary

BASE = "https://example.org/energy/"
HOSTILE = '</script><script>alert(1)</script>"&{}%$#_^~\\ <!--'


@pytest.fixture(scope="module")
def summary(sample_built: build.Built) -> Summary:
    # Of pages alone, without tiles beside them.
    return sample_built.summary.model_copy(update={"pyramid": None})


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return calculator_tables()


def given(summary: Summary, **settings: str) -> Summary:
    return summary.model_copy(update={"settings": {**summary.settings, **settings}})


def site(summary: Summary, tables: dict[str, Any]) -> dict[str, bytes]:
    return render(summary, figures(summary), b"/* plotly */", tables)


def meta(html: str, name: str) -> str | None:
    found = re.search(rf'<meta (?:name|property)="{name}" content="([^"]*)">', html)
    return unescape(found.group(1)) if found else None


def described(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert found
    return json.loads(found.group(1))


# --- settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTP://Example.ORG:8080/a//", "http://example.org:8080/a/"),
        ("https://example.org/a/index.html", "https://example.org/a/"),
        ("https://münchen.example/é %C3%A9/".replace(" ", ""), None),
        ("http://[::1]:8000/x", "http://[::1]:8000/x/"),
    ],
)
def test_one_form_of_an_address(text: str, address: str | None) -> None:
    found = site_address(text)
    assert found == (address or "https://xn--mnchen-3ya.example/%C3%A9%C3%A9/")
    assert site_address(found) == found


@pytest.mark.parametrize(
    "text",
    [
        *("ftp://example.org/", "example.org", "javascript:alert(1)", "https://", "//example.org"),
        *("https://a:b@example.org/", "https://example.org/?q=1", "https://example.org/#x"),
        *("https://exa mple.org/", 'https://example.org/"><script>', "https://example.org/x\n"),
        *("https://example.org:99999/", "https://[::1/", "https://example.org/power.html"),
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings(None, {"log": ["a.csv"], "base_url": text})
    assert "https://example.org/energy/" in caught.value.hint


@pytest.mark.parametrize(
    "settings", [{"title": " \n"}, {"title": "\x1b[2J"}, {"author": "Mar{i}a"}, {"author": "{Lab"}]
)
def test_what_is_no_name(settings: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        read_settings(None, settings)


def test_in_a_file(tmp_path: Path) -> None:
    config = tmp_path / "wattboard.toml"
    config.write_text(
        'log = "a.csv"\ntitle = "Rack  4"\nauthor = "{A Lab}"\nbase_url = "https://example.org/energy"\n'
        "single_file = true\n"
    )
    settings = read_settings(config, {})
    assert (settings.title, settings.author, settings.base_url) == ("Rack 4", "{A Lab}", BASE)
    assert settings.single_file
    assert settings.target() == Path("wattboard.html")
    assert not read_settings(config, {"single_file": False}).single_file


def test_names_change_no_number(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("time,power_w\n" + "".join(f"2021-05-05 00:{m:02}:00,100\n" for m in range(60)))
    plain, fresh = build.summarise(Settings(log=[str(log)]))
    named, again = build.summarise(Settings(log=[str(log)], title="Rack 4", base_url=BASE))
    assert (fresh, again) == (False, True)
    assert (named.settings["title"], named.settings["base_url"]) == ("Rack 4", BASE)
    assert plain.settings["title"] is None
    assert named.model_copy(update={"settings": plain.settings}) == plain
    assert "--title 'Rack 4'" in settings_command(named)
    assert "single-file" not in settings_command(named)


# --- heads ---------------------------------------------------------------------------------------


def test_every_page_says_what_it_is(summary: Summary, tables: dict[str, Any]) -> None:
    files = site(summary, tables)
    seen = set()
    for page, label in PAGES.items():
        html = files[f"{page}.html"].decode()
        title = re.search("<title>(.*)</title>", html)
        assert title
        assert title.group(1).startswith(label)
        assert unescape(title.group(1)) == meta(html, "og:title")
        text = meta(html, "description")
        assert text == meta(html, "og:description")
        assert text
        assert text.startswith("Simulated data. ")
        seen.add(text)
        assert meta(html, "og:image") == "preview.png"
        assert meta(html, "twitter:card") == "summary_large_image"
        assert "canonical" not in html
        assert meta(html, "og:url") is None
    assert len(seen) == len(PAGES)
    assert not {"sitemap.xml", "robots.txt"} & set(files)


def test_an_address_makes_all_addresses_whole(summary: Summary, tables: dict[str, Any]) -> None:
    files = site(given(summary, base_url=BASE, title="Rack 4 & co"), tables)
    places = []
    for page, label in PAGES.items():
        html = files[f"{page}.html"].decode()
        place = BASE + ("" if page == "index" else f"{page}.html")
        assert f'<link rel="canonical" href="{place}">' in html
        assert meta(html, "og:url") == place
        assert meta(html, "og:image") == f"{BASE}preview.png"
        assert meta(html, "og:title") == (
            "Rack 4 & co" if page == "index" else f"{label} · Rack 4 & co"
        )
        places.append(place)
    assert "<h1>Rack 4 &amp; co</h1>" in files["index.html"].decode()
    # The log's own title stays where it is data.
    assert summary.log.title in files["index.html"].decode()
    tree = ET.fromstring(files["sitemap.xml"])
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert [loc.text for loc in tree.iter(f"{space}loc")] == places
    assert f"Sitemap: {BASE}sitemap.xml\n" in files["robots.txt"].decode()
    assert f"url    = {{{BASE}}}" in files["citation.bib"].decode()


# --- Dataset -------------------------------------------------------------------------------------


def test_the_dataset(summary: Summary, tables: dict[str, Any]) -> None:
    files = site(given(summary, base_url=BASE, author="A. One and {B and C Lab}"), tables)
    found = described(files["methods.html"].decode())
    assert found["@type"] == "Dataset"
    assert found["url"] == BASE
    assert found["temporalCoverage"] == f"{summary.log.first}/{summary.log.last}"
    assert found["description"].startswith("Simulated data")
    assert "simulated" in found["measurementTechnique"]
    assert 50 <= len(found["description"]) <= 5000
    assert found["creator"] == [
        {"@type": "Person", "name": "A. One"},
        {"@type": "Organization", "name": "B and C Lab"},
    ]
    measured = {one["name"]: one for one in found["variableMeasured"]}
    assert measured["Power"]["unitText"] == "W"
    assert measured["Power"]["maxValue"] == summary.power.max_w
    energy = measured["Energy over covered time"]
    assert (energy["value"], energy["unitText"]) == (summary.energy.integrated_kwh, "kWh")
    offered = {one["contentUrl"].removeprefix(BASE) for one in found["distribution"]}
    assert offered == {name for name in files if name.endswith((".csv", ".json"))}
    assert {one["name"] for one in found["isBasedOn"]} == {
        summary.gpus.source,
        summary.co2.source,
        summary.grids.source,
    }
    # What is not known is not said.
    assert not {"license", "identifier", "publisher", "datePublished"} & set(found)
    short = described(files["index.html"].decode())
    assert {one["contentUrl"].removeprefix(BASE) for one in short["distribution"]} <= offered
    assert short["temporalCoverage"] == found["temporalCoverage"]
    assert "ld+json" not in files["power.html"].decode()


def test_without_an_author_or_an_address(summary: Summary) -> None:
    found = json.loads(dataset(summary, ["data/x.csv", "preview.png"]))
    assert not {"creator", "url"} & set(found)
    assert [one["contentUrl"] for one in found["distribution"]] == ["data/x.csv"]


# --- citation ------------------------------------------------------------------------------------


def test_the_citation(summary: Summary) -> None:
    entry = bibtex(given(summary, author="A. One and {B and C Lab}", title="Rack_4 & 50 %"))
    assert entry.startswith("@misc{wattboard-2021-05-05")
    assert "  author = {A. One and {B and C Lab}}," in entry
    assert r"  title  = {{Rack\_4 \& 50 \%}}," in entry
    assert f"  year   = {{{summary.log.last[:4]}}}," in entry
    assert summary.generator in entry
    assert "simulated" in entry
    assert "url" not in entry
    plain = bibtex(summary)
    assert "author" not in plain
    assert list(authors(summary)) == []


def test_hostile_names_stay_text(summary: Summary, tables: dict[str, Any]) -> None:
    bad = given(summary, title=HOSTILE, author="O'<b> & Co_")
    files = site(bad, tables)
    for page in PAGES:
        html = files[f"{page}.html"].decode()
        assert "<script>alert" not in html
        assert meta(html, "og:title") in {HOSTILE, f"{PAGES[page]} · {HOSTILE}"}
    found = described(files["index.html"].decode())
    assert found["name"] == HOSTILE
    entry = files["citation.bib"].decode()
    inside = re.sub(r"\\[{}]", "", entry)
    assert inside.count("{") == inside.count("}")
    assert r"\textbackslash{}" in entry
    assert r"Co\_" in entry


# --- picture -------------------------------------------------------------------------------------


def colours(data: bytes) -> tuple[Image.Image, set[tuple[int, ...]]]:
    image = Image.open(io.BytesIO(data))
    rgb = image.convert("RGB")
    counted = rgb.getcolors(WIDTH * HEIGHT)
    assert counted
    return image, {colour for _, colour in counted}


def near(colour: str, found: set[tuple[int, ...]]) -> bool:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return any(all(abs(a - b) <= 12 for a, b in zip(one, wanted, strict=True)) for one in found)


def test_the_picture(summary: Summary) -> None:
    data = preview(summary, summary.series[-1])
    image, found = colours(data)
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    assert len(data) < 100_000
    assert data == preview(summary, summary.series[-1])
    assert near(STAMP, found), "simulated data is not marked"
    measured = summary.model_copy(update={"simulated": False})
    assert not near(STAMP, colours(preview(measured, summary.series[-1]))[1])


def test_gaps_stay_open_in_the_picture(summary: Summary) -> None:
    line = (0, 0x72, 0xB2)
    series = summary.series[0].model_copy(
        update={
            "bucket_s": 3600.0,
            "start": [f"2021-05-05T{hour:02}:00" for hour in range(12)],
            "mean_w": [100.0] * 4 + [None] * 4 + [100.0] * 4,
            "min_w": [100.0] * 4 + [None] * 4 + [100.0] * 4,
            "max_w": [100.0] * 4 + [None] * 4 + [100.0] * 4,
            "gap_before": [False] * 12,
        }
    )
    image = Image.open(io.BytesIO(preview(summary, series))).convert("RGB")
    reached = {
        x
        for x in range(140, 1140)
        for y in range(340, 570)
        if all(abs(a - b) < 40 for a, b in zip(image.getpixel((x, y)), line, strict=True))
    }
    third = (1140 - 140) / 3
    assert {x for x in reached if x < 140 + third - 50}
    assert {x for x in reached if x > 140 + 2 * third + 50}
    assert not {x for x in reached if 140 + third < x < 140 + 2 * third}


@pytest.mark.parametrize("title", ["Energía, Ελλάδα, Київ: 50 µW – naïve", "電力", "x" * 200, "نص"])
def test_titles_of_all_kinds_are_drawn_or_left_out(summary: Summary, title: str) -> None:
    image, found = colours(preview(given(summary, title=title), summary.series[0]))
    assert image.size == (WIDTH, HEIGHT)
    # Nothing runs out of the picture.
    edge = image.convert("L").crop((WIDTH - 30, 0, WIDTH, HEIGHT))
    assert min(edge.tobytes()) > 250
    assert len(found) > 10


def test_large_figures_do_not_run_into_each_other(summary: Summary) -> None:
    energy = summary.energy.model_copy(update={"integrated_kwh": 1.234567e11})
    foot = summary.footprint.model_copy(update={"cost": 1.234567e12, "currency": "Bs"})
    large = summary.model_copy(update={"energy": energy, "footprint": foot})
    image = Image.open(io.BytesIO(preview(large, summary.series[0]))).convert("L")
    for place in (1, 2, 3):
        x = 60 + place * 270
        between = image.crop((x - 20, 190, x - 4, 300))
        assert min(between.tobytes()) > 240


def test_figures_of_the_picture_are_those_of_the_summary(summary: Summary) -> None:
    found = {label: value for label, value, _ in key_figures(summary)}
    assert list(found)[:4] == ["Energy", "CO2e", "Cost", "Mean power"]
    assert found["Mean power"].startswith(f"{summary.power.mean_w:.1f}")
    foot = summary.footprint.model_copy(
        update={"operational_co2e_kg": Range(value=0.2, low=0.1, high=0.4), "cost": None}
    )
    notes = {x[0]: x[2] for x in key_figures(summary.model_copy(update={"footprint": foot}))}
    assert notes["CO2e"] == "0.100 to 0.400\u202fkg"
    assert "Cost" not in notes
    unknown = foot.model_copy(update={"operational_co2e_kg": None})
    without = key_figures(summary.model_copy(update={"footprint": unknown}))
    assert "CO2e" not in [label for label, _, _ in without]


# --- embedding -----------------------------------------------------------------------------------


def test_every_table_and_chart_can_be_embedded(summary: Summary, tables: dict[str, Any]) -> None:
    files = site(summary, tables)
    assert site_name(summary)
    for page in PAGES:
        html = files[f"{page}.html"].decode()
        offered = re.findall(r'<button [^>]*data-embed="([^"]+)"', html)
        assert len(offered) == len(set(offered))
        ids = re.findall(r'\bid="([^"]*)"', html)
        assert len(ids) == len(set(ids)), page
        charts = re.findall(r'data-chart="([^"]+)"', html)
        assert set(charts) <= set(offered)
        rest = [name for name in offered if name not in charts]
        # All but the three that the calculator fills.
        assert len(rest) == html.count("<table") - 3 * (page == "ai-models")
        for name in offered:
            assert f"{name}-figure" in ids or name in ids


def test_names_of_tables_do_not_change_with_their_counts() -> None:
    row = '<div class="scroll" tabindex="0" aria-label="The first 12 of {} days">{}</div>'
    one, two = (with_embedding(row.format(n, "<table><td></table>")) for n in (20, 300))
    assert 'id="table-the-first-of-days"' in one
    assert 'id="table-the-first-of-days"' in two
    with pytest.raises(ValueError, match="does not stand"):
        with_embedding(row.format(1, "<table></table><p></p>"))
