#pragma once

// Stands between the tests and OpenBLAS: defines the cblas functions that the package calls, counts, and forwards.
// A backend that says OpenBLAS and computes in Swift cannot pass a test that asks for these counts.

typedef enum {
  CBLASRoutineGemv,
  CBLASRoutineAxpy,
  CBLASRoutineScal,
  CBLASRoutineDot,
  CBLASRoutineGemm,
  CBLASRoutineCount
} CBLASRoutine;

/// The calls that this thread has made, in either precision.
long cblas_counter_calls(CBLASRoutine routine);

/// OpenBLAS's process-wide number of threads.
int cblas_counter_threads(void);
