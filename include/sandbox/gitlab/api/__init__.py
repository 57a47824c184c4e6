"""Routes: one module per resource family. They translate; decisions lie in `rules` and `services`."""
