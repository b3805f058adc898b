"""What a gateway with its settings would do, and what stands in the way: for `llmopt gateway --check`."""
