"""Bundled target files load and cite their sources; broken ones are refused with line, key and remedy."""

from __future__ import annotations

import hashlib
import math
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest

from neurodeploy.errors import InvalidTarget, UnknownTarget
from neurodeploy.target import (
    TABLES,
    Sourced,
    Target,
    TargetFile,
    check_target,
    describe,
    list_targets,
    load_target,
    parse_target,
    usable_targets,
)
from neurodeploy.target_schema import System

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BUNDLED = ("loihi1", "loihi2", "tiny")
SYSTEMS = {
    "kapoho-bay": ("loihi1", 2),
    "nahuku": ("loihi1", 32),
    "pohoiki-springs": ("loihi1", 768),
    "kapoho-point": ("loihi2", 8),
    "hala-point": ("loihi2", 1152),
}
TINY = Path(load_target("tiny").path).read_text()


def facts(target: TargetFile) -> dict[str, Sourced]:
    """Every sourced fact of a target by dotted key."""
    tables = {table: getattr(target, table) for table in TABLES}
    found = {f"{name}.{key}": getattr(t, key) for name, t in tables.items() for key in t.__struct_fields__}
    return {key: fact for key, fact in found.items() if isinstance(fact, Sourced)}


def line_of(text: str, start: str) -> int:
    """Number of the only line that starts so."""
    (number,) = (n for n, line in enumerate(text.splitlines(), 1) if line.startswith(start))
    return number


