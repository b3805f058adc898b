"""Project a log that is read in parts, anywhere: what parts say of their calls, dealt by request, adds up."""
