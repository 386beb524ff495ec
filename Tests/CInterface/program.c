/* Uses the C interface as a program in C does. Prints what fails, and returns 1 then. */
#include <adafactor.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures = 0;

#define CHECK(holds, ...)                                  \
  do {                                                     \
    if (!(holds)) {                                        \
      failures += 1;                                       \
      printf("%s:%d: %s: ", __FILE__, __LINE__, #holds);   \
      printf(__VA_ARGS__);                                 \
      printf("\n");                                        \
    }                                                      \
  } while (0)

/* A matrix of 2 x 3 with its state. */
typedef struct {
  float weights[6], gradient[6], rows[2], columns[3];
  int64_t shape[2];
  adafactor_state states[2];
  adafactor_tensor tensor;
} matrix;

/* Fills in a matrix whose state holds numbers that must not be read. */
static void make(matrix *m) {
  memset(m, 0, sizeof *m);
  for (int i = 0; i < 6; i++) {
    m->weights[i] = (float)(0.5 - 0.3 * i);
    m->gradient[i] = (float)(0.02 * (i + 1) * (i % 2 ? -1 : 1));
  }
  m->rows[0] = m->rows[1] = m->columns[0] = m->columns[1] = m->columns[2] = NAN;
  m->shape[0] = 2;
  m->shape[1] = 3;
  m->states[0] = (adafactor_state){.name = "exp_avg_sq_row", .data = m->rows, .shape = m->shape, .rank = 1};
  m->states[1] = (adafactor_state){.name = "exp_avg_sq_col", .data = m->columns, .shape = m->shape + 1, .rank = 1};
  m->tensor = (adafactor_tensor){.parameter = m->weights, .gradient = m->gradient, .shape = m->shape, .rank = 2,
    .states = m->states, .state_count = 2, .name = "weights", .gradient_scale = 1};
}

static adafactor_call call_of(const char *optimizer, const char *options) {
  return (adafactor_call){ADAFACTOR_CALL_SIZES, .optimizer = optimizer, .options = options};
}

/* Adafactor with a constant rate and without parameter scaling, in Double. */
static void oracle(const float *gradient, double *p, double *r, double *c, int step, double rate) {
  double beta = 1 - pow(step, -0.8), u[6], mean = 0, squares = 0;
  for (int i = 0; i < 2; i++) {
    double sum = 0;
    for (int j = 0; j < 3; j++) sum += pow(gradient[3 * i + j], 2);
    r[i] = beta * r[i] + (1 - beta) * (sum / 3 + 1e-30);
    mean += r[i] / 2;
  }
  for (int j = 0; j < 3; j++) c[j] = beta * c[j] + (1 - beta) * ((pow(gradient[j], 2) + pow(gradient[3 + j], 2)) / 2 + 1e-30);
  for (int k = 0; k < 6; k++) {
    u[k] = gradient[k] / sqrt(r[k / 3] * c[k % 3] / mean);
    squares += u[k] * u[k];
  }
  double excess = sqrt(squares / 6), clip = excess > 1 ? excess : 1;
  for (int k = 0; k < 6; k++) p[k] -= rate * u[k] / clip;
}

static void steps_as_the_formula_says(void) {
  matrix m;
  make(&m);
  double p[6], r[2] = {0}, c[3] = {0};
  for (int i = 0; i < 6; i++) p[i] = m.weights[i];
  adafactor_call call = call_of("adafactor", "{\"lr\": 0.01, \"relative_step\": false, \"scale_parameter\": false}");
  adafactor_error error;
  for (int step = 1; step <= 5; step++) {
    m.gradient[step % 6] *= 1.5f;
    oracle(m.gradient, p, r, c, step, 0.01);
    int32_t code = adafactor_step(&call, &m.tensor, 1, &error);
    CHECK(code == ADAFACTOR_OK, "%s", error.message);
    CHECK(m.tensor.step == step && m.tensor.has_state == 1 && m.tensor.outcome == ADAFACTOR_STEPPED, "step %d", step);
  }
  /* Five steps of an update of about 1 at a rate of 0.01, in Float. */
  for (int i = 0; i < 6; i++) CHECK(fabs(m.weights[i] - p[i]) < 1e-6, "%d: %g, not %g", i, m.weights[i], p[i]);
  for (int i = 0; i < 2; i++) CHECK(fabs(m.rows[i] / r[i] - 1) < 1e-6, "%d: %g, not %g", i, m.rows[i], r[i]);
  for (int i = 0; i < 3; i++) CHECK(fabs(m.columns[i] / c[i] - 1) < 1e-6, "%d: %g, not %g", i, m.columns[i], c[i]);
}

/* The state is the caller's: moved elsewhere, or stepped in turns with another one, it gives the same bits. */
static void keeps_nothing_between_calls(void) {
  matrix a, b, moved;
  make(&a);
  make(&b);
  adafactor_call call = call_of("adafactor", NULL);
  for (int step = 0; step < 4; step++) {
    CHECK(adafactor_step(&call, &a.tensor, 1, NULL) == ADAFACTOR_OK, "a");
    CHECK(adafactor_step(&call, &b.tensor, 1, NULL) == ADAFACTOR_OK, "b");
    moved = b;
    moved.tensor.parameter = moved.weights;
    moved.tensor.gradient = moved.gradient;
    moved.tensor.shape = moved.shape;
    moved.tensor.states = moved.states;
    moved.states[0].data = moved.rows;
    moved.states[0].shape = moved.shape;
    moved.states[1].data = moved.columns;
    moved.states[1].shape = moved.shape + 1;
    CHECK(adafactor_step(&call, &moved.tensor, 1, NULL) == ADAFACTOR_OK, "moved");
    memcpy(b.weights, moved.weights, sizeof b.weights);
    memcpy(b.rows, moved.rows, sizeof b.rows);
    memcpy(b.columns, moved.columns, sizeof b.columns);
    b.tensor.step = moved.tensor.step;
    CHECK(adafactor_step(&call, &a.tensor, 1, NULL) == ADAFACTOR_OK, "a");
  }
  CHECK(a.tensor.step == 8 && b.tensor.step == 8, "%ld, %ld", (long)a.tensor.step, (long)b.tensor.step);
  CHECK(memcmp(a.weights, b.weights, sizeof a.weights) == 0, "the weights differ");
  CHECK(memcmp(a.rows, b.rows, sizeof a.rows) == 0, "the states differ");
}

/* A sum of squares that is passed back changes no bit, and another one is used. */
static void takes_known_squares(void) {
  matrix passed, unknown, wrong;
  make(&passed);
  make(&unknown);
  make(&wrong);
  adafactor_call call = call_of("adafactor", NULL), using = call;
  using.uses_squares = 1;
  for (int step = 0; step < 4; step++) {
    double squares = 0;
    for (int i = 0; i < 6; i++) squares += (double)passed.weights[i] * passed.weights[i];
    if (step > 0)
      CHECK(fabs(passed.tensor.squares / squares - 1) < 1e-6, "%g, not %g", passed.tensor.squares, squares);
    unknown.tensor.squares *= 4;
    wrong.tensor.squares *= 4;
    CHECK(adafactor_step(&using, &passed.tensor, 1, NULL) == ADAFACTOR_OK, "passed");
    CHECK(adafactor_step(&call, &unknown.tensor, 1, NULL) == ADAFACTOR_OK, "unknown");
    CHECK(adafactor_step(&using, &wrong.tensor, 1, NULL) == ADAFACTOR_OK, "wrong");
  }
  CHECK(memcmp(passed.weights, unknown.weights, sizeof passed.weights) == 0, "the weights differ");
  CHECK(memcmp(passed.weights, wrong.weights, sizeof passed.weights) != 0, "the squares are ignored");
}

static void takes_options_that_change(void) {
  matrix m;
  make(&m);
  float momentum[6] = {NAN};
  adafactor_error error;
  adafactor_call call = call_of("adafactor", "{\"lr\": 0.01, \"relative_step\": false}");
  CHECK(adafactor_step(&call, &m.tensor, 1, &error) == ADAFACTOR_OK, "%s", error.message);
  call.options = "{\"lr\": 0.01, \"relative_step\": false, \"beta1\": 0.9}";
  CHECK(adafactor_step(&call, &m.tensor, 1, &error) == ADAFACTOR_INVALID_STATE && strstr(error.message, "lacks exp_avg"),
    "%s", error.message);
  adafactor_state states[3] = {m.states[0], m.states[1],
    {.name = "exp_avg", .data = momentum, .shape = m.shape, .rank = 2, .is_new = 1}};
  m.tensor.states = states;
  m.tensor.state_count = 3;
  CHECK(adafactor_step(&call, &m.tensor, 1, &error) == ADAFACTOR_OK, "%s", error.message);
  CHECK(states[2].is_new == 0 && isfinite(momentum[0]) && momentum[0] != 0, "%g", momentum[0]);
  float before = momentum[0];
  CHECK(adafactor_step(&call, &m.tensor, 1, &error) == ADAFACTOR_OK, "%s", error.message);
  CHECK(isfinite(momentum[0]) && momentum[0] != before, "%g", momentum[0]);
}

/* Changes one thing of a valid call, and expects an error with these words in the message, and nothing changed. */
#define REFUSES(expected, words, ...)                                                                  \
  do {                                                                                                 \
    matrix m;                                                                                          \
    make(&m);                                                                                          \
    adafactor_call call = call_of("adafactor", NULL);                                                  \
    adafactor_error error = {0};                                                                       \
    int64_t count = 1;                                                                                 \
    __VA_ARGS__;                                                                                       \
    float before[6];                                                                                   \
    memcpy(before, m.weights, sizeof before);                                                          \
    int32_t code = adafactor_step(&call, &m.tensor, count, &error);                                    \
    CHECK(code == expected && error.code == expected, "%d: %s", code, error.message);                  \
    CHECK(strstr(error.message, words) != NULL, "\"%s\" is not in \"%s\"", words, error.message);      \
    CHECK(memcmp(before, m.weights, sizeof before) == 0, "weights have changed");                      \
  } while (0)

static void refuses_impossible_calls(void) {
  REFUSES(ADAFACTOR_INVALID_CALL, "sizes", call.size = 8);
  REFUSES(ADAFACTOR_INVALID_CALL, "sizes", call.tensor_size = 0);
  REFUSES(ADAFACTOR_INVALID_CALL, "sizes", call.state_size = -1);
  REFUSES(ADAFACTOR_INVALID_CALL, "number", count = -1);
  REFUSES(ADAFACTOR_INVALID_CALL, "number", count = INT64_MAX);
  REFUSES(ADAFACTOR_INVALID_CALL, "threads", call.threads = -3);
  REFUSES(ADAFACTOR_INVALID_CALL, "non_finite", call.non_finite = 4);
  REFUSES(ADAFACTOR_INVALID_CALL, "uses_baseline", call.uses_baseline = 2);
  REFUSES(ADAFACTOR_INVALID_CALL, "uses_squares", call.uses_squares = -1);
  REFUSES(ADAFACTOR_INVALID_CALL, "reserved", call.reserved = 1);
  REFUSES(ADAFACTOR_INVALID_CALL, "optimizer is null", call.optimizer = NULL);
  REFUSES(ADAFACTOR_INVALID_CALL, "not UTF-8", call.optimizer = "\xff\xfe");
  REFUSES(ADAFACTOR_UNKNOWN_NAME, "adamw", call.optimizer = "adam");
  adafactor_error error;
  adafactor_call call = call_of("adafactor", NULL);
  matrix m;
  make(&m);
  CHECK(adafactor_step(NULL, &m.tensor, 1, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_step(&call, NULL, 1, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_step(&call, NULL, 0, &error) == ADAFACTOR_OK, "%s", error.message);
  CHECK(adafactor_step(NULL, NULL, 0, NULL) == ADAFACTOR_INVALID_CALL, "without an error");
}

static void refuses_impossible_options(void) {
  static const char *const options[] = {"", "{", "[]", "{\"lr\"}", "{\"lr\": }", "{\"lr\": 1e-3,}", "{\"lr\": \"fast\"}",
    "{\"lr\": -1, \"relative_step\": false}", "{\"lr\": NaN, \"relative_step\": false}", "{\"lr\": 1e999, \"relative_step\": false}",
    "{\"lr\": 1e-3}", "{\"relative_step\": false}", "{\"eps\": [1, 2, 3]}", "{\"eps\": 1}", "{\"eps\": [[1], 2]}", "{\"eps\": []}",
    "{\"beta1\": 1}", "{\"unknown\": 1}", "{\"rounding\": \"down\"}", "{\"rounding_seed\": -1}", "{\"rounding_seed\": 1.5}",
    "{\"decay_rate\": 1}", "{\"clip_threshold\": 0}", "{\"lr\": null, \"lr\": null}", "{} {}", "\"\\u0041\"", "{\"a\": \"\\",
    "{\"scale_parameter\": 1}", "{\"warmup_init\": true, \"relative_step\": false}", "--1", "1-", "nul"};
  adafactor_error error;
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    int32_t code = adafactor_check_options("adafactor", options[i], &error);
    CHECK(code == ADAFACTOR_INVALID_OPTION && strlen(error.message) > 10, "%s: %d, %s", options[i], code, error.message);
    REFUSES(ADAFACTOR_INVALID_OPTION, "", call.options = options[i]);
  }
  char deep[2001] = {0};
  memset(deep, '[', 2000);
  CHECK(adafactor_check_options("adafactor", deep, &error) == ADAFACTOR_INVALID_OPTION, "%s", error.message);
  CHECK(strlen(error.message) < sizeof error.message, "the message does not end");
}

static void refuses_impossible_tensors(void) {
  REFUSES(ADAFACTOR_INVALID_TENSOR, "parameter of \"weights\" is null", m.tensor.parameter = NULL);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "gradient of \"weights\" is null", m.tensor.gradient = NULL);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "parameter_type", m.tensor.parameter_type = 4);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "gradient_type", m.tensor.gradient_type = -1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "null", m.tensor.shape = NULL);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "rank", m.tensor.rank = -1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "rank", m.tensor.rank = 65);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "at least 0", m.shape[0] = -2);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "60 bits", m.shape[0] = INT64_MAX);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "60 bits", m.shape[0] = m.shape[1] = (int64_t)1 << 32);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "60 bits", m.shape[0] = 0, m.shape[1] = INT64_MAX);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "gradient_scale", m.tensor.gradient_scale = NAN);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "step", m.tensor.step = -1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "step", m.tensor.step = INT64_MAX);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "step", m.tensor.step = 3);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "has_state", m.tensor.has_state = 2);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "squares", m.tensor.squares = -1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "squares", m.tensor.squares = NAN);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "not in 0...64", m.tensor.state_count = -1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "not in 0...64", m.tensor.state_count = INT64_MAX);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "states", m.tensor.states = NULL);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "UTF-8", m.tensor.name = "\xc3");
  REFUSES(ADAFACTOR_INVALID_TENSOR, "share memory", m.states[0].data = m.weights + 1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "share memory", m.states[0].data = m.columns);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "2D", call.optimizer = "muon", m.tensor.rank = 1);
  REFUSES(ADAFACTOR_INVALID_TENSOR, "axis", call.optimizer = "soap", m.shape[0] = 0, m.shape[1] = (int64_t)1 << 40);
}

