// The whole interface of the kernels: plain structs in, plain arrays out. No Python and no CUDA
// types.
#pragma once

#include <cstdint>

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

// total[i] += part[i] for `size` sums of `limbs` limbs each.
void add_sums(std::uint64_t* total, const std::uint64_t* part, int limbs, std::int64_t size);

// Means and variances (ddof 1) of `size` exact sums; `count[i]` values each, in units of 1 / scale.
void finish_means(const std::uint64_t* sum, const std::uint64_t* squares, const std::int64_t* count,
                  double scale, std::int64_t size, double* mean, double* variance);

}  // namespace cpu

}  // namespace autophage