def edited(old: str, new: str, text: str = TINY) -> str:
    """The tiny target with one place changed."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the file"
    return text.replace(old, new)


def with_line(key: str, line: str, text: str = TINY) -> str:
    """The tiny target with the line of one key replaced."""
    lines = text.splitlines()
    lines[line_of(text, f"{key} = ") - 1] = line
    return "\n".join(lines) + "\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "mychip.toml"
    path.write_text(text)
    return path


# ---------------------------------------------------------------- the bundled targets


def test_bundled_targets_are_listed() -> None:
    assert {*BUNDLED, *SYSTEMS} <= set(list_targets())


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_target_loads_and_remembers_its_file(name: str) -> None:
    target = load_target(name)
    data = Path(target.path).read_bytes()
    assert target.name == name
    assert target.digest == hashlib.sha256(data).hexdigest()
    assert check_target(name) == []


@pytest.mark.parametrize("name", BUNDLED)
def test_every_number_in_the_file_reaches_the_target_with_its_source(name: str) -> None:
    raw = tomllib.loads(Path(load_target(name).path).read_text())
    loaded = facts(load_target(name))
    plain = {"core.accounting", "energy.profile"}
    assert {f"{table}.{key}" for table in TABLES for key in raw[table]} == loaded.keys() | plain
    for key, fact in loaded.items():
        table, _, leaf = key.partition(".")
        written = raw[table][leaf]
        value = list(fact.value) if isinstance(fact.value, tuple) else fact.value
        assert (value, fact.status, fact.source) == (
            written["value"],
            written["status"],
            written["source"],
        ), key
        assert len(fact.source) > 10, f"{name} {key}: {fact.source!r} is too short to be a source"


def test_made_up_numbers_are_marked_and_only_in_the_example() -> None:
    for name in BUNDLED:
        statuses = {fact.status for fact in facts(load_target(name)).values()}
        assert statuses == ({"example"} if name == "tiny" else {"published", "inferred"})


def test_a_band_is_the_value_itself_where_sources_agree() -> None:
    core = load_target("loihi1").core
    assert core.neurons.band == (1024, 1024)
    assert core.vth_profiles is not None and core.vth_profiles.band == (7, 16)


def test_loihi1_constants_are_those_of_davies_2018() -> None:
    energy, latency = load_target("loihi1").energy, load_target("loihi1").latency
    pico = (energy.synop_j, energy.neuron_active_j, energy.neuron_inactive_j)
    hops_pico = (energy.within_tile_spike_j, energy.hop_x_j, energy.hop_y_j)
    nano = (latency.synop_s, latency.neuron_active_s, latency.neuron_inactive_s)
    hops_nano = (latency.within_tile_spike_s, latency.hop_x_s, latency.hop_y_s)
    assert [q.value for q in pico + hops_pico] == [23.6e-12, 81e-12, 52e-12, 1.7e-12, 3.0e-12, 4.0e-12]
    assert [q.value for q in nano + hops_nano] == [3.5e-9, 8.4e-9, 5.3e-9, 2.1e-9, 4.1e-9, 6.5e-9]
    assert energy.synop_j.band == (23.6e-12, 35.5e-12)
    assert latency.barrier_s.band == (113e-9, 1.8e-6)


def row_words(target: Target, synapses: int, bits: int) -> int:
    """Words of a dense row, by the formula of the reference."""
    core = target.core
    chunk = core.synapse_chunk.value or synapses
    full, rest = divmod(synapses, chunk)
    per_synapse = bits + core.synapse_index_bits.value
    sizes = [chunk] * full + [rest] * (rest > 0)
    return sum(math.ceil((n * per_synapse + core.synapse_header_bits.value) / core.word_bits.value) for n in sizes)


def test_loihi1_row_formula_gives_the_measured_utilisation() -> None:
    core = load_target("loihi1").core
    bits = 784 * row_words(load_target("loihi1"), 128, 8) * core.word_bits.value
    assert bits == 903_168
    assert bits / (core.synapse_words.value * core.word_bits.value) == pytest.approx(0.861, abs=5e-4)


@pytest.mark.parametrize(
    ("synapses", "bits", "words"),
    [(50, 8, 16), (64, 8, 21), (10, 8, 4), (100, 4, 26), (17, 4, 5), (50, 6, 15), (10, 5, 3), (1, 4, 1)],
)
def test_loihi2_row_formula_gives_the_printed_words(synapses: int, bits: int, words: int) -> None:
    assert row_words(load_target("loihi2"), synapses, bits) == words


def test_loihi2_pool_gives_the_printed_total() -> None:
    core = load_target("loihi2").core
    assert core.pool_words and core.neuron_words and core.axon_map_neuron_words
    synapse_words = 784 * row_words(load_target("loihi2"), 50, 8)
    used = 784 + 50 * core.neuron_words.value + synapse_words + 50 * core.axon_map_neuron_words.value
    assert round(100 * used / core.pool_words.value, 2) == 67.14
    assert round(100 * 784 / core.in_axons.value, 2) == 4.90
    assert round(100 * 50 / core.neurons.value, 2) == 1.22
    assert round(100 * synapse_words / core.synapse_words.value, 2) == 78.40


def test_loihi2_bounds_follow_from_hala_point() -> None:
    target = load_target("loihi2")
    assert target.energy.synop_j.value == pytest.approx(2600 / 380e12, rel=0.01)
    assert target.energy.neuron_active_j.value == pytest.approx(2600 / 240e12, rel=0.01)
    assert target.latency.synop_s.value == pytest.approx(140_544 / 380e12, rel=0.01)
    assert target.latency.neuron_active_s.value == pytest.approx(140_544 / 240e12, rel=0.01)
    assert target.energy.static_core_w.band[0] * 120 == pytest.approx(target.energy.static_chip_w.value)
    assert target.energy.static_core_w.band[1] * 61 == pytest.approx(target.energy.static_chip_w.value, rel=1e-3)


def test_targets_are_frozen_and_hashable() -> None:
    target = load_target("tiny")
    with pytest.raises(AttributeError):
        target.core.neurons.value = 5  # type: ignore[misc]
    assert hash(target) == hash(load_target("tiny"))
    assert target != load_target("loihi1")


# ---------------------------------------------------------------- listing


def test_describe_lists_every_fact_with_unit_band_status_and_source() -> None:
    target = load_target("loihi1")
    rows = {f"{row.table}.{row.key}": row for row in describe(target)}
    assert rows.keys() == facts(target).keys() | {"core.accounting", "energy.profile"}
    assert rows["energy.synop_j"].value == "2.36e-11 (2.36e-11 .. 3.55e-11)"
    assert rows["core.neurons"][2:5] == ("1024", "", "published")
    assert rows["weight.legal_bits"].value == "1, 2, 3, 4, 5, 6, 8"
    assert rows["core.accounting"].value == "rows"
    for key, unit in {
        "core.synapse_words": "words",
        "core.word_bits": "bit",
        "energy.synop_j": "J",
        "energy.static_chip_w": "W",
        "latency.synop_s": "s",
        "latency.link_spikes_per_s": "1/s",
    }.items():
        assert rows[key].unit == unit
    assert all(rows[key].source == fact.source for key, fact in facts(target).items())


# ---------------------------------------------------------------- names, paths and plugins


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownTarget, match="there is no target 'lohi1'") as caught:
        load_target("lohi1")
    assert "did you mean 'loihi1'?" in caught.value.remedy
    assert "tiny" in caught.value.remedy and ".toml" in caught.value.remedy


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_file_loads_by_path(tmp_path: Path, as_path: type) -> None:
    path = write(tmp_path, edited('name = "tiny"', 'name = "mychip"'))
    target = load_target(as_path(path))
    assert (target.name, target.path) == ("mychip", str(path))
    assert target.digest != load_target("tiny").digest


def test_a_path_object_need_not_end_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "chip.txt"
    path.write_text(TINY)
    assert load_target(path).path == str(path)


def test_a_missing_file_names_the_path_and_the_known_targets(tmp_path: Path) -> None:
    path = tmp_path / "loihi11.toml"
    for call in (load_target, check_target):
        with pytest.raises(UnknownTarget, match="No such file") as caught:
            call(path)
        assert caught.value.where == str(path)
        assert "did you mean 'loihi1'?" in caught.value.remedy


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, entry: str, code: str) -> None:
    """Put a distribution with one entry point and its module on the path."""
    module = entry.partition("=")[2].partition(":")[0].strip()
    (folder / f"{module}.py").write_text(textwrap.dedent(code))
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[neurodeploy.targets]\n{entry}\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, module, raising=False)


@pytest.mark.parametrize(
    "body", ["chip = {path!r}", "def chip():\n    import pathlib\n    return pathlib.Path({path!r})"]
)
def test_a_plugin_adds_a_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    path = write(tmp_path, edited('name = "tiny"', 'name = "plugged"'))
    kind = "function" if "def" in body else "constant"
    install(monkeypatch, tmp_path, f"plugged = chips_by_{kind}:chip", body.format(path=str(path)))
    assert "plugged" in list_targets()
    assert load_target("plugged").path == str(path)


def test_a_plugin_s_invalid_file_does_not_hide_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path, edited('title = "Tiny made-up chip"', ""))
    install(monkeypatch, tmp_path, "broken = chips_with_bad_file:chip", f"chip = {str(path)!r}")
    with pytest.warns(UserWarning, match=r"'broken' is skipped: .*title"):
        assert usable_targets().keys() == {*BUNDLED, *SYSTEMS}


@pytest.mark.parametrize(
    ("module", "code", "reason"),
    [
        ("chips_that_raise", "raise RuntimeError('out of order')", "RuntimeError: out of order"),
        ("chips_without_file", "chip = '/nowhere/chip.toml'", "FileNotFoundError: no file .*chip.toml"),
        ("chips_of_no_path", "chip = 42", "TypeError"),
        ("chips_without_chip", "chap = 1", "AttributeError"),
    ],
)
def test_a_broken_plugin_warns_and_is_skipped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, module: str, code: str, reason: str
) -> None:
    install(monkeypatch, tmp_path, f"broken = {module}:chip", code)
    with pytest.warns(UserWarning, match=rf"target plugin 'broken' \({module}:chip\) is skipped: {reason}"):
        names = list_targets()
    assert "broken" not in names and set(BUNDLED) <= set(names)
    assert load_target("tiny").name == "tiny"  # a bundled name does not touch the plugins: no warning


def test_a_plugin_cannot_replace_a_bundled_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = write(tmp_path, edited('name = "tiny"', 'name = "fake"'))
    install(monkeypatch, tmp_path, "tiny = chips_in_disguise:chip", f"chip = {str(path)!r}")
    assert load_target("tiny").name == "tiny"


# ---------------------------------------------------------------- systems

SYSTEM = """name = "board"
title = "Board of tiny chips"
status = "example"
description = "made up"
chip = "tiny"
[mesh]
chips = { value = 6, status = "example", source = "made up" }
[system]
chips_x = { value = 3, status = "example", source = "made up" }
chips_y = { value = 2, status = "example", source = "made up" }
"""


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_its_chip_but_for_what_it_says_itself(name: str) -> None:
    chip, chips = SYSTEMS[name]
    system, own = load_target(name), load_target(chip)
    raw = tomllib.loads(Path(system.path).read_text())
    assert (system.name, system.chip, system.mesh.chips.value) == (name, chip, chips)
    given = {f"{table}.{key}" for table, keys in raw.items() if isinstance(keys, dict) for key in keys}
    assert given <= {"mesh.chips", *(f"system.{key}" for key in System.__struct_fields__)}
    inherited = facts(own).keys() - given
    assert {key: facts(system)[key] for key in inherited} == {key: facts(own)[key] for key in inherited}
    files = Path(system.path).read_bytes() + Path(own.path).read_bytes()
    assert system.digest == hashlib.sha256(files).hexdigest() and check_target(name) == []
    rows = {(row.table, row.key): row for row in describe(system)}
    assert rows["mesh", "chips"].value.split()[0] == str(chips)
    shown = {key for table, key in rows if table == "system"}
    assert shown == raw.get("system", {}).keys()


def test_what_is_not_known_of_a_system_is_left_out() -> None:
    assert load_target("kapoho-bay").system is None
    hala = load_target("hala-point").system
    assert hala is not None and hala.chips_x is None and hala.power_max_w is not None
    assert hala.power_max_w.value == 2600
    assert hala.inter_chip_bytes_per_s is not None and hala.inter_chip_bytes_per_s.value == 5e12


def test_a_system_file_of_ones_own(tmp_path: Path) -> None:
    system = load_target(write(tmp_path, SYSTEM))
    assert system.system is not None and system.mesh.chips.value == 6
    assert system.core == load_target("tiny").core
    more = SYSTEM + "\n[latency]\nbarrier_s = { value = 1.0, status = 'example', source = 'made up' }\n"
    assert load_target(write(tmp_path, more)).latency.barrier_s.value == 1


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"),
    [
        ('chip = "tiny"', 'chip = "tinny"', "chip: found 'tinny'", "did you mean 'tiny'"),
        ('chip = "tiny"', "chip = 7", "chip: found 7", "give the name of a target"),
        ('chip = "tiny"', 'chip = "nahuku"', "'nahuku' is not a valid chip", "not a system"),
        ("chips = {", "chip = {", "mesh.chip: unknown key", "chips"),
        ("value = 6,", "value = 7,", "mesh.chips: 7 chips on a grid of 6", "a full grid"),
        ("chips_y = {", "# ", "system: a grid of chips with one side only", "or neither"),
        ("[system]", "[systems]", "systems: unknown key", "did you mean 'system'"),
    ],
)
def test_a_broken_system_is_refused(tmp_path: Path, old: str, new: str, what: str, remedy: str) -> None:
    error = refuse(edited(old, new, SYSTEM), tmp_path)
    assert what in error.what and remedy in error.remedy
    assert error.where.startswith(f"{tmp_path / 'mychip.toml'}:")


def test_a_system_of_a_broken_chip_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text(edited('title = "Tiny made-up chip"', ""))
    install(monkeypatch, tmp_path, "broken = chips_for_a_system:chip", f"chip = {str(broken)!r}")
    assert "'broken' is not a valid chip" in refuse(edited('chip = "tiny"', 'chip = "broken"', SYSTEM), tmp_path).what
    broken.write_text("= nonsense")
    assert "'broken' is not a valid chip" in refuse(edited('chip = "tiny"', 'chip = "broken"', SYSTEM), tmp_path).what


# ---------------------------------------------------------------- broken files


def refuse(text: str, folder: Path) -> InvalidTarget:
    """The error for a file with this text; its check lists the same first problem."""
    path = write(folder, text)
    with pytest.raises(InvalidTarget) as caught:
        load_target(path)
    problem = check_target(path)[0]
    assert (problem.where, problem.remedy) == (caught.value.where, caught.value.remedy)
    assert caught.value.what.startswith(f"{problem.key}: {problem.what}")
    assert str(problem) == f"{problem.where}: {problem.key}: {problem.what}; try: {problem.remedy}"
    return caught.value


SOURCED = 'status = "example", source = "made up: a test"'
STATUSES = "'published' or 'inferred' or 'example'"
BROKEN = [
    # the key and what its line says instead; the part of it that the error names, what was found, the remedy
    ("core.neurons", "32", "", "found 32", "write { value = ..."),
    ("core.neurons", "{ value = '32', * }", ".value", "found '32'", "an integer >= 1"),
    ("core.neurons", "{ value = 0, * }", ".value", "found 0", "an integer >= 1"),
    ("core.neurons", "{ value = 1.5, * }", ".value", "found 1.5", "an integer >= 1"),
    ("core.neurons", "{ value = true, * }", ".value", "found True", "an integer >= 1"),
    ("core.neurons", "{ status = 'example', value = 1 }", ".source", "missing", "add it to [core.neurons]"),
    ("core.neurons", "{ status = 'example', value = 1, source = ' ' }", ".source", "found ' '", "not empty"),
    ("core.neurons", "{ status = 'guess', value = 1, source = 'x' }", ".status", "'guess'", STATUSES),
    ("core.neurons", "{ value = 1, sauce = 'x', * }", ".sauce", "unknown key", "did you mean 'source'?"),
    ("core.neurons", "{ value = 1, x = 'x', * }", ".x", "unknown key", "high, low, source, status, value"),
    ("core.neurons", "{ value = 9, high = 8, * }", "", "value 9 is not within low 9 .. high 8", "low <="),
    ("core.accounting", "'lines'", "", "found 'lines'", "'rows' or 'pool'"),
    ("energy.profile", "''", "", "found ''", "a name, not empty"),
    ("status", "'rumour'", "", "found 'rumour'", STATUSES),
    ("title", "5", "", "found 5", "Expected `str`"),
    ("compartment.resets", "{ value = ['half'], * }", ".value", "['half']", "'zero' or 'subtract' or 'none'"),
    ("compartment.resets", "{ value = [], * }", ".value", "found []", "'zero' or 'subtract' or 'none'"),
    ("weight.legal_bits", "{ value = [0], * }", ".value", "found [0]", "1..64"),
    ("weight.legal_bits", "{ value = [4, 9], * }", "", "9 bits, but mantissa_bits = 8", "at most"),
    ("weight.mixed_even", "{ value = 1, * }", ".value", "found 1", "Expected `bool`"),
    ("weight.mixed_even", "{ value = true, low = 1, * }", ".low", "unknown key", "source, status, value"),
    ("energy.synop_j", "{ value = -1e-12, * }", ".value", "found -1e-12", "a number >= 0"),
    ("energy.synop_j", "{ value = nan, * }", ".value", "found nan", "a number >= 0"),
    ("energy.synop_j", "{ value = inf, * }", "", "value inf", "all finite"),
    ("energy.synop_j", "{ value = 2.0, low = 3.0, * }", "", "not within low 3.0 .. high 2.0", "low <="),
    ("mesh.cores_per_chip", "{ value = 9, * }", "", "9 cores on a mesh that holds 8", "tiles_x *"),
    ("weight.exponent_min", "{ value = 3, * }", "", "above weight.exponent_max = 2", "exchange"),
    ("weight.value_min", "{ value = 255, * }", "", "255 is above weight.value_max = 254", "exchange"),
    ("compartment.vth_mantissa_min", "{ value = 4096, * }", "", "4096 is above", "exchange"),
    ("compartment.delay_max", "{ value = 8, * }", "", "8 steps do not fit 3 bits", "at most 7"),
]


@pytest.mark.parametrize(("key", "value", "part", "found", "remedy"), BROKEN)
def test_a_broken_line_is_refused_with_line_key_finding_and_remedy(
    tmp_path: Path, key: str, value: str, part: str, found: str, remedy: str
) -> None:
    name = key.rpartition(".")[2]
    error = refuse(with_line(name, f"{name} = {value.replace('*', SOURCED)}"), tmp_path)
    assert error.where == f"{tmp_path / 'mychip.toml'}:{line_of(TINY, f'{name} = ')}"
    assert error.what.startswith(f"{key}{part}: ") and found in error.what
    assert remedy in error.remedy


def test_a_misspelt_key_suggests_the_right_one(tmp_path: Path) -> None:
    line = TINY.splitlines()[line_of(TINY, "neurons = ") - 1]
    error = refuse(edited(line, line.replace("neurons", "neurones")), tmp_path)
    assert error.what.startswith("core.neurones: unknown key")
    assert error.where.endswith(f":{line_of(TINY, 'neurons = ')}")
    assert error.remedy.startswith("did you mean 'neurons'? known: accounting, ")


def test_a_missing_key_points_at_its_table(tmp_path: Path) -> None:
    error = refuse(with_line("neurons", ""), tmp_path)
    assert error.what == "core.neurons: missing"
    assert error.where.endswith(f"mychip.toml:{line_of(TINY, '[core]')}")
    assert error.remedy == "add it to [core]"


def test_a_missing_table_has_no_line(tmp_path: Path) -> None:
    error = refuse(TINY[: TINY.index("[latency]")], tmp_path)
    assert (error.what, error.where) == ("latency: missing", str(tmp_path / "mychip.toml"))


def test_a_table_that_is_a_number_lists_the_legal_keys(tmp_path: Path) -> None:
    error = refuse("latency = 3\n" + TINY[: TINY.index("[latency]")], tmp_path)
    assert error.what == "latency: found 3"
    assert error.where.endswith("mychip.toml:1")
    assert "synop_s" in error.remedy and "barrier_s" in error.remedy


@pytest.mark.parametrize("key", ["path", "digest"])
def test_what_the_loader_adds_is_no_key_of_the_file(tmp_path: Path, key: str) -> None:
    error = refuse(f'{key} = "x"\n{TINY}', tmp_path)
    assert error.what == f"{key}: unknown key"


def test_a_pool_needs_its_words(tmp_path: Path) -> None:
    path = write(tmp_path, with_line("accounting", 'accounting = "pool"'))
    problems = check_target(path)
    assert [problem.key for problem in problems] == [
        f"core.{key}"
        for key in (
            "pool_words",
            "neuron_words",
            "axon_map_words",
            "axon_map_neuron_words",
            "axon_mem_words",
            "conv_axon_in_words",
            "conv_axon_mem_words",
        )
    ]
    assert {problem.where for problem in problems} == {f"{path}:{line_of(TINY, '[core]')}"}


def test_all_problems_are_found_at_once(tmp_path: Path) -> None:
    text = with_line("neurons", "neurons = 32")
    text = with_line("synop_j", f"synop_j = {{ value = -1, low = -2, {SOURCED} }}", text)
    text = with_line("barrier_s", "barrier = 4", text)
    path = write(tmp_path, text)
    keys = [
        "core.neurons",
        "energy.synop_j.value",
        "energy.synop_j.low",
        "latency.barrier",
        "latency.barrier_s",
    ]
    problems = check_target(path)
    assert [problem.key for problem in problems] == keys
    with pytest.raises(InvalidTarget, match="and 4 more:") as caught:
        load_target(path)
    assert all(str(problem) in caught.value.what for problem in problems[1:])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (with_line("neurons", "neurons = { value = }"), line_of(TINY, "neurons = ")),
        (TINY + "[mesh]\n", TINY.count("\n") + 1),
        (TINY + 'x = "never closed', TINY.count("\n") + 1),
    ],
)
def test_a_syntax_error_names_its_line(tmp_path: Path, text: str, line: int) -> None:
    error = refuse(text, tmp_path)
    assert error.what.startswith("(syntax): ")
    assert error.where.endswith(f"mychip.toml:{line}")
    assert "write each number on one line" in error.remedy


def test_bytes_that_are_not_text_name_their_line() -> None:
    with pytest.raises(InvalidTarget, match=r"\(encoding\): .*0xff") as caught:
        parse_target(b"# one\n# two\nname = '\xff'\n", "chip.toml")
    assert (caught.value.where, caught.value.remedy) == ("chip.toml:3", "save the file as UTF-8")


def test_lines_are_found_in_other_ways_to_write_toml(tmp_path: Path) -> None:
    line = TINY.splitlines()[line_of(TINY, "neurons = ") - 1]
    without = edited(line + "\n", "")
    subtable = f"{without}\n['core' . \"neurons\"]  # sub-table\n  value = 0\n  {SOURCED.replace(', ', chr(10))}\n"
    assert refuse(subtable, tmp_path).where.endswith(f":{line_of(subtable, '  value = 0')}")
    first = with_line("neurons", "neurons = 1")
    decoy = edited('profile = "tiny"', 'profile = """\n[core]\nneurons = 0\n"""', first)
    assert refuse(decoy, tmp_path).where.endswith(f":{line_of(decoy, 'neurons = 1')}")


def test_a_target_survives_plain_data() -> None:
    target = load_target("loihi2")
    assert msgspec.convert(msgspec.to_builtins(target), Target) == target
