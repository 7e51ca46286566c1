"""The layers of a ``.net`` file as plain arrays, and getters that say what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurodeploy.errors import ModelError, ShapeMismatch, UnreadableFile, UnsupportedNode

READ = frozenset(
    f"{group}{name}"
    for group, names in {
        "": "type shape weight weight/real weight/imag weight_rec bias delay stride padding dilation groups",
        "neuron/": "type iDecay vDecay vThMant sinDecay cosDecay sigma_output messageBits "
        "refDelay gradedSpike wgtExp activation",
    }.items()
    for name in names.split()
)
"""Datasets of a layer that mean something."""
MOST_VALUES_PER_BYTE = 1032
"""What deflate can do at most; a damaged file may claim more than any memory holds."""
AGAIN = "export it again with slayer's export_hdf5, and check that lava-dl's netx loads it"


@dataclass(frozen=True, eq=False)
class Record:
    """One layer of the file.

    Attributes:
        index: Its number.
        data: Its datasets by path, such as ``weight`` and ``neuron/type``.
        origin: The file.
    """

    index: int
    data: Mapping[str, NDArray[Any]]
    origin: str

    @property
    def where(self) -> str:
        """The place, for messages."""
        kind = _text(self.data["type"]) if "type" in self.data else None
        return f"{self.origin}, layer {self.index}" + (f" ({kind})" if kind else "")

    @property
    def has_neuron(self) -> bool:
        """Whether the layer has a group ``neuron``."""
        return any(name.startswith("neuron/") for name in self.data)

    def fault(self, what: str, remedy: str = AGAIN, kind: type[ModelError] = UnsupportedNode) -> ModelError:
        """An error about this layer, to be raised."""
        return kind(what, where=self.where, remedy=remedy)

    def text(self, name: str) -> str:
        """A string: ASCII bytes, scalar or (1,)."""
        if name not in self.data:
            raise self.fault(f"there is no '{name}'", kind=UnreadableFile)
        value = _text(self.data[name])
        if value is None:
            raise self.fault(f"'{name}' is not a string", kind=UnreadableFile)
        return value

    def numbers(self, name: str) -> NDArray[Any]:
        """Finite numbers of any shape."""
        if name not in self.data:
            raise self.fault(f"there is no '{name}'", kind=UnreadableFile)
        values = self.data[name]
        if values.dtype.kind not in "iufb" or values.size == 0 or not np.all(np.isfinite(values)):
            raise self.fault(f"'{name}' does not hold finite numbers", kind=UnreadableFile)
        return values

    def integers(self, name: str) -> NDArray[np.int64]:
        """Integers of any shape, stored in any type; fractions, which netx would cut off, are refused."""
        values = self.numbers(name)
        if values.dtype.kind == "f" and np.any(values != np.rint(values)):
            value = values[values != np.rint(values)].flat[0]
            raise self.fault(
                f"'{name}' holds {value:g}, not an integer (netx would cut off the fraction)",
                "store integers: slayer's export_hdf5 quantises, or round yourself",
            )
        if np.abs(values.astype(np.float64)).max() > 2**31:
            raise self.fault(f"'{name}' holds values beyond 32 bits", kind=UnreadableFile)
        return values.astype(np.int64)

    def integer(self, name: str) -> int:
        """One integer, scalar or (1,)."""
        values = self.integers(name)
        if values.size != 1:
            raise self.fault(f"'{name}' has shape {values.shape}, one number is expected", kind=ShapeMismatch)
        return int(values.item())

    def pair(self, name: str) -> tuple[int, int]:
        """(H, W) from one number or two."""
        values = self.integers(name).ravel()
        if values.size > 2:
            raise self.fault(f"'{name}' has {values.size} values, not one or (H, W)", kind=ShapeMismatch)
        return int(values[0]), int(values[-1])

    def shape(self) -> tuple[int, ...]:
        """``shape`` as positive integers, in the file's order (C, H, W)."""
        values = self.integers("shape").ravel()
        if np.any(values < 1):
            raise self.fault(f"shape {values.tolist()} is not positive", kind=ShapeMismatch)
        return tuple(int(n) for n in values)


def _text(values: NDArray[Any]) -> str | None:
    """The first string of an array, None if there is none."""
    first = values.ravel()[:1].tolist()
    if not first or not isinstance(first[0], (bytes, str)):
        return None
    return first[0].decode("ascii", "replace") if isinstance(first[0], bytes) else first[0]


def read_records(path: Path) -> list[Record]:
    """All layers, in order.

    Raises:
        UnreadableFile: Missing, not HDF5, damaged, or not a netx file.
    """
    import h5py

    origin = str(path)
    if not path.is_file():
        raise UnreadableFile("no such file", where=origin, remedy="check the path")
    if not h5py.is_hdf5(path):
        raise UnreadableFile("the file is not HDF5", where=origin, remedy="give a .net file of lava-dl")
    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get("layer"), h5py.Group):
                raise UnreadableFile(
                    "the file is HDF5 but has no group 'layer'", where=origin, remedy="give a .net file of lava-dl"
                )
            most = MOST_VALUES_PER_BYTE * path.stat().st_size
            layers = {_name(name): _datasets(group, most) for name, group in file["layer"].items()}
    except UnreadableFile:
        raise
    except Exception as error:  # h5py raises whatever a damaged file makes it meet
        raise UnreadableFile(
            f"not a readable .net file: {type(error).__name__}: {error}", where=origin, remedy=AGAIN
        ) from error
    names = [str(k) for k in range(len(layers))]
    if not names or set(names) != layers.keys():
        raise UnreadableFile(
            f"the layers are called {', '.join(sorted(layers)) or 'nothing'}, not 0, 1, ...",
            where=origin,
            remedy="number the layers from 0 without gaps",
        )
    return [Record(k, layers[name], origin) for k, name in enumerate(names)]


def _datasets(group: Any, most_values: int) -> dict[str, NDArray[Any]]:
    import h5py

    found: dict[str, NDArray[Any]] = {}

    def visit(given: str | bytes, node: Any) -> None:
        name = _name(given)
        if name in READ and isinstance(node, h5py.Dataset):
            if node.size is None or node.size > (1 if node.dtype.kind == "O" else most_values):
                raise ValueError(f"'{name}' of {node.dtype} claims {node.size} values")
            found[name] = np.asarray(node[()])

    group.visititems(visit)
    return found


def _name(name: str | bytes) -> str:
    """h5py hands out names that are not UTF-8 as bytes."""
    return name.decode("ascii", "replace") if isinstance(name, bytes) else name
