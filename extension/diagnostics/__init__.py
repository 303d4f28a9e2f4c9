"""Tell users about the extension itself."""
