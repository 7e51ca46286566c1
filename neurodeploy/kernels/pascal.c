/* The neuron of PASCAL, one step; numpy: neurons/pascal.py, Pascal.integer_step. */
#include "lif.h"

ND_EXPORT void nd_pascal(nd_population *p, const int32_t *const *inputs, int32_t *const *state, void *const *outputs) {
    const int32_t *vth = p->fields[0], begin = p->fields[1][0], in = p->fields[2][0], out = p->fields[3][0];
    const int32_t corrects = begin + in, sends = corrects + (in > out ? in : out) - 1;
    int32_t *v = state[0], *count = state[1], *steps = state[2];
    for (int32_t i = 0; i < p->size; i++) {
        const int32_t step = steps[i]++, theta = vth[i] * 64;
        const int64_t input = (int64_t)inputs[0][i] * 64;
        p->wraps += input != nd_wrap32(input);
        const int32_t next = lif_membrane(v[i], nd_wrap32(input), 0, 0, &p->saturations);
        const int more = step >= begin && step < sends && next > theta;
        const int fewer = step >= corrects && step < sends && next < 0 && !more;
        nd_set(outputs[0], i, step >= sends && step - sends < out && count[i] > step - sends);
        v[i] = next - theta * (more - fewer);
        count[i] += more - fewer;
    }
}
