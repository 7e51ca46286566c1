/* Placement by swaps, as neurodeploy/mapping/swaps.py defines it: integers only, and the moves come from there.
 *
 * Item i sits on site site_of[i], and item_at is its inverse. Move k puts item[k] onto site to[k], whose item goes where
 * that one came from, if the cost then changes by at most limit[k]. Neighbours of i: neighbour[start[i]..start[i+1]-1]. */
#include <stdint.h>

#define API __attribute__((visibility("default")))

/* Cost: sum over pairs of weight x distance between the nodes of their sites. */
API int64_t nd_swap_sites(int64_t moves, const int32_t *item, const int32_t *to, const int64_t *limit,
                          const int64_t *start, const int32_t *neighbour, const int64_t *weight,
                          const int32_t *node, const int32_t *distance, int64_t nodes, int32_t *site_of,
                          int32_t *item_at);

API int64_t nd_swap_sites(int64_t moves, const int32_t *item, const int32_t *to, const int64_t *limit,
                          const int64_t *start, const int32_t *neighbour, const int64_t *weight,
                          const int32_t *node, const int32_t *distance, int64_t nodes, int32_t *site_of,
                          int32_t *item_at) {
  int64_t gained = 0;
  for (int64_t k = 0; k < moves; k++) {
    const int32_t a = item[k], t = to[k], s = site_of[a], b = item_at[t];
    if (node[s] == node[t]) continue;
    const int32_t *from_s = distance + node[s] * nodes, *from_t = distance + node[t] * nodes;
    int64_t change = 0;
    for (int64_t e = start[a]; e < start[a + 1]; e++) {
      const int32_t n = neighbour[e], at = node[site_of[n]];
      if (n != b) change += weight[e] * (from_t[at] - from_s[at]);
    }
    for (int64_t e = start[b]; e < start[b + 1]; e++) {
      const int32_t n = neighbour[e], at = node[site_of[n]];
      if (n != a) change += weight[e] * (from_s[at] - from_t[at]);
    }
    if (change > limit[k]) continue;
    gained += change;
    site_of[a] = t, site_of[b] = s, item_at[t] = a, item_at[s] = b;
  }
  return gained;
}

typedef struct {
  int32_t columns, rows;
  const int32_t *x, *y;      /* of each site */
  int64_t *east, *west, *south, *north; /* loads of the link by its lower end, each columns x rows */
  int64_t hops;
} Mesh;

/* A flow along x, then along y. */
static void load(Mesh *m, int32_t from, int32_t to, int64_t packets) {
  const int32_t x0 = m->x[from], y0 = m->y[from], x1 = m->x[to], y1 = m->y[to];
  for (int32_t x = x0; x < x1; x++) m->east[y0 * m->columns + x] += packets, m->hops += packets;
  for (int32_t x = x1; x < x0; x++) m->west[y0 * m->columns + x] += packets, m->hops += packets;
  for (int32_t y = y0; y < y1; y++) m->south[y * m->columns + x1] += packets, m->hops += packets;
  for (int32_t y = y1; y < y0; y++) m->north[y * m->columns + x1] += packets, m->hops += packets;
}

static int64_t largest(const Mesh *m) {
  int64_t most = 0;
  for (int32_t i = 0; i < 4 * m->columns * m->rows; i++) most = m->east[i] > most ? m->east[i] : most;
  return most;
}

/* All flows of one item, but for those with another one, times sign. */
static void load_item(Mesh *m, int32_t a, int32_t but, int64_t sign, const int64_t *start, const int32_t *neighbour,
                      const int64_t *out, const int64_t *in, const int32_t *site_of) {
  for (int64_t e = start[a]; e < start[a + 1]; e++) {
    const int32_t n = neighbour[e];
    if (n == but) continue;
    if (out[e]) load(m, site_of[a], site_of[n], sign * out[e]);
    if (in[e]) load(m, site_of[n], site_of[a], sign * in[e]);
  }
}

/* Cost: packets over all links of a mesh + emphasis x packets over the busiest. ``loads`` has 4 x columns x rows zeros. */
API int64_t nd_swap_loads(int64_t moves, const int32_t *item, const int32_t *to, const int64_t *limit,
                          int64_t items, const int64_t *start, const int32_t *neighbour, const int64_t *out,
                          const int64_t *in, int32_t columns, int32_t rows, const int32_t *x, const int32_t *y,
                          int64_t emphasis, int64_t *loads, int32_t *site_of, int32_t *item_at);

API int64_t nd_swap_loads(int64_t moves, const int32_t *item, const int32_t *to, const int64_t *limit,
                          int64_t items, const int64_t *start, const int32_t *neighbour, const int64_t *out,
                          const int64_t *in, int32_t columns, int32_t rows, const int32_t *x, const int32_t *y,
                          int64_t emphasis, int64_t *loads, int32_t *site_of, int32_t *item_at) {
  const int64_t links = (int64_t)columns * rows;
  Mesh m = {columns, rows, x, y, loads, loads + links, loads + 2 * links, loads + 3 * links, 0};
  for (int32_t a = 0; a < items; a++)
    for (int64_t e = start[a]; e < start[a + 1]; e++)
      if (out[e]) load(&m, site_of[a], site_of[neighbour[e]], out[e]);
  int64_t cost = m.hops + emphasis * largest(&m);
  for (int64_t k = 0; k < moves; k++) {
    const int32_t a = item[k], t = to[k], s = site_of[a], b = item_at[t];
    if (x[s] == x[t] && y[s] == y[t]) continue;
    load_item(&m, a, -1, -1, start, neighbour, out, in, site_of);
    load_item(&m, b, a, -1, start, neighbour, out, in, site_of);
    site_of[a] = t, site_of[b] = s;
    load_item(&m, a, -1, 1, start, neighbour, out, in, site_of);
    load_item(&m, b, a, 1, start, neighbour, out, in, site_of);
    const int64_t after = m.hops + emphasis * largest(&m);
    if (after - cost <= limit[k]) {
      cost = after;
      item_at[t] = a, item_at[s] = b;
      continue;
    }
    load_item(&m, a, -1, -1, start, neighbour, out, in, site_of);
    load_item(&m, b, a, -1, start, neighbour, out, in, site_of);
    site_of[a] = s, site_of[b] = t;
    load_item(&m, a, -1, 1, start, neighbour, out, in, site_of);
    load_item(&m, b, a, 1, start, neighbour, out, in, site_of);
  }
  return cost;
}
