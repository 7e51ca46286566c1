"""Populations without a regular shape: which neurons share a core so that few messages travel.

``hypergraph`` holds a population as neurons and the sources that reach them; ``build`` makes it of a network;
``search`` orders, fills and refines it in C; ``definition`` says in Python what that C computes, bit for bit.
"""
