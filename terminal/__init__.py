"""Set text for a terminal. Pure, and ASCII alone, whatever the terminal can show."""
