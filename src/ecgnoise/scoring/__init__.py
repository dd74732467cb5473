"""The way from a recording to its result, with a model at hand."""
