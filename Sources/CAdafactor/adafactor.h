/* The C interface of swift-adafactor: optimizer steps on memory of the caller, and learning-rate schedules.
 *
 * Goals, in this order:
 * 1. Nothing traps. Every input that can be checked is checked, and an error names the tensor, the values and the remedy.
 *    (Addresses cannot be checked: they must be readable, and writable where this header says so.)
 * 2. Functions have no state. Parameters, gradients and optimizer states are memory of the caller, who describes them at each call.
 *    What the library keeps between calls makes them faster and changes no result.
 * 3. A call costs little, also for 10,000 small tensors.
 *
 * A step:
 *
 *     float weights[6] = {…}, gradient[6] = {…}, rows[2], columns[3];
 *     int64_t shape[2] = {2, 3};
 *     adafactor_state states[2] = {
 *       {.name = "exp_avg_sq_row", .data = rows, .shape = shape, .rank = 1, .type = ADAFACTOR_FLOAT32},
 *       {.name = "exp_avg_sq_col", .data = columns, .shape = shape + 1, .rank = 1, .type = ADAFACTOR_FLOAT32}};
 *     adafactor_tensor tensor = {
 *       .parameter = weights, .gradient = gradient,
 *       .parameter_type = ADAFACTOR_FLOAT32, .gradient_type = ADAFACTOR_FLOAT32,
 *       .shape = shape, .rank = 2, .states = states, .state_count = 2, .name = "weights", .gradient_scale = 1};
 *     adafactor_call call = {ADAFACTOR_CALL_SIZES, .optimizer = "adafactor", .options = "{\"relative_step\": true}"};
 *     adafactor_error error;
 *     if (adafactor_step(&call, &tensor, 1, &error) != ADAFACTOR_OK) puts(error.message);
 *
 * Functions may be called from several threads at once, for different tensors. After a fork the child can step too, on one
 * thread. All text is UTF-8.
 */
#ifndef ADAFACTOR_H
#define ADAFACTOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Results of functions. */
enum {
  ADAFACTOR_OK = 0,
  /* The call itself: an argument is null, or a size, a count or a policy is impossible. */
  ADAFACTOR_INVALID_CALL = 1,
  /* There is no optimizer or no schedule of this name. */
  ADAFACTOR_UNKNOWN_NAME = 2,
  /* The options are not JSON, or one of them is unknown, ill-typed or out of range. */
  ADAFACTOR_INVALID_OPTION = 3,
  /* A tensor has an impossible address, type or shape, or the optimizer cannot step this shape. */
  ADAFACTOR_INVALID_TENSOR = 4,
  /* A state does not fit its tensor. */
  ADAFACTOR_INVALID_STATE = 5,
  /* An update is not finite, and the policy is ADAFACTOR_THROW_ERROR. */
  ADAFACTOR_NON_FINITE = 6
};

/* Types of elements. */
enum { ADAFACTOR_FLOAT32 = 0, ADAFACTOR_FLOAT64 = 1, ADAFACTOR_FLOAT16 = 2, ADAFACTOR_BFLOAT16 = 3 };

/* Policies for updates that are not finite. */
enum {
  /* The update is made, and the parameter becomes NaN. */
  ADAFACTOR_PROPAGATE = 0,
  /* The parameter and its state are unchanged. Others are stepped. */
  ADAFACTOR_SKIP_PARAMETER = 1,
  /* No parameter of the call is stepped. */
  ADAFACTOR_SKIP_STEP = 2,
  /* No parameter of the call is stepped, and the call returns ADAFACTOR_NON_FINITE. */
  ADAFACTOR_THROW_ERROR = 3
};

/* Bits of adafactor_tensor.outcome. */
enum {
  /* The parameter and its state were updated. */
  ADAFACTOR_STEPPED = 1,
  /* The update is not finite, or has left an infinity in the parameter. */
  ADAFACTOR_WAS_NOT_FINITE = 2
};

/* The maximum number of axes of a tensor. */
#define ADAFACTOR_MAX_RANK 64
/* The maximum number of numbers in a state, apart from the step. */
#define ADAFACTOR_MAX_NUMBERS 4

/* An error. The message names the values and the remedy. */
typedef struct {
  /* The result of the function. */
  int32_t code;
  int32_t reserved;
  /* The index of the tensor that the error is about, or -1. */
  int64_t tensor;
  /* Ends with a zero byte; a longer message is cut. */
  char message[1024];
} adafactor_error;

/* A tensor of an optimizer's state, such as the row second moments of Adafactor. */
typedef struct {
  /* The name under which adafactor_state_layout lists it: transformers' or torch's name, if they have it. */
  const char *name;
  /* The elements in row-major order, at a multiple of the element's size. Steps read and write them. */
  void *data;
  /* The dimensions, outermost first; may be null if rank is 0. */
  const int64_t *shape;
  int64_t rank;
  /* ADAFACTOR_FLOAT64 for parameters of that type, ADAFACTOR_FLOAT32 for all others; a residual has its parameter's type. */
  int32_t type;
  /* In: whether the contents count as absent and are not read, as for momentum that was just turned on. Out: 0. */
  int32_t is_new;
} adafactor_state;

