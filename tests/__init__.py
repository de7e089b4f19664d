"""What pytest runs besides the two files at the top."""
