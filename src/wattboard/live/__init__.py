"""The recorder and the local server."""