static void refuses_impossible_states(void) {
  float more[2] = {0};
  int64_t two = 2;
  adafactor_state extra[3] = {[2] = {.name = "rows", .data = more, .shape = &two, .rank = 1}};
  REFUSES(ADAFACTOR_INVALID_STATE, "lacks exp_avg_sq_col", m.tensor.state_count = 1);
  REFUSES(ADAFACTOR_INVALID_STATE, "lacks exp_avg_sq_col", m.tensor.state_count = 0, m.tensor.states = NULL);
  REFUSES(ADAFACTOR_INVALID_STATE, "null", m.states[0].name = NULL);
  REFUSES(ADAFACTOR_INVALID_STATE, "two tensors", m.states[0].name = m.states[1].name);
  REFUSES(ADAFACTOR_INVALID_STATE, "lacks exp_avg_sq_row", m.states[0].name = "rows");
  REFUSES(ADAFACTOR_INVALID_STATE, "no tensor rows", m.tensor.has_state = 1, m.tensor.step = 1, m.tensor.states = extra,
    m.tensor.state_count = 3, extra[0] = m.states[0], extra[1] = m.states[1]);
  REFUSES(ADAFACTOR_INVALID_STATE, "data", m.states[0].data = NULL);
  REFUSES(ADAFACTOR_INVALID_STATE, "multiple of 4", m.states[0].data = (char *)m.rows + 1);
  REFUSES(ADAFACTOR_INVALID_STATE, "shape", m.states[0].shape = NULL);
  REFUSES(ADAFACTOR_INVALID_STATE, "[2]", m.states[0].shape = m.shape + 1);
  REFUSES(ADAFACTOR_INVALID_STATE, "rank", m.states[0].rank = 1000);
  REFUSES(ADAFACTOR_INVALID_STATE, "type", m.states[0].type = 9);
  REFUSES(ADAFACTOR_INVALID_STATE, "float32", m.states[0].type = ADAFACTOR_BFLOAT16);
  REFUSES(ADAFACTOR_INVALID_STATE, "is_new", m.states[0].is_new = 7);
  /* And of states that exist. */
  REFUSES(ADAFACTOR_INVALID_STATE, "shape", m.tensor.has_state = 1, m.tensor.step = 4, m.states[0].shape = m.shape + 1);
  REFUSES(ADAFACTOR_INVALID_STATE, "float32", m.tensor.has_state = 1, m.tensor.step = 4, m.states[1].type = ADAFACTOR_FLOAT16);
  REFUSES(ADAFACTOR_INVALID_STATE, "lacks exp_avg_sq_col", m.tensor.has_state = 1, m.tensor.state_count = 1);
}

