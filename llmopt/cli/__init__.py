"""The command line: one file a command, found by `registry`, run by `main`.

A command takes its shared options from `options` (`format: FormatOption = None`, `output: OutputOption = None`,
`quiet`, `verbose`), makes a `Report` and a JSON payload from its result, and hands both to `output.write`. It
raises; it catches nothing and prints nothing.
"""
