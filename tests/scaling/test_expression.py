"""Expressions: what is read, and what no proposer gets past the parser."""

from __future__ import annotations

import ast
import builtins
import math
import os
import subprocess
import time
from typing import Any

import numpy as np
import pytest

from neurodeploy.scaling import FORMS, InvalidExpression, parse

POINTS = {"N": np.array([10.0, 80.0]), "S": np.array([4.0, 16.0]), "K": np.array([2.0, 32.0])}

MALICIOUS = (
    "__import__('os').system('true')",
    "K.__class__",
    "().__class__.__bases__[0]",
    "getattr(K, 'x')",
    "open('x')",
    "exec('1')",
    "eval(K)",
    "lambda: K",
    "[K for K in N]",
    "K if N else S",
    "K; N",
    "K = 1",
    "(K := 3)",
    "f'{K}'",
    "'a' * 9",
    "b'a'",
    "K[0]",
    "{K}",
    "K and N",
    "K < N",
    "not K",
    "~K",
    "K // 2",
    "K % 2",
    "K @ N",
    "K << 3",
    "p10*K",
    "q0*K",
    "K_",
    "exp",
    "exp()",
    "exp(K, N)",
    "exp(x=K)",
    "exp(*K)",
    "max(K)",
    "max(K, N, S)",
    "neg(K)",
    "name(K)",
    "K**9",
    "K**1e9",
    "9**9**9",
    "K**(10*10)",
    "K**K**K",
    "p0**(N**p1)",
    "K**(1/0)",
    "1e7*K",
    "1e999*K",
    "1j*K",
    "True*K",
    "None",
    "...",
    "",
    "   ",
    "K +",
    "K" + "+K" * 90,
    "-" * 300 + "K",
    "(" * 300 + "K" + ")" * 300,
    "9" * 500,
    "K\x00",
    "K" * 700,
)


@pytest.mark.parametrize("text", MALICIOUS)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidExpression) as refused:
        parse(text)
    assert refused.value.what and refused.value.where and refused.value.remedy


def test_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither eval nor compile to code, also not for what is legal."""

    def never(*arguments: object, **options: Any) -> None:
        raise AssertionError(f"called with {arguments}")

    real = builtins.compile
    monkeypatch.setattr(builtins, "eval", never)
    monkeypatch.setattr(builtins, "exec", never)
    monkeypatch.setattr(os, "system", never)
    monkeypatch.setattr(subprocess, "Popen", never)

    def only_trees(source: Any, name: str, mode: str, flags: int = 0, **options: Any) -> Any:
        assert flags & ast.PyCF_ONLY_AST
        return real(source, name, mode, flags, **options)

    monkeypatch.setattr(builtins, "compile", only_trees)
    for text in ("p0*K", *MALICIOUS):
        try:
            parse(text)([1.0], POINTS)
        except InvalidExpression:
            assert text != "p0*K"


@pytest.mark.parametrize(
    ("text", "numbers", "wanted"),
    [
        ("p0*K**(-p1)", (2, 0.5), lambda n, s, k: 2 * k**-0.5),
        (
            "1/(1 + p0*K**p1*N**p2*S**p3)",
            (1.5, 0.8, -0.7, -0.9),
            lambda n, s, k: 1 / (1 + 1.5 * k**0.8 * n**-0.7 / s**0.9),
        ),
        ("max(K, 3) - min(N, p0)", (20,), lambda n, s, k: max(k, 3) - min(n, 20)),
        ("-K**2 + +S", (), lambda n, s, k: -(k**2) + s),
        ("2 - 3 - K / 2 / 2", (), lambda n, s, k: -1 - k / 4),
        (
            "tanh(log(K)) + exp(-p5/S) + sqrt(N)",
            (2,),
            lambda n, s, k: math.tanh(math.log(k)) + math.exp(-2 / s) + n**0.5,
        ),
        ("0.25", (), lambda n, s, k: 0.25),
    ],
)
def test_values(text: str, numbers: tuple[float, ...], wanted: Any) -> None:
    found = parse(text)(numbers, POINTS)
    expected = [wanted(*point) for point in zip(*POINTS.values(), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_text_of_a_tree_is_that_tree(form: Any) -> None:
    tree = form.expression.tree
    assert parse(str(tree)).tree == tree


def test_no_value_is_infinite_or_nan_and_quick() -> None:
    began = time.process_time()
    values = parse("exp(exp(exp(exp(K))))*K**8*(-K)**p0")([0.5], POINTS)
    assert not np.isfinite(values).any()
    assert time.process_time() - began < 1


def test_parameters_of_proposals_are_fewer() -> None:
    assert parse("p5*K", most_parameters=6).parameters == ("p5",)
    with pytest.raises(InvalidExpression, match="p6"):
        parse("p6*K", most_parameters=6)
