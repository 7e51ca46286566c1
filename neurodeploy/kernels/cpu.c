/* Which instruction sets the processor and the operating system allow; kernels/__init__.py loads a library by it.
 * With cpuid itself: what __builtin_cpu_supports answers depends on the compiler's run-time library, and Zig's says no
 * to everything. */
#include <stdint.h>

__attribute__((visibility("default"))) int nd_cpu_level(void);
/* Beyond level 4: whether it has AVX512-VNNI, and VBMI2. */
int nd_cpu_multiplies_bytes(void);
int nd_cpu_packs_bytes(void);

#ifdef __x86_64__
#include <cpuid.h>

enum {
    SSE3 = 1 << 0, SSSE3 = 1 << 9, FMA = 1 << 12, CX16 = 1 << 13, SSE41 = 1 << 19, SSE42 = 1 << 20, /* leaf 1, ecx */
    MOVBE = 1 << 22, POPCNT = 1 << 23, OSXSAVE = 1 << 27, AVX = 1 << 28, F16C = 1 << 29,
    LAHF = 1 << 0, LZCNT = 1 << 5,                                                                  /* 80000001, ecx */
    BMI1 = 1 << 3, AVX2 = 1 << 5, BMI2 = 1 << 8,                                                    /* leaf 7, ebx */
    VBMI2 = 1 << 6, VNNI = 1 << 11                                                                  /* leaf 7, ecx */
};
#define AVX512 (UINT32_C(1) << 16 | UINT32_C(1) << 17 | UINT32_C(1) << 28 | UINT32_C(1) << 30 | UINT32_C(1) << 31)

static int has(uint32_t found, uint32_t wanted) { return (found & wanted) == wanted; }

/* The registers that the operating system saves: bits 1, 2 those of AVX, 5 to 7 those of AVX-512. */
static uint32_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* The level of the x86-64 ABI, 1 to 4. */
int nd_cpu_level(void) {
    uint32_t a, b, c = 0, d, extended = 0, leaf7 = 0;
    __get_cpuid(1, &a, &b, &c, &d);
    __get_cpuid(0x80000001, &a, &b, &extended, &d);
    __get_cpuid_count(7, 0, &a, &leaf7, &b, &d);
    if (!has(c, SSE3 | SSSE3 | CX16 | SSE41 | SSE42 | POPCNT) || !has(extended, LAHF)) return 1;
    if (!has(c, FMA | MOVBE | OSXSAVE | AVX | F16C)) return 2;
    if (!has(extended, LZCNT) || !has(leaf7, BMI1 | AVX2 | BMI2)) return 2;
    if (!has(saved_registers(), 0x06)) return 2;
    return has(leaf7, AVX512) && has(saved_registers(), 0xE6) ? 4 : 3;
}

/* cpuid takes as long as a step of a layer: asked once. */
static uint32_t beyond(void) {
    static uint32_t known = 1; /* whose bit 0 is none of those asked for */
    if (known == 1) {
        uint32_t a, b, c = 0, d;
        __get_cpuid_count(7, 0, &a, &b, &c, &d);
        known = nd_cpu_level() == 4 ? c & (VBMI2 | VNNI) : 0;
    }
    return known;
}

int nd_cpu_multiplies_bytes(void) { return has(beyond(), VNNI); }
int nd_cpu_packs_bytes(void) { return has(beyond(), VBMI2); }
#else
/* Other processors have one library, for all. */
int nd_cpu_level(void) { return 0; }
int nd_cpu_multiplies_bytes(void) { return 0; }
int nd_cpu_packs_bytes(void) { return 0; }
#endif
