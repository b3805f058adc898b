"""The parts of a page: its tables, charts, downloads and looks (`llmopt.report.as_html` puts them together)."""
