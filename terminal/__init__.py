"""Speak to people at a terminal, in ASCII alone, whatever it can show. All but `waiting` is pure."""
