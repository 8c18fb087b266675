"""Pure functions on signals: float32 arrays whose last axis is time, vectorised across leads."""
