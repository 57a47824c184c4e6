"""Plain web pages, so that a repository's link opens something."""
