"""Country shapes and marker points for the world map, out of Natural Earth.

    npm pack world-atlas@2.0.2
    pip install pycountry
    python scripts/world_shapes.py world-atlas-2.0.2.tgz src/wattboard/site/assets/world-shapes.js

Input: the npm package world-atlas 2.0.2 (Michael Bostock, ISC licence), which redistributes the
country boundaries of Natural Earth 4.1.0 (public domain, naturalearthdata.com) as TopoJSON. Its
SHA-256 is checked. Borders stay as Natural Earth draws them.

Output: a script file that hands a small TopoJSON to the page, made of the scale 1:50m:

- Ids are ISO 3166-1 alpha-3 (from the numeric codes of the input, by pycountry). Kosovo has no ISO code
  and gets ``XKX``, as in the tables. Somaliland, Northern Cyprus, the Siachen Glacier and Australia's
  Indian Ocean Territories have none here either: they keep their shapes and names under ids that
  begin with ``-``, so that no table gives them a value.
- Natural Earth draws French Guiana, Guadeloupe, Martinique, Mayotte and Réunion as parts of France, and
  Bonaire, Sint Eustatius and Saba as parts of the Netherlands. They have ISO codes of their own, and
  some have figures of their own, so they are told apart here, by where they lie.
- Antarctica is left out: the map ends at 58° south, and no table has a value for it.
- Lines are simplified arc by arc (Visvalingam and Whyatt 1993, Line generalisation by repeated
  elimination of points, The Cartographic Journal 30: 46-51), so that neighbours keep one common border;
  islands too small to be seen are left out where a country has a larger part.
- ``points`` holds a place inside each country's largest part, and whether the country is small (under
  SMALL_KM2) and needs a marker to be seen. What 1:50m lacks (Gibraltar, Tuvalu) has a point from 1:10m.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import math
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pycountry

SHA256 = "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"
# Square degrees at the equator: the area of the smallest triangle that a line keeps, and of the
# smallest island that is kept beside a larger part of its country.
LEAST_TRIANGLE = 0.008
LEAST_ISLAND = 0.04
SMALL_KM2 = 6000.0
KM2_PER_SQUARE_DEGREE = 12_364.0
GRID = 0.02  # degrees; a sixth of a pixel on a map 3,000 pixels wide
NAMED = {
    "Kosovo": "XKX",
    "Somaliland": "-somaliland",
    "N. Cyprus": "-northern-cyprus",
    "Siachen Glacier": "-siachen",
    "Indian Ocean Ter.": "-indian-ocean-territories",
}
LEFT_OUT = {"ATA"}
# Code, name, and the box (west, south, east, north) that its parts lie in.
APART = {
    "FRA": (
        ("GUF", "French Guiana", (-55, 2, -51, 6)),
        ("GLP", "Guadeloupe", (-62, 15.8, -60.9, 16.6)),
        ("MTQ", "Martinique", (-61.3, 14.3, -60.7, 15)),
        ("MYT", "Mayotte", (44.9, -13.1, 45.4, -12.5)),
        ("REU", "Réunion", (55, -21.5, 56, -20.8)),
    ),
    "NLD": (("BES", "Bonaire, Sint Eustatius and Saba", (-68.6, 11.9, -62.8, 17.8)),),
}

Point = tuple[float, float]
Ring = list[int]
Shapes = dict[str, tuple[str, list[list[Ring]]]]


def read(package: Path, scale: str) -> dict[str, Any]:
    """One file of the npm package."""
    with tarfile.open(package) as archive:
        member = archive.extractfile(f"package/countries-{scale}.json")
        if member is None:
            sys.exit(f"{package} has no countries-{scale}.json")
        found: dict[str, Any] = json.load(member)
    return found


def absolute(topology: dict[str, Any]) -> list[list[Point]]:
    """The arcs in degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((x * sx + tx, y * sy + ty))
        found.append(line)
    return found


def code_of(geometry: dict[str, Any]) -> str:
    """The id of a shape."""
    name = geometry["properties"]["name"]
    if name in NAMED:
        return NAMED[name]
    country = pycountry.countries.get(numeric=geometry.get("id", ""))
    if country is None:
        return ""
    return str(country.alpha_3)


