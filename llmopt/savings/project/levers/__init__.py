"""What one lever does to one call: routing, swaps, compression, batch discounts, own machines."""
