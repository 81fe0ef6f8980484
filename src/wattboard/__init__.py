"""From server power logs to an honest, shareable energy and carbon dashboard."""
