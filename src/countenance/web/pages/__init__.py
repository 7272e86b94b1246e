"""Pages, a module for each part of the desk. Without a script they are whole, but for passkeys."""
