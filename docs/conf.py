"""The documentation site: Sphinx reads the Markdown of this folder, and pages made from the code."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "wattboard"
version = release = metadata.version("wattboard")
project_copyright = ""

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Markdown as code hosts show it too: nothing but tables, fences, links and anchors of headings.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "signature"
napoleon_use_rtype = False
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "wattboard"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_favicon = "../src/wattboard/site/assets/favicon.svg"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {
        "font-stack": "system-ui, sans-serif",
        "font-stack--monospace": "ui-monospace, 'DejaVu Sans Mono', monospace",
    },
}


def setup(app: Any) -> dict[str, bool]:
    """Write the pages that are made from the code before Sphinx looks for its sources."""
    from reference_pages import pages

    folder = HERE / "reference" / "generated"
    folder.mkdir(exist_ok=True)
    made = pages()
    for path in folder.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        path = folder / name
        # An unchanged page keeps its time, so that Sphinx need not read it again.
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
