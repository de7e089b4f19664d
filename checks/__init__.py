"""What judges a backward pass or an update, anybody's."""