static void refuses_a_parameter_that_is_given_twice(void) {
  matrix m;
  make(&m);
  float rows[2], columns[3];
  adafactor_state states[2] = {m.states[0], m.states[1]};
  states[0].data = rows;
  states[1].data = columns;
  adafactor_tensor tensors[2] = {m.tensor, m.tensor};
  tensors[1].states = states;
  adafactor_call call = call_of("adafactor", NULL);
  adafactor_error error;
  CHECK(adafactor_step(&call, tensors, 2, &error) == ADAFACTOR_INVALID_TENSOR, "%s", error.message);
  CHECK(error.tensor == 1 && strstr(error.message, "Tensors 0 and 1"), "%s", error.message);
}

static void follows_the_policies(void) {
  for (int policy = ADAFACTOR_PROPAGATE; policy <= ADAFACTOR_THROW_ERROR; policy++) {
    matrix good, bad;
    make(&good);
    make(&bad);
    bad.gradient[2] = INFINITY;
    float before[6];
    memcpy(before, good.weights, sizeof before);
    adafactor_tensor tensors[2] = {good.tensor, bad.tensor};
    adafactor_call call = call_of("adafactor", NULL);
    call.non_finite = policy;
    adafactor_error error;
    int32_t code = adafactor_step(&call, tensors, 2, &error);
    int is_changed = memcmp(before, good.weights, sizeof before) != 0;
    int throws = policy == ADAFACTOR_THROW_ERROR;
    CHECK(code == (throws ? ADAFACTOR_NON_FINITE : ADAFACTOR_OK), "%s", error.message);
    CHECK(is_changed == (policy <= ADAFACTOR_SKIP_PARAMETER), "policy %d", policy);
    CHECK(tensors[0].outcome == is_changed && tensors[0].step == is_changed, "%d", tensors[0].outcome);
    CHECK((tensors[1].outcome & ADAFACTOR_WAS_NOT_FINITE) != 0, "%d", tensors[1].outcome);
    CHECK(isnan(bad.weights[0]) == (policy == ADAFACTOR_PROPAGATE), "%g", bad.weights[0]);
    CHECK(tensors[1].has_state == (policy == ADAFACTOR_PROPAGATE), "policy %d", policy);
    if (throws) CHECK(error.tensor == 1 && strstr(error.message, "weights"), "%s", error.message);
  }
}

