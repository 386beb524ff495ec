#include "CBLASCounter.h"

#ifdef OPENBLAS

#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>
#include <lapacke.h>

// One count a thread: tests that run beside each other do not see each other's calls.
static _Thread_local long calls[CBLASRoutineCount];

long cblas_counter_calls(CBLASRoutine routine) { return calls[routine]; }

// Also the reference that keeps OpenBLAS linked where the linker drops libraries that nothing refers to.
int cblas_counter_threads(void) { return openblas_get_num_threads(); }

const char *cblas_counter_lapack(void) {
  Dl_info info;
  void *function = dlsym(RTLD_DEFAULT, "ssyevd_");
  return function && dladdr(function, &info) && info.dli_fname ? info.dli_fname : "";
}

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
  }                                                                                                                \
  void cblas_##prefix##syrk(enum CBLAS_ORDER order, enum CBLAS_UPLO uplo, enum CBLAS_TRANSPOSE trans, blasint n,   \
                            blasint k, scalar alpha, const scalar *a, blasint lda, scalar beta, scalar *c,         \
                            blasint ldc) {                                                                         \
    FORWARD(Syrk, cblas_##prefix##syrk, order, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);                    \
  }                                                                                                                \
  lapack_int LAPACKE_##prefix##syevd_work(int layout, char jobz, char uplo, lapack_int n, scalar *a,               \
                                          lapack_int lda, scalar *w, scalar *work, lapack_int lwork,               \
                                          lapack_int *iwork, lapack_int liwork) {                                  \
    FORWARD(Syevd, LAPACKE_##prefix##syevd_work, layout, jobz, uplo, n, a, lda, w, work, lwork, iwork, liwork);    \
  }                                                                                                                \
  lapack_int LAPACKE_##prefix##gelqf_work(int layout, lapack_int m, lapack_int n, scalar *a, lapack_int lda,       \
                                          scalar *tau, scalar *work, lapack_int lwork) {                           \
    FORWARD(Gelqf, LAPACKE_##prefix##gelqf_work, layout, m, n, a, lda, tau, work, lwork);                          \
  }                                                                                                                \
  lapack_int LAPACKE_##prefix##orglq_work(int layout, lapack_int m, lapack_int n, lapack_int k, scalar *a,         \
                                          lapack_int lda, const scalar *tau, scalar *work, lapack_int lwork) {     \
    FORWARD(Orglq, LAPACKE_##prefix##orglq_work, layout, m, n, k, a, lda, tau, work, lwork);                       \
  }                                                                                                                \
  lapack_int LAPACKE_##prefix##gesdd_work(int layout, char jobz, lapack_int m, lapack_int n, scalar *a,            \
                                          lapack_int lda, scalar *s, scalar *u, lapack_int ldu, scalar *vt,        \
                                          lapack_int ldvt, scalar *work, lapack_int lwork, lapack_int *iwork) {    \
    FORWARD(Gesdd, LAPACKE_##prefix##gesdd_work, layout, jobz, m, n, a, lda, s, u, ldu, vt, ldvt, work, lwork,     \
            iwork);                                                                                                \
  }                                                                                                                \
  lapack_int LAPACKE_##prefix##potrf_work(int layout, char uplo, lapack_int n, scalar *a, lapack_int lda) {        \
    FORWARD(Potrf, LAPACKE_##prefix##potrf_work, layout, uplo, n, a, lda);                                         \
  }

DEFINE(s, float)
DEFINE(d, double)

#else

// Without the trait there is nothing to count.
long cblas_counter_calls(CBLASRoutine routine) { return 0; }
int cblas_counter_threads(void) { return 1; }
const char *cblas_counter_lapack(void) { return ""; }

#endif
