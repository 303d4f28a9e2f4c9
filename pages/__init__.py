"""Make pages that need nothing from outside: one file, no script, two colour schemes, wide screens and telephones."""
