#include "CBLASCounter.h"

#ifdef OPENBLAS

#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>

// One count a thread: tests that run beside each other do not see each other's calls.
static _Thread_local long calls[CBLASRoutineCount];

long cblas_counter_calls(CBLASRoutine routine) { return calls[routine]; }

// Also the reference that keeps OpenBLAS linked where the linker drops libraries that nothing refers to.
int cblas_counter_threads(void) { return openblas_get_num_threads(); }

// The next definition of the function in the order of libraries: OpenBLAS's.
#define FORWARD(routine, function, ...)                              \
  static _Atomic(void *) next;                                       \
  if (!next) next = dlsym(RTLD_NEXT, #function);                     \
  calls[CBLASRoutine##routine] += 1;                                 \
  return ((__typeof__(&function))(void *)next)(__VA_ARGS__)

#define DEFINE(prefix, scalar)                                                                                     \
  void cblas_##prefix##gemv(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE trans, blasint m, blasint n,              \
                            scalar alpha, const scalar *a, blasint lda, const scalar *x, blasint incx,             \
                            scalar beta, scalar *y, blasint incy) {                                                \
    FORWARD(Gemv, cblas_##prefix##gemv, order, trans, m, n, alpha, a, lda, x, incx, beta, y, incy);                \
  }                                                                                                                \
  void cblas_##prefix##axpy(blasint n, scalar alpha, const scalar *x, blasint incx, scalar *y, blasint incy) {     \
    FORWARD(Axpy, cblas_##prefix##axpy, n, alpha, x, incx, y, incy);                                               \
  }                                                                                                                \
  void cblas_##prefix##scal(blasint n, scalar alpha, scalar *x, blasint incx) {                                    \
    FORWARD(Scal, cblas_##prefix##scal, n, alpha, x, incx);                                                        \
  }                                                                                                                \
  scalar cblas_##prefix##dot(blasint n, const scalar *x, blasint incx, const scalar *y, blasint incy) {            \
    FORWARD(Dot, cblas_##prefix##dot, n, x, incx, y, incy);                                                        \
  }                                                                                                                \
  void cblas_##prefix##gemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transa, enum CBLAS_TRANSPOSE transb,      \
                            blasint m, blasint n, blasint k, scalar alpha, const scalar *a, blasint lda,           \
                            const scalar *b, blasint ldb, scalar beta, scalar *c, blasint ldc) {                   \
    FORWARD(Gemm, cblas_##prefix##gemm, order, transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);      \
  }

DEFINE(s, float)
DEFINE(d, double)

#else

// Without the trait there is nothing to count.
long cblas_counter_calls(CBLASRoutine routine) { return 0; }
int cblas_counter_threads(void) { return 1; }

#endif
