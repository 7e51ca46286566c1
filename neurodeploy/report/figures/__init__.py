"""Pictures as SVG elements that take their colours from the page.

Written by hand rather than by a plotting library: the same elements then serve light, dark and printed pages, a picture
is some kilobytes, and the same numbers give the same bytes.
"""
