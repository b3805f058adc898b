"""Charts as SVG, drawn by hand: no library, no script, no font, colours from the page."""
