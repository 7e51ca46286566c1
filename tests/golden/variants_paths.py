"""Wrong ways of the fast engine: layouts of weights, maps, delays, samples, sessions; see tools/mutations.py."""

from __future__ import annotations

from golden.variant import fast

DENSE_C, DOT_C, CONV_C, SPARSE_C = (f"kernels/{name}.c" for name in ("dense", "dot", "conv2d", "sparse"))
INPUTS_C, LAYERS_C, RUN_C, WORKER_C = (f"kernels/{name}.c" for name in ("inputs", "layers", "run", "worker"))
CPU_C, EVENTS_C, CUBA_C = "kernels/cpu.c", "kernels/events.c", "kernels/cuba.c"
PREPARED, PACKING, BLOCKS = "simulate/prepared.py", "simulate/packing.py", "simulate/conv_blocks.py"
CREW_C, SHARING = "kernels/crew.c", "simulate/sharing.py"
CALL, ORDER, RASTERS = "simulate/call.py", "simulate/order.py", "simulate/rasters.py"

TILES, DOTS, MAPS, DELAYS = "tiles_of_every_width", "dense_at_high_activity", "test_maps", "a_delay_for_each_synapse"
SPARSE, SESSIONS, SAMPLES = "packings_of_sparse", "sessions", "several_samples"
SHARED = "large_population or every_kind_of_network"
FIRST = "first[j] = both[j] - (upper[j] << 8) - biases;"
SECOND = "second[j] = upper[j];"
NO_QUADS = (CPU_C, "known = nd_cpu_level() == 4 && has(c, VNNI);", "known = 0;")

