"""Golden model of an adapting network: one layer after the other in whole numbers, registers written between samples.

Written from the specification with plain integers, and with nothing of neurodeploy but the fields of a network: no
simulator, no traces, no rules of it. Chains of dense layers of model ``cuba``, layer n starting at step n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

ONE = 1 << 16
TOP = 2**23


def toward_zero(x, bits):
    return np.sign(x) * (np.abs(x) >> bits)


def local_steps(spikes, weights, exponent, p, vth, bias):
    """Spikes (T, n) and membranes (T, n) of one layer whose local step has its input's spikes of the same step."""
    du, dv, u, v = (p.full(f).astype(np.int64) for f in ("du", "dv", "u0", "v0"))
    shift = p.full("bias_exp")
    b = np.where(shift >= 0, bias << np.maximum(shift, 0), bias >> np.maximum(-shift, 0))
    sent, membranes = [], []
    for s in spikes.astype(np.int64):
        a = weights @ s
        a = a << exponent if exponent > 0 else a >> -exponent
        u = toward_zero(u * (4095 - du), 12) + (a << 6)
        u = np.where(u > TOP, u - 2 * TOP, np.where(u <= -TOP, u + 2 * TOP, u))
        v = np.clip(toward_zero(v * (4096 - dv), 12) + u + b, -(TOP - 1), TOP - 1)
        fires = v > vth << 6
        v = np.where(fires, 0 if p.reset == "zero" else v - (vth << 6), v)
        sent.append(fires.astype(np.int64))
        membranes.append(v)
    return np.array(sent), np.array(membranes)


@dataclass
class Kept:
    """Of one layer: traces and gains of every neuron, Python integers; weights as they were compiled and are."""

    rate: list
    moment: list
    gain: list
    trained: np.ndarray
    before: list = field(default_factory=list)


class Golden:
    """The same stream in plain integers; ``rule`` homeo_gain, bcm_gain or bcm_add, cv over the layer, floors."""

    def __init__(self, net, rule, eta, rates, steps, layers, *, shift=4, seed=0, limit=None):
        self.net, self.rule, self.eta, self.steps, self.layers = net, rule, round(eta * ONE), steps, layers
        self.shift, self.limit = shift, limit
        self.bits = np.random.Philox(key=seed)
        self.chain = list(net.populations)
        self.into = {p.target: p for p in net.projections}
        self.nominal = {n: [max(int(c), math.ceil(0.02 * steps * 256)) for c in rates[n]] for n in layers}
        self.weights = {n: self.into[n].connection.weights.astype(np.int64) for n in self.chain}
        self.registers = {n: [net.populations[n].full(f).copy() for f in ("vth", "bias_mant")] for n in self.chain}
        self.kept = {
            n: Kept(
                [int(c) for c in rates[n]],
                [int(c) ** 2 for c in rates[n]],
                [256 << 12] * len(rates[n]),
                self.weights[n].copy(),
                [int(c) for c in rates[self.into[n].source]] if rule == "bcm_add" else [],
            )
            for n in layers
        }

    def run(self, sample):
        """Spikes and membranes (T, n) of every layer for one sample (T, n_in), and then the adaptation."""
        spikes, found, sent = sample, {}, {next(iter(self.net.inputs)): sample}
        for n in self.chain:
            p, exponent = self.net.populations[n], self.into[n].weight_exp
            found[n] = local_steps(spikes, self.weights[n], exponent, p, *self.registers[n])
            spikes = sent[n] = found[n][0]
        for n in self.layers:
            self.adapt(n, {name: values.sum(axis=0) for name, values in sent.items()})
        return found

    def adapt(self, n, counts):
        kept, c0 = self.kept[n], self.nominal[n]
        size = len(c0)
        for i in range(size):
            kept.rate[i] += (int(counts[n][i]) * 256 - kept.rate[i]) >> self.shift
            kept.moment[i] += (kept.rate[i] ** 2 - kept.moment[i]) >> self.shift
        total = sum(kept.rate)
        root = math.isqrt(size * sum(c * c for c in kept.rate) - total**2)
        k = min(ONE, root * ONE // total) if total else 0
        if self.rule == "bcm_add":
            return self.change_weights(n, k, counts[self.into[n].source])
        pace = self.eta * k >> 16
        p = self.net.populations[n]
        for i in range(size):
            c, slide = kept.rate[i], kept.moment[i] // c0[i]
            if self.rule == "homeo_gain":
                error = (c0[i] - c) * ONE // c0[i]
            else:
                error = (c * ONE // c0[i]) * ((c - slide) * ONE // c0[i]) >> 16
            change = max(-ONE, min(15 * ONE, pace * error >> 16))
            kept.gain[i] = max(64 << 12, min(1024 << 12, kept.gain[i] + (kept.gain[i] * change >> 16)))
            g = kept.gain[i] >> 12
            self.registers[n][0][i] = max(1, (256 * int(p.full("vth")[i]) + g // 2) // g)
            self.registers[n][1][i] = (256 * int(p.full("bias_mant")[i]) + g // 2) // g
        return None

    def change_weights(self, n, k, heard):
        """Mixed weights of 8 bits: even, -256..254."""
        kept, c0, p, t = self.kept[n], self.nominal[n], self.into[n], self.steps
        for j in range(len(kept.before)):
            kept.before[j] += (int(heard[j]) * 256 - kept.before[j]) >> self.shift
        weights = self.weights[n].copy()
        dice = self.bits.random_raw(weights.size).reshape(weights.shape)
        for i in range(len(c0)):
            c, vth = kept.rate[i], int(self.net.populations[n].full("vth")[i])
            phi = k * c * (c - kept.moment[i] // c0[i]) >> 16
            row = (self.eta * phi // t**2) * vth >> 16 + p.weight_exp
            room = None if self.limit is None else (round(self.limit * ONE) * vth >> 17 + p.weight_exp) * 2
            for j in range(weights.shape[1]):
                change = row * kept.before[j] // (256 * t) + (int(dice[i, j]) >> 64 - 17)
                w = int(weights[i, j]) + (change >> 17) * 2
                low, high = -256, 254
                if room is not None:
                    low, high = max(low, int(kept.trained[i, j]) - room), min(high, int(kept.trained[i, j]) + room)
                weights[i, j] = min(max(w, low), high)
        self.weights[n] = weights
