"""Schema of ``targets/*.toml``.

Every number of a chip lives once, in its TOML file, beside its source and its status: ``published`` (printed
or measured by that source), ``inferred`` (derived, fitted or borrowed), ``example`` (made up), ``calibrated``
(fitted to a user's measurements) or ``absent`` (nobody says; counted as 0, and said so).
"""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

Status = Literal["published", "inferred", "example", "calibrated", "absent"]
Reset = Literal["zero", "subtract", "none"]
Timing = Literal["serial", "overlap", "max_affine"]
T = TypeVar("T")


class Sourced(Struct, Generic[T], frozen=True, forbid_unknown_fields=True):
    """A fact about a chip: its value, where it comes from and how far to trust it."""

    value: T
    status: Status
    source: Annotated[str, Meta(pattern=r"\S", description="a text that names the source, not empty")]


class Quantity(Sourced[T], Generic[T], frozen=True, forbid_unknown_fields=True):
    """A number; where sources conflict, ``low`` and ``high`` bound what they say (low <= value <= high)."""

    low: T | None = None
    high: T | None = None

    @property
    def band(self) -> tuple[T, T]:
        """Lowest and highest value that a source gives; twice ``value`` where none disagrees."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


_BIT_WIDTH = Meta(ge=1, le=64, description="an integer, 1..64")
IntQuantity = Quantity[int]
Count = Quantity[Annotated[int, Meta(ge=1, description="an integer >= 1")]]
Size = Quantity[Annotated[int, Meta(ge=0, description="an integer >= 0")]]
FloatQuantity = Quantity[Annotated[float, Meta(ge=0, description="a number >= 0")]]
Flag = Sourced[bool]
BitWidths = Sourced[Annotated[tuple[Annotated[int, _BIT_WIDTH], ...], Meta(min_length=1)]]


class Mesh(Struct, frozen=True, forbid_unknown_fields=True):
    """Cores in tiles on a rectangular mesh, and how many chips there can be.

    Attributes:
        cores_per_tile, tiles_x, tiles_y: Of one chip.
        tile_order: Whether tile ids count down a column or along a row first.
        cores_per_chip: Usable cores, at most tiles_x * tiles_y * cores_per_tile.
        chips: The most that can be addressed or that was ever built.
    """

    cores_per_tile: Count
    tiles_x: Count
    tiles_y: Count
    tile_order: Sourced[Literal["column_major", "row_major"]]
    cores_per_chip: Count
    chips: Count


class Core(Struct, frozen=True, forbid_unknown_fields=True):
    """What one core holds. An optional limit that is absent is not known or does not exist.

    Attributes:
        accounting: ``rows``: each resource has its own limit; ``pool``: they also share ``pool_words``.
        neurons, in_axons, out_axon_slots, synapse_words: Limits; a slot is counted as in ``axon``.
        word_bits: Bits of a word of synapse memory.
        synapse_header_bits, synapse_chunk: A header for each chunk of so many synapses; 0: one for the row.
        synapse_index_bits, conv_index_bits: Index stored with each synapse of a dense row, and the widest of a
            (shared) convolution row. ``legal_index_bits``: the widths that an index may have.
        sparse_index_bits: Widest index in a sparse row; absent: as ``synapse_index_bits``, whatever the row.
        conv_row_extra_words: Added to each convolution row.
        delay_slots: Limit of neurons * steps of the longest delay on the core.
        compartment_profiles, vth_profiles, synapse_formats: Distinct settings that a core can hold.
        neuron_groups: Neuron groups of a core.
        pool_words: Limit of in-axons + neurons + synapse words + axon map + axon memory.
        neuron_words, axon_map_neuron_words: Words that a neuron takes in the pool, and in the axon map.
        axon_map_words, axon_mem_words: Limits of these two registers.
        conv_axon_in_words, conv_axon_mem_words: What a core of a convolution is charged.
    """

    accounting: Literal["rows", "pool"]
    neurons: Count
    in_axons: Count
    synapse_words: Count
    word_bits: Count
    synapse_header_bits: Size
    synapse_chunk: Size
    synapse_index_bits: Size
    conv_index_bits: Size
    conv_row_extra_words: Size
    out_axon_slots: Count | None = None
    sparse_index_bits: Size | None = None
    delay_slots: Count | None = None
    legal_index_bits: BitWidths | None = None
    compartment_profiles: Count | None = None
    vth_profiles: Count | None = None
    synapse_formats: Count | None = None
    neuron_groups: Count | None = None
    pool_words: Count | None = None
    neuron_words: Size | None = None
    axon_map_words: Count | None = None
    axon_map_neuron_words: Size | None = None
    axon_mem_words: Count | None = None
    conv_axon_in_words: Size | None = None
    conv_axon_mem_words: Size | None = None


class Compartment(Struct, frozen=True, forbid_unknown_fields=True):
    """Ranges of the neuron's fields and what the neuron can do.

    Attributes:
        decay_bits: Width of du and dv; a decay is a fraction of 2^decay_bits.
        du_min: -1 where the current can be kept for ever, else 0 (which still loses 1/4096 a step).
        dv_max: 4096 where the voltage can be dropped every step, else 4095.
        vth_mantissa_min, vth_mantissa_max, vth_exponent: Threshold = mantissa * 2^exponent.
        bias_mantissa_max, bias_exponent_max: Bias = mantissa * 2^exponent, mantissa of either sign.
        resets: What may happen to v on a spike.
        refractory_max, delay_max: Steps. ``delay_default_max``: longest delay that costs no compartments.
        v0_preload, u0_preload: The initial voltage or current may differ from 0.
        bias_write, vth_write, weight_write: May be written between steps.
        sample_reset: u and v can be set to 0 every given number of steps.
        firing_window, fire_once: Firing only from a start to a stop step; at most one spike a sample.
        programmable: Other neuron models than the current-based leaky integrate-and-fire one can be programmed.
    """

    decay_bits: Count
    du_min: IntQuantity
    dv_max: Count
    vth_mantissa_min: Size
    vth_mantissa_max: Count
    vth_exponent: Size
    bias_mantissa_max: Size
    bias_exponent_max: Size
    resets: Sourced[Annotated[tuple[Reset, ...], Meta(min_length=1)]]
    refractory_max: Size
    delay_max: Size
    v0_preload: Flag
    u0_preload: Flag
    bias_write: Flag
    vth_write: Flag
    weight_write: Flag
    sample_reset: Flag
    firing_window: Flag
    fire_once: Flag
    programmable: Flag
    delay_default_max: Size | None = None


class Weight(Struct, frozen=True, forbid_unknown_fields=True):
    """Synaptic weights: value * 2^exponent, in units of 2^6 of u.

    Attributes:
        mantissa_bits, legal_bits: Most bits of a stored weight, and the widths that exist.
        exponent_min, exponent_max: Range of the exponent.
        mixed_even: Mixed-sign weights keep even numbers only.
        value_min, value_max: Range of a mixed-sign weight.
        single_sign_max: Largest magnitude of a weight whose projection has one sign.
    """

    mantissa_bits: Count
    exponent_min: IntQuantity
    exponent_max: IntQuantity
    legal_bits: BitWidths
    mixed_even: Flag
    value_min: IntQuantity
    value_max: IntQuantity
    single_sign_max: Count


class Axon(Struct, frozen=True, forbid_unknown_fields=True):
    """Spike messages.

    Attributes:
        graded: Spikes may carry a signed payload (ternary ones need it too).
        message_bits: Width of the payload; 0: binary.
        delay_bits: Added to each synapse of a projection with delays.
        discrete_slots, pop16_slots, pop32_slots: Out-axon slots of an axon of each kind.
        pop16_populations_max, pop16_base_step, row_base_max: Limits of shared (population) rows: populations
            of a pop16 axon, what its compartment base is a multiple of, and the largest base.
    """

    graded: Flag
    message_bits: Size
    delay_bits: Size
    discrete_slots: Count | None = None
    pop16_slots: Count | None = None
    pop32_slots: Count | None = None
    pop16_populations_max: Count | None = None
    pop16_base_step: Count | None = None
    row_base_max: Size | None = None


class Energy(Struct, frozen=True, forbid_unknown_fields=True):
    """Joules per event and watts; estimates, each with its band.

    Attributes:
        profile: Name of the set of constants, printed with every estimate.
        synop_j: Per synaptic operation; ``synop_dense_j``, ``synop_sparse_j``, ``synop_conv_j`` where it depends on the
            kind of connection.
        neuron_active_j, neuron_inactive_j: Per compartment and step.
        spike_out_j: Per neuron that fires, beside its update.
        within_tile_spike_j, hop_x_j, hop_y_j: Per packet (within a tile), and per hop east-west, north-south.
        static_core_w, static_chip_w: Leakage per core used, or per chip used.
        overhead_chip_w: Embedded processors, per chip used.
        overhead_run_j: Per inference, whatever its length; where a calibration found it.
        host_access_j, host_op_j: Of a host that adapts a running network: per register, counter or weight that it
            reads or writes, and per integer operation.
    """

    profile: Annotated[str, Meta(pattern=r"\S", description="a name, not empty")]
    synop_j: FloatQuantity
    neuron_active_j: FloatQuantity
    neuron_inactive_j: FloatQuantity
    within_tile_spike_j: FloatQuantity
    hop_x_j: FloatQuantity
    hop_y_j: FloatQuantity
    static_core_w: FloatQuantity
    static_chip_w: FloatQuantity
    overhead_chip_w: FloatQuantity
    synop_dense_j: FloatQuantity | None = None
    synop_sparse_j: FloatQuantity | None = None
    synop_conv_j: FloatQuantity | None = None
    spike_out_j: FloatQuantity | None = None
    overhead_run_j: FloatQuantity | None = None
    host_access_j: FloatQuantity | None = None
    host_op_j: FloatQuantity | None = None


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds per event, as in ``Energy``.

    Attributes:
        timing: How a step's length follows from the work of its cores, see :mod:`neurodeploy.simulate.timing`.
        synop_s: Per synaptic operation; ``synop_dense_s``, ``synop_sparse_s``, ``synop_conv_s`` as in ``Energy``.
        neuron_active_s, neuron_inactive_s: Per compartment. ``spike_out_s``: beside it, where the compartment fires.
        packet_out_s, packet_in_s: Per packet, at the core that sends it and at the core that gets it.
        synapse_word_s: Per word of synapse memory read.
        within_tile_spike_s, hop_x_s, hop_y_s: Of one packet alone; steps are not that long, and they are not charged.
        barrier_s, barrier_multichip_s: End of a step on one chip, and over several.
        barrier_tiles_s: (tiles, seconds) in ascending order instead of ``barrier_s``; the last with at most as many
            tiles as have a core in use counts.
        link_spikes_per_s: Spikes that cross a tile's border in a second.
        io_step_s: A step driven by a host.
        overhead_run_s: Per inference, whatever its length; where a calibration found it.
        host_access_s, host_op_s: As ``host_access_j`` and ``host_op_j``, one after the other, between two inferences.
    """

    synop_s: FloatQuantity
    neuron_active_s: FloatQuantity
    neuron_inactive_s: FloatQuantity
    within_tile_spike_s: FloatQuantity
    hop_x_s: FloatQuantity
    hop_y_s: FloatQuantity
    barrier_s: FloatQuantity
    barrier_multichip_s: FloatQuantity | None = None
    barrier_tiles_s: Sourced[tuple[tuple[int, float], ...]] | None = None
    link_spikes_per_s: FloatQuantity | None = None
    io_step_s: FloatQuantity | None = None
    synop_dense_s: FloatQuantity | None = None
    synop_sparse_s: FloatQuantity | None = None
    synop_conv_s: FloatQuantity | None = None
    spike_out_s: FloatQuantity | None = None
    packet_out_s: FloatQuantity | None = None
    packet_in_s: FloatQuantity | None = None
    synapse_word_s: FloatQuantity | None = None
    overhead_run_s: FloatQuantity | None = None
    host_access_s: FloatQuantity | None = None
    host_op_s: FloatQuantity | None = None
    timing: Timing = "serial"