/* One tensor of a step. */
typedef struct {
  /* The elements in row-major order without gaps, at any alignment. The step changes them. No two tensors of a call may
   * overlap. */
  void *parameter;
  /* The gradient's elements, of the same shape. The step reads them. */
  const void *gradient;
  int32_t parameter_type;
  int32_t gradient_type;
  /* The dimensions, outermost first; may be null if rank is 0. */
  const int64_t *shape;
  int64_t rank;
  /* The tensors of the state, in any order. */
  adafactor_state *states;
  int64_t state_count;
  /* The name in errors, and for stochastic rounding: tensors of different names get different draws. May be null. */
  const char *name;
  /* In: the number of steps taken so far. Out: the number afterwards. */
  int64_t step;
  /* In: 0 before the first step, and the contents of all states are not read. Otherwise 1. Out: whether states hold something
   * now. A step that was not made leaves 0. */
  int32_t has_state;
  /* Out: bits, see ADAFACTOR_STEPPED. */
  int32_t outcome;
  /* The factor that the gradient is multiplied by as it is read: usually 1. Finite. */
  double gradient_scale;
  /* In and out: the numbers of the state in the order of adafactor_state_layout. NaN for none. */
  double numbers[ADAFACTOR_MAX_NUMBERS];
  /* In, if the call uses squares: the sum of the parameter's squares as the last step left it here, or 0 if something has written
   * the parameter since. Finite and not negative. Out: the sum after the step, or 0 if the step does not compute it. */
  double squares;
} adafactor_tensor;

/* Which step to take. */
typedef struct {
  /* The sizes of the structs that the caller was compiled with: ADAFACTOR_CALL_SIZES. */
  int64_t size, tensor_size, state_size;
  /* The name of an optimizer: see adafactor_optimizer_name. */
  const char *optimizer;
  /* The options as a JSON object under the names of the optimizer's reference, such as {"lr": 1e-3, "betas": [0.9, 0.999]}.
   * Missing options have their defaults, unknown ones are refused. NaN, Infinity and -Infinity are read as numbers. Null for
   * all defaults. */
  const char *options;
  /* The maximum number of threads; 0 for one per processor. Results don't depend on it. */
  int64_t threads;
  /* The policy for updates that are not finite. */
  int32_t non_finite;
  /* 1 to compute with the kernels that every processor of this architecture can run. They give the same bits. */
  int32_t uses_baseline;
  /* 1 if the squares of the tensors may be used. Adafactor with scale_parameter then reads each parameter once less. */
  int32_t uses_squares;
  /* 0. */
  int32_t reserved;
} adafactor_call;

#define ADAFACTOR_CALL_SIZES \
  .size = sizeof(adafactor_call), .tensor_size = sizeof(adafactor_tensor), .state_size = sizeof(adafactor_state)

/* A tensor that an optimizer's state has. */
typedef struct {
  char name[32];
  int32_t type;
  int32_t reserved;
  int64_t rank;
  int64_t shape[ADAFACTOR_MAX_RANK];
} adafactor_layout;

/* Returns the version of the library, such as "1.0.0". */
const char *adafactor_version(void);

/* Returns the name of an optimizer, or null from the index on at which there are no more. */
const char *adafactor_optimizer_name(int64_t index);

/* Checks the options of an optimizer without a step. */
int32_t adafactor_check_options(const char *optimizer, const char *options, adafactor_error *error);

/* Lists the tensors of an optimizer's state, for a parameter of this type and shape.
 *
 * At most `capacity` entries are written to `layout`. `count` receives the number of all. `number_names` receives the names of
 * the numbers (valid as long as the process), and null in the other places. `error` and `number_names` may be null, and
 * `layout` too if `capacity` is 0.
 *
 * The numbers of schedule_free_adamw are weight_sum, lr_max and train_mode. Steps are taken from the training weights y, with
 * a train_mode of 1. The weights for evaluation are x = y + (1 - 1/beta1) (z - y), which you compute in memory of your own.
 */
int32_t adafactor_state_layout(
  const char *optimizer, const char *options, int32_t type, const int64_t *shape, int64_t rank,
  adafactor_layout *layout, int64_t capacity, int64_t *count, const char *number_names[ADAFACTOR_MAX_NUMBERS],
  adafactor_error *error);

/* Takes one step of `count` tensors.
 *
 * If the function returns an error other than ADAFACTOR_NON_FINITE, nothing has changed. With ADAFACTOR_NON_FINITE nothing has
 * changed either, unless the outcome of a tensor says ADAFACTOR_STEPPED: then a finite update has made a parameter infinite.
 * `error` may be null.
 */
int32_t adafactor_step(
  const adafactor_call *call, adafactor_tensor *tensors, int64_t count, adafactor_error *error);

/* Writes the learning rates of the steps first_step, first_step + 1, … of a schedule to `rates`.
 *
 * `warmup_steps` and `training_steps` are transformers' num_warmup_steps and num_training_steps, or -1 for none. `options` are
 * the schedule's own options as a JSON object, or null.
 */
int32_t adafactor_schedule_rates(
  const char *schedule, int64_t warmup_steps, int64_t training_steps, const char *options, double initial_rate,
  int64_t first_step, int64_t count, double *rates, adafactor_error *error);

/* Writes the learning rates after each of `count` metrics of a schedule that follows a metric, such as
 * reduce_lr_on_plateau and greedy, to `rates`. */
int32_t adafactor_metric_rates(
  const char *schedule, const char *options, double initial_rate, const double *metrics, int64_t count, double *rates,
  adafactor_error *error);

#ifdef __cplusplus
}
#endif

#endif
