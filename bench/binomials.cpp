// Binomials by the package's own samplers and by public C++ code, each as a plain function that
// fills `out` with `count` draws of Binomial(n, part / whole), where every other draw has n - step:
// with a step, no draw has the law of the one before. sampler.py compiles and times them.
#include <cstdint>
#include <random>
#include <vector>

#include "core/chain_neutral.hpp"
#include "cpu/count_words.hpp"

#if __has_include(<boost/random/binomial_distribution.hpp>)
#include <boost/random/binomial_distribution.hpp>
#define BENCH_BOOST 1
#endif
#if __has_include(<gsl/gsl_randist.h>)
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#define BENCH_GSL 1
#endif

namespace {

using std::int64_t;
using std::uint64_t;

// xoshiro256++, as in numba_random.py: the quickest source for those that take any.
struct Xoshiro {
  using result_type = uint64_t;
  uint64_t a, b, c, d;
  explicit Xoshiro(uint64_t seed) {
    std::seed_seq words{seed, seed >> 32};
    std::uint32_t state[8];
    words.generate(state, state + 8);
    a = state[0] | uint64_t{state[1]} << 32;
    b = state[2] | uint64_t{state[3]} << 32;
    c = state[4] | uint64_t{state[5]} << 32;
    d = state[6] | uint64_t{state[7]} << 32;
  }
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  uint64_t operator()() {
    const uint64_t total = a + d, word = (total << 23 | total >> 41) + a, shifted = b << 17;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = d << 45 | d >> 19;
    return word;
  }
};

double chance(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

// Laws with a state of their own: kept where it serves again.
template <class Law>
void fill(Xoshiro& source, int64_t n, int64_t step, double p, int64_t count, int64_t* out) {
  Law law(n, p);
  for (int64_t i = 0; i < count; ++i) {
    if (step > 0) law = Law(n - i % 2 * step, p);
    out[i] = law(source);
  }
}

}  // namespace

// Each returns 0, or 1 where it cannot.

// Inversion below a mean of 10, rejection from there on.
extern "C" int ours_any(int64_t n, int64_t step, int64_t part, int64_t whole, uint64_t seed,
                        int64_t count, int64_t* out) {
  autophage::core::Stream source(seed, 0, 0, autophage::core::Purpose::counts);
  for (int64_t i = 0; i < count; ++i)
    out[i] = autophage::core::draw_binomial_share(n - i % 2 * step, part, whole, source);
  return 0;
}

// From the middle, one uniform each.
extern "C" int ours_middle(int64_t n, int64_t step, int64_t part, int64_t whole, uint64_t seed,
                           int64_t count, int64_t* out) {
  if (n > autophage::core::middle_limit) return 1;
  autophage::core::Stream source(seed, 0, 0, autophage::core::Purpose::counts);
  for (int64_t i = 0; i < count; ++i)
    out[i] = autophage::core::draw_share(n - i % 2 * step, part, whole, source);
  return 0;
}

// The same in lanes, words included.
extern "C" int ours_lanes(int64_t n, int64_t step, int64_t part, int64_t whole, uint64_t seed,
                          int64_t count, int64_t* out) {
  constexpr int batch = autophage::simd::CountLanes::ahead;
  const auto kernels = autophage::cpu::count_kernels();
  if (n > autophage::core::middle_limit || !kernels || count % batch != 0) return 1;
  const autophage::simd::StreamFamily stream(seed, 0, autophage::core::Purpose::counts);
  alignas(64) double draws[batch], parts[batch], wholes[batch];
  alignas(64) uint64_t word[batch];
  alignas(64) int64_t x[batch];
  for (int k = 0; k < batch; ++k) {
    draws[k] = static_cast<double>(n - k % 2 * step);
    parts[k] = static_cast<double>(part);
    wholes[k] = static_cast<double>(whole);
  }
  for (int64_t i = 0; i < count; i += batch) {
    kernels->words(stream, 0, static_cast<uint64_t>(i) / 2, word);
    kernels->shares(batch, draws, parts, wholes, word, x);
    for (int k = 0; k < batch; ++k) out[i + k] = x[k];
  }
  return 0;
}

extern "C" int standard(int64_t n, int64_t step, int64_t part, int64_t whole, uint64_t seed,
                        int64_t count, int64_t* out) {
  Xoshiro source(seed);
  fill<std::binomial_distribution<int64_t>>(source, n, step, chance(part, whole), count, out);
  return 0;
}

extern "C" int boost_random([[maybe_unused]] int64_t n, [[maybe_unused]] int64_t step,
                            [[maybe_unused]] int64_t part, [[maybe_unused]] int64_t whole,
                            [[maybe_unused]] uint64_t seed, [[maybe_unused]] int64_t count,
                            [[maybe_unused]] int64_t* out) {
#if defined(BENCH_BOOST)
  Xoshiro source(seed);
  fill<boost::random::binomial_distribution<int64_t>>(source, n, step, chance(part, whole), count,
                                                      out);
  return 0;
#else
  return 1;
#endif
}

extern "C" int gsl([[maybe_unused]] int64_t n, [[maybe_unused]] int64_t step,
                   [[maybe_unused]] int64_t part, [[maybe_unused]] int64_t whole,
                   [[maybe_unused]] uint64_t seed, [[maybe_unused]] int64_t count,
                   [[maybe_unused]] int64_t* out) {
#if defined(BENCH_GSL)
  if (n > UINT32_MAX) return 1;
  gsl_rng* const source = gsl_rng_alloc(gsl_rng_taus2);
  gsl_rng_set(source, seed);
  for (int64_t i = 0; i < count; ++i)
    out[i] = gsl_ran_binomial(source, chance(part, whole), static_cast<unsigned>(n - i % 2 * step));
  gsl_rng_free(source);
  return 0;
#else
  return 1;
#endif
}
