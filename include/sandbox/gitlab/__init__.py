"""A GitLab-compatible server for one machine: API v4 subset, smart-HTTP git, state in one folder."""