def shapes_of(topology: dict[str, Any]) -> Shapes:
    """Id -> name and polygons, each a list of rings of arc numbers."""
    found: Shapes = {}
    for geometry in topology["objects"]["countries"]["geometries"]:
        code, name = code_of(geometry), geometry["properties"]["name"]
        if not code:
            sys.exit(f"{name} has no code: add it to NAMED")
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        found.setdefault(code, (name, []))[1].extend(polygons)
    return found


def points_of(ring: Ring, arcs: list[list[Point]]) -> list[Point]:
    """A ring's points, the first again at the end."""
    line: list[Point] = []
    for number in ring:
        part = arcs[number] if number >= 0 else arcs[~number][::-1]
        line += part[1:] if line else part
    return line


def area(line: list[Point]) -> float:
    """Square degrees at the equator, positive where the ring runs clockwise.

    Lambert's cylindrical equal-area projection: x = longitude, y = sin(latitude).
    """
    total = 0.0
    for (ax, ay), (bx, by) in itertools.pairwise(line):
        # A ring over the antimeridian jumps by 360 degrees there.
        step = bx - ax
        if abs(step) > 180:
            step -= math.copysign(360, step)
        total += step * (math.sin(math.radians(ay)) + math.sin(math.radians(by)))
    return math.degrees(total / 2)


def tell_apart(shapes: Shapes, arcs: list[list[Point]]) -> None:
    """Parts that have a code of their own leave the country that Natural Earth draws them with."""
    for code, parts in APART.items():
        name, polygons = shapes[code]
        for part, called, (west, south, east, north) in parts:
            inside = [
                polygon
                for polygon in polygons
                if all(
                    west <= x <= east and south <= y <= north
                    for x, y in points_of(polygon[0], arcs)
                )
            ]
            if not inside:
                sys.exit(f"no part of {name} lies where {called} is")
            polygons = [polygon for polygon in polygons if polygon not in inside]
            shapes[part] = (called, inside)
        shapes[code] = (name, polygons)


def simplify(line: list[Point], least: float) -> list[Point]:
    """Without the points whose triangle with their neighbours is smaller; the ends stay."""
    count = len(line)
    before, after = list(range(-1, count - 1)), list(range(1, count + 1))
    keeps = 4 if line[0] == line[-1] else 2

    def size(i: int) -> float:
        (ax, ay), (bx, by), (cx, cy) = line[before[i]], line[i], line[after[i]]
        wide = math.cos(math.radians(by))
        return abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) * wide / 2

    heap = [(size(i), i) for i in range(1, count - 1)]
    heapq.heapify(heap)
    current = {i: s for s, i in heap}
    left, floor = count, 0.0
    while heap and left > keeps:
        value, i = heapq.heappop(heap)
        if current.get(i) != value:
            continue
        floor = max(floor, value)
        if floor >= least:
            break
        del current[i]
        left -= 1
        after[before[i]], before[after[i]] = after[i], before[i]
        for j in (before[i], after[i]):
            if 0 < j < count - 1:
                current[j] = max(size(j), floor)
                heapq.heappush(heap, (current[j], j))
    return [point for i, point in enumerate(line) if i in current or i in (0, count - 1)]


def snapped(line: list[Point]) -> list[tuple[int, int]]:
    """On the grid, without points that fall together."""
    found: list[tuple[int, int]] = []
    for x, y in line:
        point = (round(x / GRID), round(y / GRID))
        if not found or point != found[-1]:
            found.append(point)
    return found


def inside_of(line: list[Point]) -> Point:
    """A point well inside a ring: the middle of the widest of the chords along 41 parallels."""
    low, high = min(y for _, y in line), max(y for _, y in line)
    best = (-1.0, line[0])
    for step in range(1, 42):
        y = low + (high - low) * step / 42
        xs = sorted(
            ax + (y - ay) / (by - ay) * (bx - ax)
            for (ax, ay), (bx, by) in itertools.pairwise(line)
            if (ay > y) != (by > y)
        )
        for left, right in zip(xs[::2], xs[1::2], strict=False):
            # A wide chord near the top of a shape is worse than one through its middle.
            depth = min(right - left, 4 * (y - low), 4 * (high - y))
            if depth > best[0]:
                best = (depth, ((left + right) / 2, y))
    return best[1]


def largest(polygons: list[list[Ring]], arcs: list[list[Point]]) -> list[Point]:
    """The outline of the largest part."""
    return max((points_of(polygon[0], arcs) for polygon in polygons), key=lambda p: abs(area(p)))


