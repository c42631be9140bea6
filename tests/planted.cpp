// The CPU driver with faults planted in it, as a plain C function. planted.py rewrites a copy of
// the sources, in which `planted::is(k)` chooses the fault at run time, and compiles this file
// against it; without a fault it is the package's own kernel.
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace planted {
int fault = 0;
inline bool is(int which) { return fault == which; }
}  // namespace planted

#include "cpu/chain.cpp"
#include "cpu/chain_interacting.cpp"
#include "cpu/lyapunov.cpp"
#include "simd/linear_baseline.cpp"

// One set of instructions stands for all.
namespace autophage::simd {
LinearKernels avx2_kernels() { return baseline_kernels(); }
LinearKernels avx512_kernels() { return baseline_kernels(); }
}  // namespace autophage::simd

namespace {

// out: collapse_time, absorption_time, final_token, support, p, then the six real records.
autophage::ChainTrajectories arrays(void* const* out) {
  autophage::ChainTrajectories to;
  to.collapse_time = static_cast<std::int64_t*>(out[0]);
  to.absorption_time = static_cast<std::int64_t*>(out[1]);
  to.final_token = static_cast<std::int64_t*>(out[2]);
  to.support = static_cast<std::int64_t*>(out[3]);
  to.p = static_cast<double*>(out[4]);
  for (int r = 0; r < 6; ++r) to.reals[r] = static_cast<double*>(out[5 + r]);
  return to;
}

}  // namespace

// numbers: regime, window, subsample, replace, filter, adaptation, seed, first_run, runs,
// generations, threads. reals: type1, type2, threshold, constant. place: run, context and
// generation where a filter got stuck.
extern "C" int planted_run(int fault, const double* laws, std::int64_t contexts,
                           std::int64_t tokens, std::int64_t rows, const std::int64_t* n,
                           const double* alpha, const std::int64_t* real,
                           const std::int64_t* numbers, const double* reals, void* const* out,
                           std::int64_t* place) {
  planted::fault = fault;
  autophage::ChainJob job;
  job.laws = laws;
  job.contexts = contexts;
  job.tokens = tokens;
  job.rows = rows;
  job.n = n;
  job.alpha = alpha;
  job.real = real;
  job.regime = static_cast<autophage::Regime>(numbers[0]);
  job.window = numbers[1];
  job.subsample = numbers[2] != 0;
  job.replace = numbers[3] != 0;
  job.filter = static_cast<std::int32_t>(numbers[4]);
  job.adaptation = static_cast<std::int32_t>(numbers[5]);
  job.seed = static_cast<std::uint64_t>(numbers[6]);
  job.first_run = numbers[7];
  job.runs = numbers[8];
  job.generations = numbers[9];
  job.threads = static_cast<int>(numbers[10]);
  job.type1 = reals[0];
  job.type2 = reals[1];
  job.threshold = reals[2];
  job.constant = reals[3];
  const autophage::ChainOutcome outcome = autophage::cpu::run(job, arrays(out), autophage::Poll{});
  place[0] = outcome.run;
  place[1] = outcome.context;
  place[2] = outcome.generation;
  return static_cast<int>(outcome.ending);
}

// numbers: own_pools, seed, first_run, runs, generations, threads.
extern "C" int planted_interacting(int fault, const double* laws, const double* public_law,
                                   std::int64_t entities, std::int64_t tokens, std::int64_t rows,
                                   const std::int64_t* n, const double* alpha, const double* beta,
                                   const std::int64_t* real, const std::int64_t* numbers,
                                   void* const* out) {
  planted::fault = fault;
  autophage::InteractingJob job;
  job.laws = laws;
  job.public_law = public_law;
  job.entities = entities;
  job.tokens = tokens;
  job.rows = rows;
  job.n = n;
  job.alpha = alpha;
  job.beta = beta;
  job.real = real;
  job.own_pools = numbers[0] != 0;
  job.seed = static_cast<std::uint64_t>(numbers[1]);
  job.first_run = numbers[2];
  job.runs = numbers[3];
  job.generations = numbers[4];
  job.threads = static_cast<int>(numbers[5]);
  return static_cast<int>(autophage::cpu::run(job, arrays(out), autophage::Poll{}).ending);
}

// numbers: n, items, doubles from one a to the next, from one q to the next, threads.
extern "C" int planted_lyapunov(int fault, const double* a, const double* q,
                                const std::int64_t* numbers, double* x, std::int32_t* status,
                                std::int32_t* steps, double* condition) {
  planted::fault = fault;
  autophage::LyapunovJob job;
  job.n = numbers[0];
  job.items = numbers[1];
  job.a = a;
  job.q = q;
  job.a_stride = numbers[2];
  job.q_stride = numbers[3];
  job.threads = static_cast<int>(numbers[4]);
  job.x = x;
  job.status = status;
  job.steps = steps;
  job.condition = condition;
  return autophage::cpu::solve(job, autophage::Poll{}) ? 0 : 1;
}