PATH_VARIANTS = (
    fast("tiles: 128 of each weight not taken off", TILES, (DENSE_C, "(uint16_t)(128 * count)", "0")),
    fast("tiles: 127 of each weight taken off", TILES, (DENSE_C, "(128 * count)", "(127 * count)")),
    fast("tiles: second half left in the first", TILES, (DENSE_C, FIRST, "first[j] = both[j] - biases;")),
    fast(
        "tiles: halves swapped",
        TILES,
        (DENSE_C, FIRST, FIRST.replace("first", "second")),
        (DENSE_C, SECOND, SECOND.replace("second", "first")),
    ),
    fast("tiles: second half without a sign", TILES, (DENSE_C, "(nd_u16)((nd_i16)words >> 8)", "words >> 8")),
    fast(
        "tiles: last one narrower than packed", TILES, (DENSE_C, "left > 2 * ND_BYTES ? 4", "left > 3 * ND_BYTES ? 4")
    ),
    fast("tiles: twice the rows that fit", TILES, (PACKING, "else INT16 // most", "else 2 * INT16 // most")),
    fast(
        "tiles: as many rows as there are", TILES, (PACKING, "<= INT16 else INT16 // most", "<= INT16 else UNLIMITED")
    ),
    fast("tiles: unit of the weights forgotten", TILES, (INPUTS_C, "p->weight_shift + p->weight_exp", "p->weight_exp")),
    fast("tiles: every tile counts synapses", TILES, (INPUTS_C, "if (!tile) q->syn_ops +=", "q->syn_ops +=")),
    fast("tiles: of a population in a cycle", "", (PREPARED, "dense and not is_recurrent and", "dense and")),
    fast("tiles: of weights beyond 8 bits", TILES, (PREPARED, " and i.fits_bytes(i.exponent)\n", "\n")),
    fast(
        "tiles: spikes of idle steps",
        DOTS,
        (LAYERS_C, "memset(words + from / ND_WORD, 0, sizeof(uint64_t) * (size_t)nd_words(to - from));", ""),
    ),
    fast(
        "dots: one product of each pair",
        DOTS,
        NO_QUADS,
        (DOT_C, "(((nd_i32)(TOTAL) >> 16) + (nd_i32)((nd_u32)(TOTAL) << 16 >> 16))", "((nd_i32)(TOTAL) >> 16)"),
    ),
    fast(
        "dots: quads in another order",
        DOTS,
        (PACKING, "split.transpose(2, 0, 3, 1)", "split[:, ::-1].transpose(2, 0, 3, 1)"),
    ),
    fast(
        "dots: parts in another order",
        DOTS,
        (PACKING, "split.transpose(2, 0, 3, 1)", "split[:, :, ::-1].transpose(2, 0, 3, 1)"),
    ),
    fast("dots: a step early", DOTS, (INPUTS_C, "t + s - 1 - p->latency", "t + s - p->latency")),
    fast(
        "dots: spikes of other samples", DOTS, (INPUTS_C, "memset(flags, 0, (size_t)((w->history + steps) * row));", "")
    ),
    fast("dots: synapses not counted", DOTS, (LAYERS_C, "else if (!tile) nd_count_synapses(w, k, sample, t);", "")),
    fast(
        "dots: sums of idle steps", "dots_of_idle", (LAYERS_C, "memset(sums, 0, sizeof *sums * (size_t)columns);", "")
    ),
    fast(
        "dots: sums behind the last step",
        "dots_of_idle",
        (LAYERS_C, "if (by_dots) memset(w->narrow, 0, sizeof *w->narrow * (size_t)(ND_STEPS * columns));", ""),
    ),
    fast(
        "blocks: taps of the source before",
        MAPS,
        (CONV_C, " tap = taps + tap_of[list[k]];", " tap = taps + tap_of[list[k - 1]];"),
    ),
    fast("blocks: bases not compared", MAPS, (CONV_C, "bases[list[k]] == base", "bases[list[k]] >= 0 * base")),
    fast(
        "blocks: taps of the first 16 vectors only",
        MAPS,
        (CONV_C, "(const char *)p->taps + from * ND_BYTES", "(const char *)p->taps"),
    ),
    fast("blocks: places of the first 16 vectors only", MAPS, (CONV_C, "p->vector_at + from", "p->vector_at")),
    fast(
        "blocks: phases of x and y swapped",
        MAPS,
        (BLOCKS, "y.phases[:, None], x.phases]", "x.phases, y.phases[:, None]]"),
    ),
    fast(
        "blocks: rows of the output's length",
        MAPS,
        (BLOCKS, "y.cells[:, None] * x.length", "y.cells[:, None] * x.outputs"),
    ),
    fast("blocks: the border's place in x", MAPS, (BLOCKS, "c.target_shape[2]) + x.border", "c.target_shape[2])")),
    fast("blocks: the border's place in y", MAPS, (BLOCKS, "c.target_shape[1]) + y.border", "c.target_shape[1])")),
    fast("blocks: groups on one place", MAPS, (BLOCKS, "* c_out + group\n", "* c_out + 0 * group\n")),
    fast("blocks: taps of the wrong channel", MAPS, (BLOCKS, "tap = number[channel,", "tap = number[channel[::-1],")),
    fast(
        "blocks: a tap too far",
        MAPS,
        (BLOCKS, "taps[phase, steps - steps.min()] = tap", "taps[phase, steps.max() - steps] = tap"),
    ),
    fast(
        "blocks: what no tap meets is the last one",
        MAPS,
        (BLOCKS, "(c_out, in_group, kh + 1, kw + 1)", "(c_out, in_group, kh, kw)"),
    ),
    fast("maps: kept from step to step", MAPS, (CONV_C, "memset(from, 0, sizeof(TYPE) * (size_t)channels);", "")),
    fast("maps: collected channels first", MAPS, (CONV_C, "pixel = p->channels_last ? channels : 1", "pixel = 1")),
    fast("maps: torn vectors", MAPS, (PACKING, "slot.c_out % lanes or ", "")),
    fast("maps: of one of several projections", MAPS, (PREPARED, "entry.n_projections == 1 and", "")),
    fast(
        "order: pixels of the target as given",
        MAPS,
        (PACKING, "made.at if pixels is None else made.at[pixels]", "made.at"),
    ),
    fast("order: sources as given", MAPS, (PACKING, "values if order is None else values.take(order, axis)", "values")),
    fast("order: targets as given", MAPS, (PACKING, "values if order is None else values.take(order, 0)", "values")),
    fast("order: fields as given", MAPS, (PREPARED, "values if order is None or", "values if True or")),
    fast("order: registers not undone", MAPS, (CALL, "reorder(v, orders[name]) if name in orders else v", "v")),
    fast("order: messages not undone", MAPS, (CALL, "size, self._prepared.orders.get(name))", "size, None)")),
    fast("order: done twice, not undone", MAPS, (RASTERS, "np.argsort(order)", "order")),
    fast(
        "sparse: weights without a sign, packed",
        SPARSE,
        (
            SPARSE_C,
            "sums[packed[k] >> 8] += (int8_t)packed[k] * scale",
            "sums[packed[k] >> 8] += (uint8_t)packed[k] * scale",
        ),
    ),
    fast(
        "sparse: weights without a sign, narrow",
        "packed_synapses",
        (SPARSE_C, "sums[packed[k] >> 8] += (int8_t)packed[k])", "sums[packed[k] >> 8] += (uint8_t)packed[k])"),
    ),
    fast("sparse: unit of the weights forgotten", SPARSE, (SPARSE_C, "(exponent + p->weight_shift)", "exponent")),
    fast(
        "sparse: targets as given",
        "order",
        (
            PACKING,
            "indices = by_source.indices if order is None else np.argsort(order)[by_source.indices]",
            "indices = by_source.indices",
        ),
    ),
    fast("sparse: sources as given", "order", (PACKING, "by_source = by_source[:, source]", "pass")),
    fast("delays: a slot late", DELAYS, (SPARSE_C, "(uint32_t)step + delays[k]", "(uint32_t)step + 1 + delays[k]")),
    fast(
        "delays: ring half as long",
        DELAYS,
        (PACKING, "1 << int(p.delay).bit_length()", "1 << int(p.delay).bit_length() - 1"),
    ),
    fast(
        "delays: rows not cleared",
        DELAYS,
        (INPUTS_C, "if (count) memset(row, 0, sizeof *row * (size_t)p->n_target);", "(void)row;"),
    ),
    fast("delays: synapses counted again", DELAYS, (INPUTS_C, "*arrived = 0;", "")),
    fast("delays: nothing goes on in idle steps", DELAYS, (LAYERS_C, "nd_pass_idle(w, k, sample, t);", "(void)0;")),
    fast("delays: sources as given", DELAYS, (PACKING, "number = number[:, source]", "pass")),
    fast(
        "delays: targets as given",
        DELAYS,
        (PACKING, "number.indices if order is None else np.argsort(order)[number.indices]", "number.indices"),
    ),
    fast("delays: under way into the next sample", DELAYS, (WORKER_C, "memset(w->maps[i], 0, map_bytes(w, p));", "")),
    fast(
        "delays: counted into the next sample",
        DELAYS,
        (WORKER_C, "memset(w->arrivals[i], 0, sizeof(int64_t) * (size_t)p->ring);", ""),
    ),
    fast(
        "sessions: ring turned back by each call",
        SESSIONS,
        (INPUTS_C, "(int32_t)((w->before + t) % p->ring)", "t % p->ring"),
        (INPUTS_C, "w->arrivals[i][(w->before + t) % p->ring]", "w->arrivals[i][t % p->ring]"),
    ),
    fast("sessions: history a row short", SESSIONS, (RUN_C, "    return longest;", "    return longest - 1;")),
    fast(
        "sessions: history of other rows",
        SESSIONS,
        (EVENTS_C, "e->start[r] = e->start[rows - kept + r] - from;", "e->start[r] = e->start[rows - kept + r];"),
    ),
    fast(
        "sessions: history kept over a restart",
        SESSIONS,
        (WORKER_C, "memset(w->events[r].start, 0, sizeof(int64_t) * (size_t)(w->history + 1));", "(void)0;"),
    ),
    fast("sessions: every call is the first", SESSIONS, (LAYERS_C, "w->before += steps;", "")),
    fast(
        "samples: layers go on with the one before",
        SAMPLES,
        (LAYERS_C, "if (samples > 1) nd_worker_restart_population(w, k);", ""),
    ),
    fast(
        "samples: cycles go on with the one before",
        SAMPLES,
        (LAYERS_C, "if (w->populations[other].component == component) nd_worker_restart_population(w, other);", ";"),
    ),
    fast(
        "shared: the next target is the part before's",
        SHARED,
        (SPARSE_C, "if (target >= to) break;", "if (target > to) break;"),
    ),
    fast("shared: synapses of the whole source", SHARED, (SPARSE_C, "cut[1] = k;", "cut[1] = end;")),
    fast("shared: synapses in any order", "do_not_ascend", (SPARSE_C, "if (target < before) return 0;", "")),
    fast("shared: dense synapses counted by all", SHARED, (INPUTS_C, "if (!from) q->syn_ops +=", "q->syn_ops +=")),
    fast(
        "shared: dense tiles of the first part",
        SHARED,
        (INPUTS_C, "nd_dense_tile(p, at / nd_tile_columns()", "nd_dense_tile(p, (at - from) / nd_tile_columns()"),
    ),
    fast(
        "shared: resets of the whole population",
        SHARED,
        (
            LAYERS_C,
            "reset(q, w->before + m->t, registers, from, to);",
            "reset(q, w->before + m->t, registers, 0, q->size);",
        ),
    ),
    fast("shared: no resets", SHARED, (LAYERS_C, "reset(q, w->before + m->t, registers, from, to);", "")),
    fast("shared: only by sparse synapses", SHARED, (SHARING, "if p.delays or p.kind not in", "if p.kind not in")),
    fast("events: flags of the last word", "", (EVENTS_C, "    if (i < size) {", "    if (0) {")),
)
