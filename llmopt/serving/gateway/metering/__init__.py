"""What calls came to: usage from answers, prices, and one place that puts both together. Nothing here waits."""
