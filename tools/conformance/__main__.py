"""Writes docs/conformance.md: every backend that is installed through the conformance suite.

``python tools/conformance [NAME ...]``; needs the packages of tools/requirements. Names choose backends.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from neurodeploy.conformance.report import markdown
from neurodeploy.conformance.runner import run_backend
from neurodeploy.conformance.suite import DT_S, write_suite

BACKENDS = {
    "float": "neurodeploy.conformance.own:float_reference",
    "integers": "neurodeploy.conformance.own:integer_engine",
    "norse": "importers:norse",
    "snntorch": "importers:snntorch",
    "spikingjelly": "importers:spikingjelly",
    "sinabs": "importers:sinabs",
    "rockpool": "importers:rockpool",
}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
HEAD = """# NIR backends through the conformance suite

Written by `python tools/conformance`; what the suite is and how to run a backend of yours through it stands in
[conformance-format.md](conformance-format.md). {cases} cases, contents sha256 `{digest}`.

* *exact*: every number compared is equal in every bit (*rounding/...*: spikes equal, values within the tolerance);
* *within*: within the tolerance that a fixed-point backend declares;
* *rejected*: an error, as it must be; *refused*: an error although the graph means something;
* *n/a*: about a convention that NIR leaves open and that the backend declares otherwise;
* *WRONG*: other numbers without an error, with the share of numbers that differ; *ACCEPTED*: no error where there must
  be one; *TIMEOUT*, *CRASHED*.

The other frameworks' importers are run as their documentation says, on the values of the graph's output; for ours, all
membranes and spikes are compared too. A refusal costs an hour, a wrong network a project: read the right columns first.
Importers that cut a graph off at a node that they do not know (Norse, Sinabs) may return another node's value from run
to run: `node/scale` and `integrate/pool-average` come out refused in one and wrong in the next.

"""


def main(names: list[str]) -> None:
    """Run them one after the other."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    reports = []
    for name in names or BACKENDS:
        reports.append(run_backend(BACKENDS[name], timeout_s=10.0))
        print(f"{name}: {reports[-1].counts}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        write_suite(Path(folder), DT_S)
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
    PAGE.parent.mkdir(exist_ok=True)
    head = HEAD.format(cases=len(manifest["cases"]), digest=manifest["sha256"])
    PAGE.write_text(head + markdown(reports), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