/* Every optimizer steps every type, with the states that its layout lists, and learns. */
static void steps_with_every_optimizer(void) {
  int count = 0;
  for (const char *name; (name = adafactor_optimizer_name(count)); count++) {
    for (int type = ADAFACTOR_FLOAT32; type <= ADAFACTOR_BFLOAT16; type++) {
      for (int rounding = 0; rounding < (type < ADAFACTOR_FLOAT16 ? 1 : 2); rounding++) {
        const char *options = rounding ? "{\"rounding\": \"compensated\"}" : "{}";
        int64_t shape[2] = {4, 3};
        adafactor_layout layout[8];
        int64_t states_count = 0;
        const char *numbers[ADAFACTOR_MAX_NUMBERS];
        adafactor_error error;
        int32_t code = adafactor_state_layout(name, options, type, shape, 2, layout, 8, &states_count, numbers, &error);
        CHECK(code == ADAFACTOR_OK && states_count >= (rounding ? 1 : 0) && states_count <= 8, "%s: %s", name, error.message);
        adafactor_state states[8];
        memset(states, 0, sizeof states);
        for (int i = 0; i < states_count; i++) {
          int64_t size = 8;
          for (int axis = 0; axis < layout[i].rank; axis++) size *= layout[i].shape[axis];
          states[i] = (adafactor_state){.name = layout[i].name, .data = malloc((size_t)size), .shape = layout[i].shape,
            .rank = layout[i].rank, .type = layout[i].type};
          memset(states[i].data, 0xff, (size_t)size);
        }
        double memory[12];
        memset(memory, 0, sizeof memory);
        float gradient[12];
        for (int i = 0; i < 12; i++) gradient[i] = (float)(0.1 * (i % 5) - 0.15);
        adafactor_tensor tensor = {.parameter = memory, .gradient = gradient, .parameter_type = type, .shape = shape,
          .rank = 2, .states = states, .state_count = states_count, .gradient_scale = 1};
        adafactor_call call = call_of(name, options);
        for (int step = 0; step < 3; step++) {
          code = adafactor_step(&call, &tensor, 1, &error);
          CHECK(code == ADAFACTOR_OK && tensor.outcome == ADAFACTOR_STEPPED && tensor.has_state == 1, "%s: %s", name,
            error.message);
        }
        double zeros[12] = {0};
        CHECK(memcmp(memory, zeros, 12) != 0, "%s of type %d has not moved", name, type);
        for (int i = 0; i < states_count; i++) free(states[i].data);
      }
    }
  }
  CHECK(count == 12, "%d optimizers", count);
  CHECK(adafactor_optimizer_name(-1) == NULL && adafactor_optimizer_name(INT64_MAX) == NULL, "a name");
}

