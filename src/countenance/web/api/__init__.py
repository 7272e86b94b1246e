"""The JSON API, version 1: the same functions as the pages, with types."""
