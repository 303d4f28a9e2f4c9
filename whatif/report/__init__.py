"""Report the result as text and as a page."""
