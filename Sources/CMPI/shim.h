#pragma once
#include <mpi.h>

// Messages are bytes. Each function returns the error code of the call that it makes.

/// A communicator and a request, which Open MPI defines as pointers and MPICH as numbers.
typedef struct { MPI_Comm value; } cmpi_comm;
typedef struct { MPI_Request value; } cmpi_request;

static inline int cmpi_is_initialized(int *flag) { return MPI_Initialized(flag); }

/// Initializes MPI for calls from any thread, one at a time.
static inline int cmpi_init(int *provided) {
  return MPI_Init_thread(0, 0, MPI_THREAD_SERIALIZED, provided);
}

/// Whether a thread level allows calls from any thread, one at a time.
static inline int cmpi_is_serialized(int provided) { return provided >= MPI_THREAD_SERIALIZED; }

/// A communicator of all processes, apart from the one that other code may use. Errors are returned.
static inline int cmpi_world(cmpi_comm *world) {
  int error = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (error == MPI_SUCCESS) { error = MPI_Comm_dup(MPI_COMM_WORLD, &world->value); }
  return error == MPI_SUCCESS ? MPI_Comm_set_errhandler(world->value, MPI_ERRORS_RETURN) : error;
}

static inline int cmpi_free(cmpi_comm *comm) { return MPI_Comm_free(&comm->value); }
static inline int cmpi_finalize(void) { return MPI_Finalize(); }
static inline int cmpi_abort(int status) { return MPI_Abort(MPI_COMM_WORLD, status); }
static inline int cmpi_is_success(int error) { return error == MPI_SUCCESS; }

/// The capacity that cmpi_error_string and cmpi_library_version need.
static inline int cmpi_text_capacity(void) {
  return MPI_MAX_ERROR_STRING > MPI_MAX_LIBRARY_VERSION_STRING ? MPI_MAX_ERROR_STRING
                                                               : MPI_MAX_LIBRARY_VERSION_STRING;
}
static inline int cmpi_error_string(int error, char *text, int *length) {
  return MPI_Error_string(error, text, length);
}
static inline int cmpi_library_version(char *text, int *length) {
  return MPI_Get_library_version(text, length);
}

static inline int cmpi_rank(cmpi_comm comm, int *rank) { return MPI_Comm_rank(comm.value, rank); }
static inline int cmpi_size(cmpi_comm comm, int *size) { return MPI_Comm_size(comm.value, size); }
static inline int cmpi_barrier(cmpi_comm comm) { return MPI_Barrier(comm.value); }

static inline int cmpi_broadcast(cmpi_comm comm, void *bytes, int count, int root) {
  return MPI_Bcast(bytes, count, MPI_BYTE, root, comm.value);
}
static inline int cmpi_gather_all(cmpi_comm comm, const void *part, int count, void *whole, const int *counts,
                                  const int *offsets) {
  return MPI_Allgatherv(part, count, MPI_BYTE, whole, counts, offsets, MPI_BYTE, comm.value);
}
static inline int cmpi_send(cmpi_comm comm, const void *bytes, int count, int rank, cmpi_request *request) {
  return MPI_Isend(bytes, count, MPI_BYTE, rank, 0, comm.value, &request->value);
}
static inline int cmpi_receive(cmpi_comm comm, void *bytes, int count, int rank, cmpi_request *request) {
  return MPI_Irecv(bytes, count, MPI_BYTE, rank, 0, comm.value, &request->value);
}
static inline int cmpi_wait(int count, cmpi_request *requests) {
  return MPI_Waitall(count, &requests->value, MPI_STATUSES_IGNORE);
}

/// The library's own sum of numbers, whose order is not specified: for comparisons of speed.
static inline int cmpi_sum_in_any_order(cmpi_comm comm, double *numbers, int count) {
  return MPI_Allreduce(MPI_IN_PLACE, numbers, count, MPI_DOUBLE, MPI_SUM, comm.value);
}
