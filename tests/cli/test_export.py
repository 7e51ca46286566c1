"""``neurodeploy export``, and ``.net`` files on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commandline import Cli
from netx_files import SDNN, conv, dense, write_net

import neurodeploy as nd
from neurodeploy.cli import app
from neurodeploy.export.formats import FORMATS
from neurodeploy.frontends.netx import read_netx


@pytest.fixture
def net(work: Path) -> Path:
    """A file that compiles, in the current folder; and ``net.ndp``, made of it."""
    path = write_net(work / "model.net", [dense([[40, -60], [2, 200]]), dense([[100, 50], [-20, 80]], bias=[2, 3])])
    nd.save(nd.compile(path), work / "net.ndp")
    return path


def test_compile_run_export_and_back(cli: Cli, net: Path) -> None:
    result = cli("compile", "model.net", "--target", "loihi2", "-o", "p.ndp", "--json")
    assert result.code == 0
    assert (result.json["neurons"], result.json["synapses"], result.json["semantics"]["format"]) == (4, 8, "netx")
    np.savez("spikes.npz", spikes=np.ones((3, 10, 2), np.uint8), labels=[0, 1, 0])
    assert cli("run", "p.ndp", "--input", "spikes.npz", "--json").json["accuracy"] is not None
    refused = cli("compile", "model.net", "--target", "loihi2", "-o", "q.ndp", "--per-channel")
    assert refused.code == 3 and "--per-channel: a .net file holds integers" in refused.err
    exported = cli("export", "p.ndp", "--to", "netx", "-o", "again.net", "--json")
    assert exported.code == 0
    assert exported.json == {
        "program": "p.ndp",
        "format": "netx",
        "result": "again.net",
        "layers": 3,
        "load": "lava.lib.dl.netx.hdf5.Network('again.net')",
        "notes": [],
    }
    assert read_netx("again.net").net.neurons == 4


def test_for_people(cli: Cli, net: Path) -> None:
    result = cli("export", "net.ndp", "--to", "netx", "-o", "out.net")
    assert result.code == 0 and result.err == ""
    assert result.out == "written: out.net\nload it with: lava.lib.dl.netx.hdf5.Network('out.net')\n"
    result = cli("inspect", "model.net")
    assert result.code == 0
    assert "layer0 (dense)" in result.out and "format = netx" in result.out and "fits on 1 cores" in result.out


def test_notes_are_printed(cli: Cli, work: Path) -> None:
    layers = [{"type": "input", "shape": [1, 2, 3]}, conv(np.full((1, 1, 2, 2), 2), (1, 1, 2))]
    nd.save(nd.compile(write_net(work / "a.net", layers)), work / "a.ndp")
    assert cli("export", "a.ndp", "--to", "netx", "-o", "b.net").out.startswith(
        "note: shapes in the file are (C, H, W)"
    )


def test_refused_with_all_reasons(cli: Cli, work: Path) -> None:
    result = cli("export", "program.ndp", "--to", "netx", "-o", "out.net")
    assert result.code == 3
    assert "obstacles" in result.err and "try:" in result.err
    fault = cli("export", "program.ndp", "--to", "netx", "-o", "out.net", "--json").json
    assert fault["error"] == "CannotExport"
    assert {o["layer"] for o in fault["obstacles"]} == {"hidden", "out"}
    assert not Path("out.net").exists()


def test_a_folder_for_lava(cli: Cli, net: Path) -> None:
    result = cli("export", "net.ndp", "--to", "lava", "-o", "script", "--json")
    assert result.code == 0
    assert sorted(result.json["files"]) == sorted(f.name for f in Path("script").iterdir())
    assert cli("export", "net.ndp", "--to", "lava", "-o", "script").code == 3
    assert "written: other" in cli("export", "net.ndp", "--to", "lava", "-o", "other").out


def test_wrong_arguments(cli: Cli, work: Path) -> None:
    result = cli("export", "program.ndp", "--to", "nexx", "-o", "out.net")
    assert result.code == 2 and "did you mean 'netx'? known:" in result.err
    assert cli("export", "program.ndp", "-o", "out.net").code == 2
    assert cli("export", "program.ndp", "--to", "netx").code == 2
    for program, out in (("program.ndp", "program.ndp"), ("program.ndp", "."), ("missing", "a.net"), ("text", "a.net")):
        before = (work / "program.ndp").read_bytes()
        assert cli("export", program, "--to", "netx", "-o", out).code == 3
        assert (work / "program.ndp").read_bytes() == before


def test_options_of_net_files(cli: Cli, work: Path) -> None:
    write_net(work / "a.net", [conv(np.full((1, 1, 2, 2), 2), (1, 2, 3), SDNN)])
    assert "--input-shape C,H,W" in cli("inspect", "a.net").err
    flags = ("--input-shape", "1,3,4", "--input-message-bits", "8")
    assert cli("inspect", "a.net", *flags, "--json").json["inputs"] == {"input": [1, 3, 4]}
    assert cli("compile", "a.net", "--target", "loihi2", "-o", "a.ndp", *flags).code == 0
    exported = cli("export", "a.ndp", "--to", "netx", "-o", "b.net", "--json").json
    assert exported["load"].endswith("'b.net', input_message_bits=8)")
    for shape in ("3,a", "0,1", ",", "1.5"):
        assert cli("inspect", "a.net", "--input-shape", shape).code == 2
    assert cli("inspect", "a.net", *flags, "--dt-s", "1e-3").code == 3
    assert cli("inspect", "model.nir", *flags).code == 3


@pytest.mark.filterwarnings("default")
def test_a_note_of_the_reader_is_a_warning(cli: Cli, work: Path) -> None:
    write_net(work / "a.net", [dense([[-8, -2]])])
    result = cli("compile", "a.net", "--target", "loihi2", "-o", "a.ndp")
    assert result.code == 0
    assert result.err.startswith("warning: ") and "-8 into -6" in result.err


def test_every_format_is_offered_and_described(cli: Cli) -> None:
    help_text = " ".join(cli("export", "--help").out.split())
    assert all(f"{name}: {form.what}" in help_text for name, form in FORMATS.items())
    assert [p for p in app.commands["export"].params if "--to" in p.opts][0].type.choices == tuple(FORMATS)  # type: ignore[attr-defined]


def test_a_model_as_nir(cli: Cli, work: Path) -> None:
    result = cli("export", "model.nir", "--to", "nir", "-o", "new.nir", "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json == {
        "model": "model.nir",
        "format": "nir",
        "result": "new.nir",
        "nodes": 6,
        "losses": [],
        "notes": ["tell other tools the time step, dt = 0.001 s"],
        "load": "nir.read('new.nir')",
    }
    first, again = (cli("inspect", m, "--json").json for m in ("model.nir", "new.nir"))
    assert first | {"model": ""} == again | {"model": ""}
    spoken = cli("export", "model.nir", "--to", "nir", "-o", "new.nir").out
    assert spoken.startswith("note: tell other tools the time step") and "written: new.nir" in spoken


def test_a_vague_model_becomes_one_that_says_what_it_means(cli: Cli, work: Path) -> None:
    assert cli("export", "vague.nir", "--to", "nir", "-o", "new.nir").code == 3
    flags = ("--dt-s", "0.001", "--reset", "value")
    assert cli("export", "vague.nir", "--to", "nir", "-o", "new.nir", *flags).code == 0
    assert cli("inspect", "new.nir", "--json").json["semantics"]["dt_s"] == 0.001


@pytest.mark.filterwarnings("default")
def test_a_lossy_export_wants_a_word(cli: Cli, work: Path) -> None:
    words = ("export", "vague.nir", "--to", "nir", "-o", "new.nir", "--dt-s", "0.001", "--reset", "subtract")
    refused = cli(*words, "--json")
    assert (refused.code, refused.err, refused.json["error"]) == (3, "", "LossyExport")
    assert refused.json["losses"] == ["hidden, out: reset 'subtract'; NIR's neurons are reset to v_reset"]
    assert "--allow-lossy" in refused.json["remedy"] and not Path("new.nir").exists()
    allowed = cli(*words, "--allow-lossy")
    assert allowed.code == 0
    assert allowed.err == (
        "warning: other tools will not know: hidden, out: reset 'subtract'; NIR's neurons are reset to v_reset\n"
    )
    assert cli("inspect", "new.nir", "--json").json["semantics"]["reset"] == "subtract"


def test_models_and_programs_are_told_apart(cli: Cli, work: Path) -> None:
    fault = cli("export", "program.ndp", "--to", "nir", "-o", "new.nir", "--dt-s", "0.001", "--json").json
    assert "do not go with --to nir" in fault["what"] and "a program has them" in fault["remedy"]
    for option in (("--dt-s", "0.001"), ("--allow-lossy",)):
        fault = cli("export", "program.ndp", "--to", "netx", "-o", "a.net", *option, "--json").json
        assert fault["exit_code"] == 3 and "do not go with --to netx" in fault["what"]
    assert cli("export", "model.nir", "--to", "nir", "-o", "model.nir").code == 3
    assert cli("export", "nothing", "--to", "nir", "-o", "new.nir").code == 3


@pytest.mark.filterwarnings("default")
def test_a_program_as_nir_and_back(cli: Cli, work: Path) -> None:
    words = ("export", "program.ndp", "--to", "nir", "-o", "integers.nir", "--json")
    refused = cli(*words)
    assert (refused.code, refused.json["error"]) == (3, "LossyExport") and not Path("integers.nir").exists()
    assert any("decays that round" in line for line in refused.json["losses"])
    allowed = cli(*words, "--allow-lossy")
    assert allowed.code == 0 and allowed.err.count("warning: other tools will not know") == len(allowed.json["losses"])
    program = nd.load("program.ndp")
    seen = cli("inspect", "integers.nir", "--target", program.target.name)
    assert seen.code == 0 and "code = integer" in seen.out and "exported" not in seen.out
    assert cli("compile", "integers.nir", "--target", program.target.name, "-o", "again.ndp").code == 0
    given = next(iter(program.net.inputs.values())).shape
    np.savez("some.npz", spikes=(np.random.default_rng(1).random((3, 12, *given)) < 0.5).astype(np.uint8))
    runs = [
        cli("run", name, "--input", "some.npz", "--json").json for name in ("program.ndp", "again.ndp", "integers.nir")
    ]
    for run in runs[1:]:
        assert run["populations"] == runs[0]["populations"] and run["costs"]["syn_ops"] == runs[0]["costs"]["syn_ops"]
    assert cli("run", "model.nir", "--input", "some.npz").code != 0
