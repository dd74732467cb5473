"""Images of recordings and results. They need the extra ``plot``."""
