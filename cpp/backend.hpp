// The whole interface of the kernels: plain structs in, plain arrays out. No Python and no CUDA
// types.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backend/prepared_laws.hpp"

namespace autophage {

// How a long kernel call talks to its caller. `proceed` is called from the calling thread about
// every 30 ms with the units of work finished so far; false asks the kernel to stop at the next
// generation (or row). Never called from a worker thread.
struct Poll {
  bool (*proceed)(void* context, std::int64_t done) = nullptr;
  void* context = nullptr;
};

// --- token chains
// ---------------------------------------------------------------------------------------------------------------

enum class Regime : std::int32_t {
  fully_synthetic,
  partially_synthetic,
  most_recent,
  randomly_sampled,
  mixed,  // contaminated, filtered, adaptive
  accumulate,
};

// A study of token chains. Arrays are C-contiguous; (g, c) means row g, context c.
struct ChainJob {
  const double* laws = nullptr;  // (contexts, tokens), rows sum to one
  std::int64_t contexts = 0, tokens = 0;
  cpu::PreparedLaws* prepared = nullptr;  // of these laws; null: the call prepares its own

  Regime regime = Regime::fully_synthetic;
  std::int64_t rows = 0;                    // of the three schedules; the last row holds for ever
  const std::int64_t* n = nullptr;          // (rows, contexts)
  const double* alpha = nullptr;            // (rows, contexts), share of real data
  const std::int64_t* real = nullptr;       // (rows, contexts), kept real draws
  std::int64_t window = 1;                  // most_recent
  bool subsample = false, replace = false;  // accumulate
  std::int32_t filter = 0;                  // 0 none, 1 agnostic, 2 likelihood ratio
  double type1 = 0, type2 = 0, threshold = 1;
  std::int32_t adaptation = 0;  // 0 none, 1 reciprocal, 2 exponential
  double constant = 0;

  std::uint64_t seed = 0;
  std::int64_t first_run = 0, runs = 0;
  std::int64_t generations = 0;  // 0: until absorption
  int threads = 1;
};

// Where results go; null where not asked for. Arrays (runs, contexts) hold -1 where a time is not
// reached.
struct ChainTrajectories {
  std::int64_t* collapse_time = nullptr;
  std::int64_t* absorption_time = nullptr;
  std::int64_t* final_token = nullptr;
  double* reals[6] = {};  // sigma, max_p, l1_to_truth, l1_to_first, l2_to_truth, l2_to_first:
                          // (runs, generations, contexts)
  std::int64_t* support = nullptr;  // (runs, generations, contexts)
  double* p = nullptr;              // (runs, generations, contexts, tokens), zero on entry
};

// Exact sums over runs, added to what is there: `sum` has 2 limbs of 64 bits, `squares` 3, least
// first (see core/sums.hpp).
struct ExactSums {
  std::uint64_t* sum = nullptr;
  std::uint64_t* squares = nullptr;
};
struct ChainSums {
  ExactSums collapse_time, absorption_time;    // (contexts)
  std::int64_t* collapse_reached = nullptr;    // (contexts)
  std::int64_t* absorption_reached = nullptr;  // (contexts)
  ExactSums records[7];                        // the six reals and support: (generations, contexts)
  ExactSums p;                                 // (generations, contexts, tokens)
};

// A study of entities that interact. Results have entities in place of contexts.
struct InteractingJob {
  const double* laws = nullptr;        // (entities, tokens) private, rows sum to one
  const double* public_law = nullptr;  // (tokens)
  std::int64_t entities = 0, tokens = 0;

  std::int64_t rows = 0;               // of the three schedules; the last row holds for ever
  const std::int64_t* n = nullptr;     // (rows) draws of a pool
  const double* alpha = nullptr;       // (rows) weight of the pool, none in generation 1
  const double* beta = nullptr;        // (rows) weight of the private data within the rest
  const std::int64_t* real = nullptr;  // (entities + 1) kept draws, the public ones last; null: the
                                       // laws themselves are kept
  bool own_pools = false;              // n entities <= 2^62 if so

