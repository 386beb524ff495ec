#pragma once

// Stands between the tests and OpenBLAS: defines the cblas and LAPACKE functions that the package calls, counts, and forwards.
// A backend that says OpenBLAS and computes in Swift cannot pass a test that asks for these counts.

typedef enum {
  CBLASRoutineGemv,
  CBLASRoutineAxpy,
  CBLASRoutineScal,
  CBLASRoutineDot,
  CBLASRoutineGemm,
  CBLASRoutineSyrk,
  CBLASRoutineSyevd,
  CBLASRoutineGelqf,
  CBLASRoutineOrglq,
  CBLASRoutineGesdd,
  CBLASRoutinePotrf,
  CBLASRoutineCount
} CBLASRoutine;

/// The calls that this thread has made, in either precision.
long cblas_counter_calls(CBLASRoutine routine);

/// OpenBLAS's process-wide number of threads.
int cblas_counter_threads(void);

/// The file of the library whose LAPACK answers, or an empty string.
const char *cblas_counter_lapack(void);
