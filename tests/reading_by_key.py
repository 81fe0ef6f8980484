"""Reading a chart's values with the keyboard, in a browser."""

from __future__ import annotations

from typing import Any


def read_by_key(page: Any, figure: str, key: str) -> str:
    """What a figure says after a key that its chart in focus is given.

    It is said some time after the key; what was said before is taken away,
    so that it is not taken for it.
    """
    reading = page.locator(f"#{figure} .reading")
    reading.evaluate("(one) => { one.textContent = ''; }")
    page.keyboard.press(key)
    page.wait_for_function(
        "(figure) => document.querySelector(`#${figure} .reading`).textContent", arg=figure
    )
    return str(reading.text_content())
