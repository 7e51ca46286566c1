"""A user's program as a proposer: JSON in, expressions out. A language model would stand behind such a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from neurodeploy.scaling.errors import ProposerError
from neurodeploy.scaling.proposers.base import Scored, Summary

MOST_EXPRESSIONS = 1000
ANSWER = 'print a JSON list of expressions, or {"expressions": [...]}, and nothing else, on standard output'


class CommandProposer:
    """Runs a program in every round; no shell is involved.

    It reads ``{"summary": ..., "history": [...]}`` from standard input and prints a JSON list of texts, or an object
    with one under ``expressions``. What it prints is read as expressions and never run.

    Args:
        command: The program and its arguments.
        rounds: How often it is asked.
        timeout_s: Of each round.
    """

    def __init__(self, command: Sequence[str], *, rounds: int = 3, timeout_s: float = 60.0) -> None:
        if not command:
            raise ProposerError("no program", where="command", remedy="give the program and its arguments")
        self._command, self._left, self._timeout_s = list(command), rounds, timeout_s

    def propose(self, summary: Summary, history: Sequence[Scored]) -> list[str]:
        """See :class:`neurodeploy.scaling.proposers.Proposer`.

        Raises:
            ProposerError: It cannot be started, fails, takes too long, or prints something else.
        """
        if not self._left:
            return []
        self._left -= 1
        question = json.dumps({"summary": dict(summary), "history": [dict(s) for s in history]})
        where = " ".join(self._command)
        code, printed, complaint = self._ask(question.encode(), where)
        if code:
            said = complaint.decode(errors="replace").strip().splitlines()
            raise ProposerError(
                f"exit code {code}" + (f": {said[-1][:200]}" if said else ""),
                where=where,
                remedy="mend the program: it must exit with 0",
            )
        return _expressions(printed, where)

    def _ask(self, question: bytes, where: str) -> tuple[int, bytes, bytes]:
        """Exit code, standard output and error; the program and all that it started are gone then."""
        pipe = subprocess.PIPE
        try:
            asked = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            raise ProposerError(
                f"cannot be started: {error.strerror}", where=where, remedy="check the program's name and permissions"
            ) from error
        with asked:
            try:
                printed, complaint = asked.communicate(question, timeout=self._timeout_s)
            except subprocess.TimeoutExpired as error:
                raise ProposerError(
                    f"no answer within {self._timeout_s:g} s",
                    where=where,
                    remedy="allow it more time, or mend the program",
                ) from error
            finally:
                _end(asked)
        return asked.returncode, printed, complaint


def _end(asked: subprocess.Popen[bytes]) -> None:
    """Its children may hold the pipes open; they are in a session of their own, which ends as a whole."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(asked.pid, signal.SIGKILL)
    else:
        asked.kill()


def _expressions(printed: bytes, where: str) -> list[str]:
    try:
        answer = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise ProposerError(f"its answer is not JSON ({error})", where=where, remedy=ANSWER) from error
    found = answer.get("expressions") if isinstance(answer, dict) else answer
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise ProposerError("its answer is not a list of texts", where=where, remedy=ANSWER)
    if len(found) > MOST_EXPRESSIONS:
        raise ProposerError(
            f"{len(found):,} expressions at once", where=where, remedy=f"propose at most {MOST_EXPRESSIONS} in a round"
        )
    return found
