"""What tenants have spent, and may still spend: counted in memory, a file, or Redis; refused where a cap is reached."""
