"""The parity suite: one file an area, each a function of a `Player` that is played on the playground and on a real control plane.

`player` is what the areas speak with, `compare` holds the answers of the two against each other, `known` lists what may
differ and why, `pieces` builds the objects.
"""