  std::uint64_t seed = 0;
  std::int64_t first_run = 0, runs = 0;
  std::int64_t generations = 0;  // at least 1
  int threads = 1;
};

enum class Ending : std::int32_t { done, stopped, stuck };

// stopped: the poll said so; results are then incomplete. stuck: a generation can keep no draw at
// all.
struct ChainOutcome {
  Ending ending = Ending::done;
  std::int64_t run = -1, context = -1, generation = -1;  // where it got stuck
};

namespace cpu {

ChainOutcome run(const ChainJob& job, const ChainTrajectories& out, const Poll& poll);
ChainOutcome run(const ChainJob& job, const ChainSums& out, const Poll& poll);
ChainOutcome run(const InteractingJob& job, const ChainTrajectories& out, const Poll& poll);
ChainOutcome run(const InteractingJob& job, const ChainSums& out, const Poll& poll);

// total[i] += part[i] for `size` sums of `limbs` limbs each.
void add_sums(std::uint64_t* total, const std::uint64_t* part, int limbs, std::int64_t size);

// Means and variances (ddof 1) of `size` exact sums; `count[i]` values each, in units of 1 / scale.
// Sums of 2 limbs and squares of 3, or signed sums of 4 and squares of 7 (see core/sums.hpp).
void finish_means(const std::uint64_t* sum, const std::uint64_t* squares, const std::int64_t* count,
                  double scale, bool with_sign, std::int64_t size, double* mean, double* variance);

}  // namespace cpu

// ---- networks of linear models -----------------------------------------------------------------

// A study of K entities that fit d coefficients. Matrices are d x d, by columns; the pieces of the
// law of the initial data are those of core::LinearNetwork, the weights those of
// core::LinearWeights.
struct LinearJob {
  std::int64_t entities = 0, features = 0;
  const double *private_root = nullptr, *public_root = nullptr;  // (K, d, d), (d, d)
  const double *pool_root = nullptr, *synthetic = nullptr;       // (d, d), (K, d, d)

  const std::int64_t* choice = nullptr;  // (generations + 1), which of these weights: distinct rows
  const double* weights = nullptr;       // (choices, 3): private, public, pool
  const double* response = nullptr;      // (choices, K, d, d)
  const double* offset = nullptr;        // (choices, K, d)
  const double* feedback = nullptr;      // (choices, d, d)
  std::int64_t choices = 0;

  const double* truth = nullptr;          // (d)
  const double* second_moment = nullptr;  // (K, d, d), of each entity's task
  // Of exact sums of estimate, squared_error and prediction_error: powers of two near their size.
  const double* units = nullptr;

  std::uint64_t seed = 0;
  std::int64_t first_run = 0, runs = 0;
  std::int64_t generations = 0;  // the last; results begin with 0
  int threads = 1;
};

// Where results go; null where not asked for.
struct LinearTrajectories {
  double* estimate = nullptr;          // (runs, generations + 1, entities, features)
  double* squared_error = nullptr;     // (runs, generations + 1, entities)
  double* prediction_error = nullptr;  // (runs, generations + 1, entities, tasks)
};

// Signed sums over runs, without the axis of runs; see ExactSums.
struct LinearSums {
  ExactSums estimate, squared_error, prediction_error;
};

// stuck: a value to be summed is not a number of at most 2^62 units.
struct LinearOutcome {
  Ending ending = Ending::done;
  std::int64_t run = -1, entity = -1, generation = -1;
};

namespace cpu {

LinearOutcome run(const LinearJob& job, const LinearTrajectories& out, const Poll& poll);
LinearOutcome run(const LinearJob& job, const LinearSums& out, const Poll& poll);

}  // namespace cpu

// ---- occupancy: the exact law of collapse ------------------------------------------------------

// The law of the number of distinct ancestors that `boxes` samples have m generations back, for
// m = 0, 1, ...: generation m holds the numbers of ancestors first[m], first[m] + 1, ..., with the
// chances probability[start[m]] .. probability[start[m + 1] - 1]. It is complete once only "one"
// and "two" are left but for parts in 1e14: from there on the chance of two falls by 1 - 1/boxes.
struct AncestorTable {
  std::vector<std::int64_t> start{0};
  std::vector<std::int32_t> first;
  std::vector<double> probability;
  bool complete = false;

