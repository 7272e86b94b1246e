"""Every figure of a report, one module a subject; a figure without data is absent, not empty."""
