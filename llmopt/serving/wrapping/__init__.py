"""Cache, routing, compression and metering within an application: around the clients of `openai` and `anthropic`."""
