"""What a search for logs passes over, on the disk and at addresses, and what it says of it."""

# In a folder that a build wrote (the site's writer puts it there): its tables are no readings.
SITE_MARKER = ".wattboard"
BUILT_BY_US = "the folder {} was built by wattboard: passed over"
NO_FILE = "{} is no file, or a link that leads nowhere: passed over"
