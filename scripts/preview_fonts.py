"""The fonts of the preview picture, out of DejaVu.

    npm pack dejavu-fonts-ttf@2.37.3
    pip install fonttools
    python scripts/preview_fonts.py dejavu-fonts-ttf-2.37.3.tgz src/wattboard/site/fonts

Input: the npm package dejavu-fonts-ttf 2.37.3, whose SHA-256 is checked. Output: DejaVu Sans and DejaVu
Sans Bold with Latin, Greek and Cyrillic letters, punctuation and the signs that units need, a tenth of
their size, and their licence, which must go with them.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

SHA256 = "b7013ac58f9225250619db82cfb72e99c37ca8195f2b5a06a9e6a95bc5e1c84a"
FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")
RANGES = (
    *((0x20, 0x7E), (0xA0, 0x17F), (0x218, 0x21B), (0x370, 0x3FF), (0x400, 0x45F), (0x490, 0x491)),
    *((0x1E00, 0x1EFF), (0x2009, 0x2015), (0x2018, 0x2026), (0x202F, 0x203A), (0x2070, 0x208E)),
    *((0x20A0, 0x20BF), (0x2116, 0x2116), (0x2122, 0x2122), (0x2190, 0x2193), (0x2212, 0x2212)),
    *((0x2248, 0x2248), (0x2260, 0x2265)),
)


def main(package: str, folder: str) -> None:
    data = Path(package).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        sys.exit(f"{package} is not dejavu-fonts-ttf 2.37.3: its SHA-256 is {found}")
    options = subset.Options(hinting=False, layout_features=["kern"], notdef_outline=True)
    options.drop_tables += ["FFTM"]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for name in FONTS:
            font = TTFont(tar.extractfile(f"package/ttf/{name}"), recalcTimestamp=False)
            subsetter = subset.Subsetter(options)
            subsetter.populate(unicodes={c for low, high in RANGES for c in range(low, high + 1)})
            subsetter.subset(font)
            font.save(Path(folder) / name)
        licence = tar.extractfile("package/LICENSE").read()
    (Path(folder) / "LICENSE.txt").write_bytes(licence.replace(b"\r\n", b"\n"))


if __name__ == "__main__":
    main(*sys.argv[1:])
