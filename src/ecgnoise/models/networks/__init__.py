"""Networks in torch, one file for each kind. They need the extra ``train``."""