static void refuses_impossible_layouts(void) {
  int64_t shape[2] = {4, 3}, count = -1;
  adafactor_error error;
  CHECK(adafactor_state_layout("adamw", NULL, 0, shape, 2, NULL, 0, &count, NULL, &error) == 0 && count == 2, "%s",
    error.message);
  CHECK(adafactor_state_layout("adamw", NULL, 0, shape, 2, NULL, 1, &count, NULL, &error) == ADAFACTOR_INVALID_CALL, "layout");
  CHECK(adafactor_state_layout("adamw", NULL, 0, shape, 2, NULL, -1, &count, NULL, NULL) == ADAFACTOR_INVALID_CALL, "capacity");
  CHECK(adafactor_state_layout("adamw", NULL, 0, shape, 2, NULL, 0, NULL, NULL, NULL) == ADAFACTOR_INVALID_CALL, "count");
  CHECK(adafactor_state_layout("adamw", NULL, 7, shape, 2, NULL, 0, &count, NULL, &error) == ADAFACTOR_INVALID_TENSOR, "type");
  CHECK(adafactor_state_layout("adamw", NULL, 0, NULL, 2, NULL, 0, &count, NULL, &error) == ADAFACTOR_INVALID_TENSOR, "shape");
  CHECK(adafactor_state_layout("muon", NULL, 0, shape, 1, NULL, 0, &count, NULL, &error) == ADAFACTOR_INVALID_TENSOR, "muon");
  CHECK(adafactor_state_layout(NULL, NULL, 0, shape, 1, NULL, 0, &count, NULL, &error) == ADAFACTOR_INVALID_CALL, "name");
}