  // Complete, it has some 18 generations a box and 6 numbers a generation: none grows by copying.
  void reserve(std::int64_t boxes, std::int64_t generations) {
    const auto most = static_cast<std::size_t>(std::min(18 * boxes + 64, generations + 1));
    start.reserve(most + 1);
    first.reserve(most);
    probability.reserve(6 * most);
  }
};

namespace cpu {

// agree[j], differ[j] for j = 0 .. draws: the chance that j draws from a law all agree, and that
// they do not. The law has `tokens` distinct probabilities, descending, each with its number of
// copies; `rest` is the sum of all but one copy of the first.
void agreement(const double* law, const double* copies, std::int64_t tokens, double rest,
               std::int64_t draws, double* agree, double* differ);

// distinct[j], j = 0 .. draws: expected number of distinct tokens among j draws.
bool distinct_tokens(const double* law, const double* copies, std::int64_t tokens,
                     std::int64_t draws, double* distinct, Poll poll);

// sum[c], moment[c] of core::collapse_sums at `boxes` lineages, for differ[c][0 .. boxes].
bool collapse_sums(std::int32_t boxes, std::int64_t contexts, const double* differ, double* sum,
                   double* moment, Poll poll);

// result[c][j], j = 0 .. balls: E weight[c][number of distinct boxes hit by j balls]; a row of
// weight has `stride` entries, at least min(boxes, balls) + 1.
bool expect_occupied(std::int32_t boxes, std::int32_t balls, std::int64_t contexts,
                     const double* weight, std::int64_t stride, double* result, Poll poll);

// law[0 .. min(boxes, balls)] of the number of distinct boxes, when the number of balls is random
// with the law chance[0 .. balls], chance[0] = 0.
bool occupied_law(std::int32_t boxes, std::int32_t balls, const double* chance, double* law,
                  Poll poll);

// Fills an empty table up to the given generation, or until it is complete.
bool ancestor_table(std::int32_t boxes, std::int64_t generations, AncestorTable& table, Poll poll);

// result[i] = E weight[context[i]][ancestors at generation[i]], rows of weight of `stride` entries.
void expect_ancestors(const std::int64_t* start, const std::int32_t* first,
                      const double* probability, const double* weight, std::int64_t stride,
                      const std::int64_t* generation, const std::int64_t* context,
                      std::int64_t count, double* result);

// law[i][0 .. trials]: binomial with odds hit[i] : miss[i].
void binomial_laws(std::int32_t trials, const double* hit, const double* miss, std::int64_t count,
                   double* law);

// result[i][0 .. trials]: laws of a token's count `steps` >= 1 generations after a generation of
// `given` samples where it has law[i][0 .. given]; more than one step needs trials = given.
bool step_counts(std::int32_t given, std::int32_t trials, std::int64_t steps, std::int64_t count,
                 const double* law, double* result, Poll poll);

// core::stop_lineages for each context; value is used up.
bool stop_lineages(double fresh, std::int64_t contexts, const double* meets, std::int32_t most,
                   double* value, double* result, Poll poll);

}  // namespace cpu

// ---- end of occupancy --------------------------------------------------------------------------

// ---- linear models -----------------------------------------------------------------------------

// Equations a x a^H - x + q = 0 of n x n in C order; complex numbers are (re, im).
struct LyapunovJob {
  bool is_complex = false;
  std::int64_t n = 0, items = 0;
  const double *a = nullptr, *q = nullptr;
  std::int64_t a_stride = 0, q_stride = 0;  // doubles to the next item; 0: all have the same
  double* x = nullptr;                      // NaN where the status is not 0
  // 0 fine, 1 spectral radius >= 1, 2 not finite, 3 too ill conditioned or beyond double
  std::int32_t* status = nullptr;
  std::int32_t* steps = nullptr;  // doublings; null: not asked for
  double* condition = nullptr;    // null: not asked for
  int threads = 1;
};

// Limits of interacting linear models at points (alpha, beta); results may be null.
struct InteractionJob {
  std::int64_t entities = 0, features = 0, points = 0;
  const double *of_private = nullptr, *of_public = nullptr, *synthetic = nullptr;
  double noise = 1;
  const double *alpha = nullptr, *beta = nullptr;
  double *variance = nullptr, *mse = nullptr;           // (points, entities)
  double* mspe = nullptr;                               // (points, entities, tasks)
  double *radius = nullptr, *homogenisation = nullptr;  // (points)
  std::int32_t* status = nullptr;  // 0 fine, 1 spectral radius >= 1, 2 singular, 3 not converged
  int threads = 1;
};

namespace cpu {

// False where the poll asked to stop: results are then incomplete.
bool solve(const LyapunovJob& job, const Poll& poll);
bool limits(const InteractionJob& job, const Poll& poll);

}  // namespace cpu

// ---- end of linear models ----------------------------------------------------------------------

}  // namespace autophage
