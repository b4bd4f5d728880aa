"""Operations: administration, health checks and metrics."""