static void plots_schedules(void) {
  double rates[4];
  adafactor_error error;
  int32_t code = adafactor_schedule_rates("linear", 2, 10, NULL, 10, 0, 4, rates, &error);
  CHECK(code == ADAFACTOR_OK, "%s", error.message);
  CHECK(rates[0] == 0 && rates[1] == 5 && rates[2] == 10 && fabs(rates[3] - 8.75) < 1e-12, "%g %g %g %g", rates[0], rates[1],
    rates[2], rates[3]);
  double metrics[4] = {1, 2, 3, 4};
  code = adafactor_metric_rates("reduce_lr_on_plateau", "{\"patience\": 1, \"factor\": 0.5}", 1, metrics, 4, rates, &error);
  CHECK(code == ADAFACTOR_OK && rates[1] == 1 && rates[2] == 0.5, "%s, %g, %g", error.message, rates[1], rates[2]);
  CHECK(adafactor_schedule_rates("reduce_lr_on_plateau", -1, -1, NULL, 1, 0, 4, rates, &error) == ADAFACTOR_UNKNOWN_NAME, "%s",
    error.message);
  CHECK(adafactor_metric_rates("linear", NULL, 1, metrics, 4, rates, &error) == ADAFACTOR_INVALID_OPTION, "%s", error.message);
  CHECK(adafactor_metric_rates("constant", NULL, 1, metrics, 4, rates, &error) == ADAFACTOR_UNKNOWN_NAME, "%s", error.message);
  CHECK(adafactor_metric_rates("greedy", NULL, 1, NULL, 4, rates, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("slow", -1, -1, NULL, 1, 0, 4, rates, &error) == ADAFACTOR_UNKNOWN_NAME, "%s", error.message);
  CHECK(adafactor_schedule_rates(NULL, -1, -1, NULL, 1, 0, 4, rates, NULL) == ADAFACTOR_INVALID_CALL, "name");
  CHECK(adafactor_schedule_rates("linear", -1, -1, NULL, 1, 0, 4, rates, &error) == ADAFACTOR_INVALID_OPTION, "%s", error.message);
  CHECK(adafactor_schedule_rates("linear", 0, 10, NULL, 1, 0, 4, NULL, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("linear", 0, 10, NULL, 1, -1, 4, rates, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("linear", 0, 10, NULL, NAN, 0, 4, rates, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("linear", -9, 10, NULL, 1, 0, 4, rates, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("linear", 2, INT64_MAX, NULL, 1, 0, 4, rates, &error) == ADAFACTOR_INVALID_CALL, "%s", error.message);
  CHECK(adafactor_schedule_rates("cosine", 2, 10, "{\"num_cycles\": []}", 1, 0, 4, rates, &error) == ADAFACTOR_INVALID_OPTION, "%s",
    error.message);
}

/* The same 64 steps on each of several threads at once. */
static void *step_often(void *memory) {
  matrix *m = memory;
  adafactor_call call = call_of("adafactor", NULL);
  for (int step = 0; step < 64; step++)
    if (adafactor_step(&call, &m->tensor, 1, NULL) != ADAFACTOR_OK) return memory;
  return NULL;
}

static void steps_on_several_threads(void) {
  matrix matrices[4];
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    make(&matrices[i]);
    pthread_create(&threads[i], NULL, step_often, &matrices[i]);
  }
  for (int i = 0; i < 4; i++) {
    void *failed;
    pthread_join(threads[i], &failed);
    CHECK(failed == NULL, "thread %d", i);
    CHECK(memcmp(matrices[i].weights, matrices[0].weights, sizeof matrices[0].weights) == 0, "thread %d", i);
  }
}

/* A child steps as its parent does, without the threads that a fork leaves behind. */
static void steps_after_a_fork(void) {
  enum { count = 40000 };
  static float weights[2][count], gradient[count], moments[2][count];
  int64_t shape[1] = {count};
  adafactor_state states[2];
  adafactor_tensor tensors[2];
  memset(tensors, 0, sizeof tensors);
  for (int i = 0; i < count; i++) gradient[i] = (float)sin(i);
  for (int i = 0; i < 2; i++) {
    states[i] = (adafactor_state){.name = "exp_avg_sq", .data = moments[i], .shape = shape, .rank = 1};
    tensors[i] = (adafactor_tensor){.parameter = weights[i], .gradient = gradient, .shape = shape, .rank = 1,
      .states = &states[i], .state_count = 1, .gradient_scale = 1};
  }
  adafactor_call call = call_of("adafactor", NULL);
  CHECK(adafactor_step(&call, &tensors[0], 1, NULL) == ADAFACTOR_OK, "before");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    alarm(60);
    int code = adafactor_step(&call, &tensors[1], 1, NULL);
    _exit(code == ADAFACTOR_OK && memcmp(weights[0], weights[1], sizeof weights[0]) == 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}

/* Both copies of the kernels give the same bits. */
static void computes_with_the_baseline(void) {
  matrix fast, baseline;
  make(&fast);
  make(&baseline);
  adafactor_call call = call_of("adafactor", NULL);
  CHECK(adafactor_step(&call, &fast.tensor, 1, NULL) == ADAFACTOR_OK, "fast");
  call.uses_baseline = 1;
  CHECK(adafactor_step(&call, &baseline.tensor, 1, NULL) == ADAFACTOR_OK, "baseline");
  CHECK(memcmp(fast.weights, baseline.weights, sizeof fast.weights) == 0, "the weights differ");
}

static void steps_tensors_without_elements(void) {
  int64_t shape[2] = {0, 3};
  float columns[3];
  adafactor_state states[2] = {{.name = "exp_avg_sq_row", .shape = shape, .rank = 1},
    {.name = "exp_avg_sq_col", .data = columns, .shape = shape + 1, .rank = 1}};
  adafactor_tensor tensor = {.shape = shape, .rank = 2, .states = states, .state_count = 2, .gradient_scale = 1};
  adafactor_call call = call_of("adafactor", NULL);
  adafactor_error error;
  for (int step = 1; step < 3; step++) {
    CHECK(adafactor_step(&call, &tensor, 1, &error) == ADAFACTOR_OK, "%s", error.message);
    CHECK(tensor.step == step, "%ld", (long)tensor.step);
  }
}

/* A random number below `count`: xorshift. */
static int64_t draw(size_t count) {
  static uint64_t random = 88172645463325252u;
  random ^= random << 13;
  random ^= random >> 7;
  random ^= random << 17;
  return (int64_t)(random % count);
}

/* Random changes of a valid call, of a kind that the library can see: an error or a step, and never a trap. */
static void survives_random_calls(void) {
  static const int64_t odd[] = {-1, 0, 1, 2, 3, 7, 64, 65, INT64_MAX, INT64_MIN, (int64_t)1 << 31, (int64_t)1 << 53};
  static const char *const names[] = {NULL, "", "exp_avg", "exp_avg_sq", "exp_avg_sq_row", "residual", "y", "momentum_buffer"};
  static const char *const options[] = {NULL, "{}", "{\"beta1\": 0.9}", "{\"rounding\": \"compensated\"}", "{\"lr\": 0.1}",
    "{\"relative_step\": false, \"lr\": 1e300}", "{\"rank\": 1}", "{\"amsgrad\": true}", "{\"momentum\": 0.9}",
    "{\"precondition_1d\": true, \"max_precond_dim\": 9007199254740991}", "{\"merge_dims\": true}"};
  int codes[7] = {0};
#define ODD odd[draw(sizeof odd / sizeof *odd)]
  for (int round = 0; round < 20000; round++) {
    matrix m;
    make(&m);
    double large[64] = {0};
    adafactor_call call = call_of(adafactor_optimizer_name(draw(12)), options[draw(sizeof options / sizeof *options)]);
    if (draw(2)) call.options = NULL;
    /* Room for every type. */
    m.tensor.parameter = large;
    m.tensor.gradient = large + 8;
    for (int64_t change = draw(4); change > 0; change--) {
      adafactor_state *state = &m.states[draw(2)];
      switch (draw(16)) {
      case 0: m.tensor.parameter = NULL; break;
      case 1: m.tensor.gradient = NULL; break;
      case 2: m.tensor.parameter_type = (int32_t)draw(6) - 1; break;
      case 3: m.tensor.gradient_type = (int32_t)draw(6) - 1; break;
      /* A dimension that is valid must not reach beyond the memory. */
      case 4: m.shape[draw(2)] = draw(2) ? -draw(9) : INT64_MAX - draw(9); break;
      case 5: m.tensor.rank = draw(2) ? draw(3) : ODD > 2 ? 65 : -1; break;
      case 6: m.tensor.state_count = draw(3) - (draw(9) == 0 ? INT64_MAX : 0); break;
      case 7: m.tensor.step = ODD; break;
      case 8: m.tensor.has_state = (int32_t)draw(3); break;
      case 9: m.tensor.gradient_scale = draw(2) ? NAN : -1e308; break;
      case 10: state->name = names[draw(sizeof names / sizeof *names)]; break;
      case 11: state->data = draw(2) ? NULL : (char *)(large + 32) + draw(9); break;
      case 12: state->rank = draw(2) ? 0 : ODD > 1 ? 70 : -4; break;
      case 13: state->type = (int32_t)draw(6) - 1; break;
      case 14: state->is_new = (int32_t)draw(3); break;
      default: call.non_finite = (int32_t)draw(6) - 1; break;
      }
    }
    adafactor_error error;
    int32_t code = adafactor_step(&call, &m.tensor, 1, &error);
    CHECK(code >= 0 && code <= ADAFACTOR_NON_FINITE && code == error.code, "%d", code);
    CHECK((code == ADAFACTOR_OK) == (error.message[0] == 0), "%d: %s", code, error.message);
    codes[code] += 1;
  }
  CHECK(codes[ADAFACTOR_OK] > 200 && codes[ADAFACTOR_INVALID_STATE] > 500 && codes[ADAFACTOR_INVALID_TENSOR] > 500,
    "%d steps, %d and %d errors", codes[0], codes[ADAFACTOR_INVALID_STATE], codes[ADAFACTOR_INVALID_TENSOR]);
}

int main(void) {
  CHECK(strcmp(adafactor_version(), "0.1.0") == 0, "%s", adafactor_version());
  steps_as_the_formula_says();
  keeps_nothing_between_calls();
  takes_known_squares();
  takes_options_that_change();
  refuses_impossible_calls();
  refuses_impossible_options();
  refuses_impossible_tensors();
  refuses_impossible_states();
  refuses_a_parameter_that_is_given_twice();
  follows_the_policies();
  steps_with_every_optimizer();
  refuses_impossible_layouts();
  plots_schedules();
  steps_on_several_threads();
  steps_after_a_fork();
  computes_with_the_baseline();
  steps_tensors_without_elements();
  survives_random_calls();
  if (failures > 0) printf("%d checks failed.\n", failures);
  return failures > 0;
}
