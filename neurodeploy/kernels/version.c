/* The loader (neurodeploy/kernels/__init__.py) refuses a library whose number is not its own.
 * Raise both whenever a signature or a struct of the C interface changes. */
#define ND_ABI_VERSION 12

__attribute__((visibility("default"))) int nd_abi_version(void);

int nd_abi_version(void) { return ND_ABI_VERSION; }