class System(Struct, frozen=True, forbid_unknown_fields=True):
    """What a board or rack adds to its chips; what is absent is not known.

    Attributes:
        chips_x, chips_y: Grid that the chips form, counted along its rows, so that chip 1 is east of chip 0.
        power_max_w: Of the whole system.
        inter_chip_bytes_per_s: Over all links between chips together.
    """

    chips_x: Count | None = None
    chips_y: Count | None = None
    power_max_w: FloatQuantity | None = None
    inter_chip_bytes_per_s: FloatQuantity | None = None


class Calibration(Struct, frozen=True, forbid_unknown_fields=True):
    """How the constants with the status ``calibrated`` were found.

    Attributes:
        file, sha256: The table of measurements; ``date`` of the fit, ISO 8601; ``runs`` in it.
        target, energy_profile: Whose other constants were taken.
        constants: Those that were fitted.
        residuals_energy, residuals_time: (estimated - measured) / measured of each run; and their root mean squares.
    """

    file: str
    sha256: str
    date: str
    runs: int
    target: str
    energy_profile: str
    constants: tuple[str, ...]
    residuals_energy: tuple[float, ...]
    residuals_time: tuple[float, ...]
    rms_relative_energy: float | None = None
    rms_relative_time: float | None = None


class TargetFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What a target file holds; ``status`` is how far to trust the whole.

    A system's file names its ``chip``, whose facts it takes over but for those that it gives itself.
    """

    name: str
    title: str
    status: Status
    description: str
    mesh: Mesh
    core: Core
    compartment: Compartment
    weight: Weight
    axon: Axon
    energy: Energy
    latency: Latency
    chip: str | None = None
    system: System | None = None
    calibration: Calibration | None = None


class Target(TargetFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A loaded target: ``path`` it was read from and ``digest``, the sha256 of the file's bytes and then its chip's."""

    path: str
    digest: str
