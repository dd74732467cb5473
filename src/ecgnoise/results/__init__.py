"""Results: scores, grades, intervals, tables and annotations."""
