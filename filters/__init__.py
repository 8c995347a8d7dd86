"""What we keep; pure functions over Arrow columns."""
