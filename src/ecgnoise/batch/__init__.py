"""Many recordings: files one by one, and archives in parts."""
