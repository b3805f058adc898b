"""Runs models in turn on one machine and says how many times faster each is than one of them: `llmopt bench`.

`api` is the way in (`llmopt.bench.compare`). Each model lives in a process of its own (`opened` is what runs there), so
that its peak of memory is its own. `asked` and `requests` say what to run, `turns` times one model once, `rounds` runs
all of them in random order until the ratios are known well enough, `ratios` and `figures` make figures of that, `judge`
compares answers, `checks` holds them against what the user asked for. `result` has all the figures.
"""
