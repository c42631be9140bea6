// The steps of networks of mixtures that are done in lanes, as plain functions over memory: one set
// of them for each instruction set. Bits are those of core/mixture.hpp.
#pragma once

#include "../core/mixture_network.hpp"
#include "../core/philox.hpp"

namespace autophage::simd {

using core::i64;
using core::u32;
using core::u64;

// What all runs share, with component k at entry k of a row.
struct MixtureRows {
  const core::MixtureNetwork* net;
  i64 stride;             // numbers from a row of weights or likelihoods to the next: whole lines
  i64 padded;             // M, up to the next multiple of 16
  const double* columns;  // (r, padded), the means; then 0
  const double* heights;  // (padded); then 1e300, which makes a likelihood of 0
};

template <class Real>
struct MixtureTask {
  Real* weights;
  Real* sum;
  const u32* order;
  i64 reads;
  core::MixtureRate<Real> rate;
};

// Where a post is far from all living components.
template <class Real>
using Rescue = void (*)(const core::MixtureNetwork& net, const core::MixtureRate<Real>& rate,
                        const double* x, Real* w, Real& sum);

// Sixteen runs side by side: entry l of every sixteen is run l's. Of two likelihoods one is 1, so
// that for M = 2 one number is kept: the other's, with the sign bit set if that is the first. Where
// that is a float, permutations carry it above the entry, so that none has to be looked up.
template <class Real>
struct MixtureLanes {
  const core::MixtureNetwork* net;
  i64 capacity;
  double* points;      // (capacity, r, 16)
  Real* likelihoods;   // (capacity, M, 16)
  u32* order;          // (K, or 1 if shared; capacity, 16), of entries
  u64* carried;        // the same with likelihoods, in place of `order` where `carries`
  Real* weights;       // (K, M, 16)
  Real* sums;          // (K, 16)
  u32* posting;        // (K, 4, 16), the words of the newest block
  u32* reading;        // (K or 1, 4, 16)
  u64 *posted, *read;  // (K), (K or 1), words used so far
  u64* again;          // (K or 1, 16), words used so far
  u64 seed;
  alignas(64) u64 run[16];
  // What happens rarely, one lane after another: words refused; posts far from all components.
  void (*redraw)(const MixtureLanes& lanes, i64 j, u32 bound, u32* words);
  void (*rescue)(const MixtureLanes& lanes, i64 j, const u32* posts,
                 const core::MixtureRate<Real>& rate);

  [[gnu::always_inline]] static constexpr bool carries(i64 components) {
    return components == 2 && sizeof(Real) == sizeof(u32);
  }
};

template <class Real>
struct MixtureKernels {
  // Likelihoods of one post, a row; `room` is for `padded` numbers.
  void (*likelihoods)(const MixtureRows& rows, const double* x, double* room, Real* f);
  // Every task's weights learn from the posts it reads.
  void (*learn)(const MixtureRows& rows, const double* points, const Real* likelihoods,
                const MixtureTask<Real>* tasks, i64 count, Rescue<Real> rescue,
                const core::StopFlag* stop);
  // Normalised weights (K, padded), squared distances of i and j < i at (i, j) of (K, K) where
  // `pairs` asks for them, and the sum of all squared distances.
  void (*observe)(const MixtureRows& rows, const Real* weights, bool pairs, double* shown,
                  double* squares, double* sum);

  // The same steps for runs side by side. Posts of model j go to the end of the pool.
  void (*post)(const MixtureLanes<Real>& lanes, i64 j, i64 at);
  // Likelihoods of post `at`, from its point; the pool's permutations learn of it.
  void (*append)(const MixtureLanes<Real>& lanes, i64 at);
  // A generation's reading in a pool of `posts`.
  void (*generation)(const MixtureLanes<Real>& lanes, i64 posts, const i64* reads,
                     const core::MixtureRate<Real>* rate, const core::StopFlag* stop);
  void (*observe_lanes)(const MixtureLanes<Real>& lanes, bool pairs, double* weights,
                        double* squares, double* sum);
};

struct MixtureSet {
  MixtureKernels<double> in_double;
  MixtureKernels<float> in_single;
  // Standard normal numbers from sixteen uniform ones (core/normal.hpp).
  void (*quantiles)(double* values);
  // Sixteen consecutive blocks of a stream: word w of block k goes to out[16 w + k].
  void (*blocks)(core::PhiloxKey key, u64 first, u32 run, u32 name, u32* out);
  // For words as above, of which the first decides draw `first` of a generation (modulo 2^32):
  // where in a pool of `posts` each finds its post. False if one may have to be refused.
  bool (*places)(const u32* words, u32 posts, u32 first, u32* out);
};

// Streams that lanes read (core/stream.hpp).
inline constexpr u32 posts_purpose = 11, reading_purpose = 12;

// Components that runs in lanes may have.
inline constexpr i64 most_in_lanes = 4;

MixtureSet baseline_mixtures();
#if defined(__x86_64__)
MixtureSet avx2_mixtures();
MixtureSet avx512_mixtures();
#endif

}  // namespace autophage::simd
