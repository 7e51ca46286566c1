"""Networks for the golden files: measured vectors, corners by hand, random ones by seed."""

from __future__ import annotations

from fields import MODELS_OF_LAVA
from golden.corners_lif import lif_corners
from golden.corners_models import model_corners
from lava_case import Case
from networks import REGIMES, random_case
from vectors import VECTORS, vector_case

RANDOM = 50
SEED = 0


def drawn() -> dict[str, list[Case]]:
    """Cases by file."""
    every = [random_case(SEED + k) for k in range(RANDOM)]
    random = {f"{r}.npz": [c for c in every if c.label.startswith(r)] for r in dict.fromkeys(REGIMES)}
    models = [
        random_case(SEED + k, regime, model=model)
        for model in MODELS_OF_LAVA
        for k, regime in enumerate(dict.fromkeys(REGIMES))
    ]
    corners = [*(vector_case(label) for label in VECTORS), *lif_corners()]
    return {"corners.npz": corners, "model-corners.npz": model_corners(), "models.npz": models} | random
