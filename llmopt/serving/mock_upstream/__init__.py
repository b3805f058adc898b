"""An upstream for tests and benchmarks that answers as OpenAI and Anthropic do: slow, busy or broken as wanted."""
