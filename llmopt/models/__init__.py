"""Local models: the only package that owns torch and transformers; importing it loads neither.

`folder` says what a model folder must hold, `layout` how a sentence model turns tokens into one vector. `sentences` and
`lingua` are the optional back ends of `llmopt.prompts`; `checkpoint` opens encoders, classifiers and language models to
be measured and served, on whatever `device`. Each imports its own heavy library when it is imported itself; `factory`
says how to open a checkpoint without importing any.
"""
