"""Writes docs/mapping-rules.md from the constraints of the mapper and the limits in targets/; ``--check`` compares."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from neurodeploy.mapping.constraints import CONSTRAINTS, Constraint, name_of
from neurodeploy.target import list_targets, load_target
from neurodeploy.target_schema import Target

DOCS = Path(__file__).parent.parent / "docs" / "mapping-rules.md"
HEAD = """# The rules of a core

Made by `python tools/mapping_rules.py`; the texts are the docstrings of `neurodeploy/mapping/constraints.py`, the
limits and their sources are those of `targets/*.toml`. A target without a row has no such limit, or none is known.
`published` was printed or measured by the source, `inferred` is derived, fitted or borrowed. `neurodeploy targets show
NAME` prints all numbers of a target, those that a rule uses beside its limit, too.

The mapper keeps every rule on every core, and `neurodeploy.mapping.check_mapping` proves it by a count of its own.
"""


def page() -> str:
    """Markdown: a section per rule; a system has the rules of its chip."""
    targets = [t for t in map(load_target, list_targets()) if t.status != "example" and t.chip is None]
    return HEAD + "".join(section(constraint, targets) for constraint in CONSTRAINTS)


def section(constraint: Constraint, targets: list[Target]) -> str:
    """The rule, and what limits it on which target."""
    name = name_of(constraint)
    rule = " ".join((inspect.getdoc(constraint) or "").split()).replace("{limit}", "so many").replace("``", "`")
    lines = [f"\n## {name}\n\n{rule}\n\n"]
    lines += ["| target | limit | other sources | status | source |\n", "|---|---|---|---|---|\n"]
    for target in targets:
        limit = getattr(target.core, name)
        if limit is not None:
            low, high = limit.band
            others = "" if low == high else f"{low:,} .. {high:,}"
            lines.append(
                f"| {target.name} | {limit.value:,} | {others} | {limit.status} | {limit.source.replace('|', '/')} |\n"
            )
    return "".join(lines)


def main() -> int:
    """Exit code 1 with ``--check`` where the page is out of date."""
    made = page()
    if "--check" in sys.argv[1:]:
        stale = not DOCS.is_file() or DOCS.read_text(encoding="utf-8") != made
        if stale:
            print(f"{DOCS.name} is out of date: run python tools/mapping_rules.py", file=sys.stderr)
        return int(stale)
    DOCS.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