def marks(shapes: Shapes, arcs: list[list[Point]]) -> Iterator[tuple[str, list[float]]]:
    """Id -> longitude, latitude, and 1 where the country is small."""
    for code, (_, polygons) in shapes.items():
        km2 = sum(area(points_of(polygon[0], arcs)) for polygon in polygons) * KM2_PER_SQUARE_DEGREE
        x, y = inside_of(largest(polygons, arcs))
        yield code, [round(x, 2), round(y, 2), int(km2 < SMALL_KM2)]


def trimmed(shapes: Shapes, arcs: list[list[Point]], lines: list[list[Point]]) -> Shapes:
    """Without islands that are too small to be seen, and rings that simplifying has flattened."""
    found: Shapes = {}
    for code, (name, polygons) in shapes.items():
        top = area(largest(polygons, arcs))
        kept = []
        for polygon in polygons:
            sizes = [area(points_of(ring, arcs)) for ring in polygon]
            rings = [
                ring
                for ring, size in zip(polygon, sizes, strict=True)
                # What runs the other way round after simplifying would fill the globe.
                if area(points_of(ring, lines)) * size > 0
            ]
            if rings and rings[0] is polygon[0] and (sizes[0] >= LEAST_ISLAND or sizes[0] == top):
                kept.append(rings)
        if kept:
            found[code] = (name, kept)
    return found


def packed(shapes: Shapes, lines: list[list[Point]]) -> dict[str, Any]:
    """TopoJSON with only the arcs that are used."""
    places: dict[int, int] = {}
    arcs: list[list[list[int]]] = []

    def place(number: int) -> int:
        arc = number if number >= 0 else ~number
        if arc not in places:
            places[arc] = len(arcs)
            line = snapped(lines[arc])
            steps = [list(line[0])]
            steps += [[bx - ax, by - ay] for (ax, ay), (bx, by) in itertools.pairwise(line)]
            arcs.append(steps)
        return places[arc] if number >= 0 else ~places[arc]

    geometries = [
        {
            "type": "MultiPolygon",
            "id": code,
            "properties": {"name": name},
            "arcs": [
                [[place(number) for number in ring] for ring in polygon] for polygon in polygons
            ],
        }
        for code, (name, polygons) in sorted(shapes.items())
    ]
    return {
        "type": "Topology",
        "transform": {"scale": [GRID, GRID], "translate": [0, 0]},
        "objects": {"countries": {"type": "GeometryCollection", "geometries": geometries}},
        "arcs": arcs,
    }


def main(package: Path, out: Path) -> None:
    """Write the script file."""
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{package} is not world-atlas 2.0.2: its SHA-256 is {found}")
    topology, finer = read(package, "50m"), read(package, "10m")
    arcs = absolute(topology)
    shapes = shapes_of(topology)
    tell_apart(shapes, arcs)
    for code in LEFT_OUT:
        del shapes[code]
    points = dict(marks(shapes, arcs))
    fine_arcs = absolute(finer)
    for geometry in finer["objects"]["countries"]["geometries"]:
        code = code_of(geometry)
        if code and code not in points and code not in LEFT_OUT:
            polygons = geometry["arcs"]
            polygons = polygons if geometry["type"] == "MultiPolygon" else [polygons]
            here = {code: (geometry["properties"]["name"], polygons)}
            points |= dict(marks(here, fine_arcs))
    lines = [[(x * GRID, y * GRID) for x, y in snapped(simplify(a, LEAST_TRIANGLE))] for a in arcs]
    kept = trimmed(shapes, arcs, lines)
    result = packed(kept, lines)
    result["points"] = dict(sorted(points.items()))
    result["source"] = (
        "Natural Earth 4.1.0, 1:50m, public domain; by way of world-atlas 2.0.2 (ISC licence)"
    )
    data = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
    out.write_text(f'wattboard.table("world-shapes", {data});\n', "utf-8")
    count = sum(len(arc) for arc in result["arcs"])
    small = sorted(code for code, point in points.items() if point[2])
    flat = sorted(set(shapes) - set(kept))
    print(f"{out}: {out.stat().st_size:,} bytes, {len(kept)} shapes, {count:,} points")
    print(f"too small for a shape, points only: {' '.join(flat)}")
    print(f"small, with a marker: {' '.join(small)}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
