"""A conformance suite for backends of NIR: small graphs, input spikes, and what must come out, bit for bit.

The format is described in ``docs/conformance-format.md``; :class:`neurodeploy.conformance.backend.Backend` is what an
adapter looks like, and ``neurodeploy conformance run package.module:factory`` runs it.
"""
