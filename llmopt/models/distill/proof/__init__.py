"""Teacher and student side by side: quality on texts that neither training nor stopping has seen, speed and size."""
