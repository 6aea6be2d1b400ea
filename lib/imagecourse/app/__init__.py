"""The demo: what the course's models can do, as a page in a browser. Needs the extra `imagecourse[app]`."""
