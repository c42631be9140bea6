// The CPU driver with faults planted in it, as a plain C function. planted.py rewrites a copy of
// the sources, in which `planted::is(k)` chooses the fault at run time, and compiles this file
// against it; without a fault it is the package's own kernel.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace planted {
int fault = 0;
inline bool is(int which) { return fault == which; }
}  // namespace planted

#include "core/mixture.hpp"
#include "cpu/chain.cpp"
#include "cpu/chain_interacting.cpp"
#include "cpu/lyapunov.cpp"
#include "simd/linear_baseline.cpp"

// One set of instructions stands for all.
namespace autophage::simd {
LinearKernels avx2_kernels() { return baseline_kernels(); }
LinearKernels avx512_kernels() { return baseline_kernels(); }
NeutralKernels avx2_neutral() { return {}; }
NeutralKernels avx512_neutral() { return {}; }
CountKernels avx2_counts() { return {}; }
CountKernels avx512_counts() { return {}; }
MemorySet avx2_memory() { return {}; }
MemorySet avx512_memory() { return {}; }
}  // namespace autophage::simd

namespace {

// While it lives, chains are run by the core alone: that is where their faults are.
class CoreAlone {
 public:
  CoreAlone() {
    const char* const given = std::getenv(name);
    if (given != nullptr) before_ = given;
    setenv(name, "baseline", 1);
  }
  ~CoreAlone() {
    if (before_)
      setenv(name, before_->c_str(), 1);
    else
      unsetenv(name);
  }
  CoreAlone(const CoreAlone&) = delete;
  CoreAlone& operator=(const CoreAlone&) = delete;

 private:
  static constexpr const char* name = "AUTOPHAGE_INSTRUCTIONS";
  std::optional<std::string> before_;
};

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
  const CoreAlone alone;
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

// Weights (runs, generations + 1, K, M) of networks of mixtures, by core alone: the vector forms
// are compared with it, bit for bit. numbers: models, components, features, given, active, shared,
// seed, first_run, runs, generations.
extern "C" void planted_mixtures(int fault, const std::int64_t* numbers, double prior,
                                 const double* means, const double* first_posts,
                                 const double* start, const std::int64_t* posts,
                                 const std::int64_t* reads, const double* rate, double* weights) {
  planted::fault = fault;
  using namespace autophage::core;
  const std::int64_t models = numbers[0], components = numbers[1], features = numbers[2];
  const std::int64_t generations = numbers[9], cells = models * components;
  const auto room = [](std::int64_t size) { return static_cast<std::size_t>(size); };
  std::vector<double> heights;
  for (std::int64_t k = 0; k < components; ++k) {
    const double* const mean = means + k * features;
    heights.push_back(std::inner_product(mean, mean + features, mean, 0.0) / 2);
  }
  const MixtureNetwork net{models,         components,      features,       means,
                           heights.data(), first_posts,     numbers[3],     start,
                           prior,          numbers[4] != 0, numbers[5] != 0};
  const std::int64_t capacity = std::accumulate(posts, posts + generations * models, net.given);
  std::vector<double> points(room(capacity * features)), likelihoods(room(capacity * components));
  std::vector<double> now(room(cells)), sums(room(models)), more(room(components));
  std::vector<std::uint32_t> order(room(capacity * models));
  const auto open = [&](std::int64_t run, Purpose purpose) {
    std::vector<Stream> streams;
    for (std::int64_t j = 0; j < models; ++j)
      streams.emplace_back(static_cast<std::uint64_t>(numbers[6]),
                           static_cast<std::uint64_t>(numbers[7] + run),
                           static_cast<std::uint64_t>(j), purpose);
    return streams;
  };
  const PlainSteps<double> steps;
  for (std::int64_t run = 0; run < numbers[8]; ++run) {
    std::vector<Stream> posting = open(run, Purpose::posts), reading = open(run, Purpose::reading);
    std::vector<Stream> again = open(run, Purpose::reading_again);
    const MixtureSpace<double> space{
        components,  capacity,    points.data(),  likelihoods.data(), order.data(), now.data(),
        sums.data(), more.data(), posting.data(), reading.data(),     again.data()};
    MixtureRun<double, Stream, PlainSteps<double>> chain(net, space, steps);
    for (std::int64_t t = 0;; ++t) {
      double* const to = weights + (run * (generations + 1) + t) * cells;
      for (std::int64_t i = 0; i < cells; ++i) to[i] = now[room(i)];
      for (std::int64_t j = 0; j < models; ++j) normalise(components, to + j * components);
      if (t == generations) break;
      chain.generation(posts + t * models, reads + t * models, rate + t * models);
    }
  }
}
