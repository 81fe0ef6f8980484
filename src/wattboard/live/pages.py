"""The static pages of a recording, built on demand by a process of their own.

A build is work; in the recorder's process it would hold up the readings.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from wattboard.site import toml

if TYPE_CHECKING:
    from wattboard.settings import Settings

NICE = 10


@dataclass(slots=True)
class Pages:
    """Where the pages stand, and the build of them: one at a time."""

    settings: Settings
    recording: Path
    site: Path
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def built(self) -> bool:
        """True if there are pages to show."""
        return (self.site / "index.html").is_file()

    @property
    def built_us(self) -> int | None:
        """When they were built; None without any."""
        try:
            return (self.site / "index.html").stat().st_mtime_ns // 1000
        except FileNotFoundError:
            return None

    async def build(self) -> str | None:
        """Build them anew; what went wrong, or None."""
        async with self._building:
            with tempfile.TemporaryDirectory(prefix="wattboard-live-") as folder:
                config = Path(folder) / "wattboard.toml"
                config.write_text(self._toml(), "utf-8")
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "wattboard", "build", "--config", str(config), "-q"),
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                )
                # Behind the recorder.
                psutil.Process(process.pid).nice(NICE)
                try:
                    _, said = await process.communicate()
                except asyncio.CancelledError:
                    process.kill()
                    await process.wait()
                    raise
        if process.returncode == 0:
            return None
        return (
            said.decode("utf-8", "replace").strip() or f"The build ended with {process.returncode}."
        )

    def _toml(self) -> str:
        # Pages to click through are a folder, whatever the settings make for others.
        given = self.settings.model_dump(exclude_none=True, exclude={"log", "out", "single_file"})
        given |= {"log": [str(self.recording.resolve())], "out": str(self.site.resolve())}
        return "".join(f"{name} = {toml(value)}\n" for name, value in given.items())
