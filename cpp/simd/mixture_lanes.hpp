// Runs in lanes: sixteen networks of few components side by side. Included by one file for each
// instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "lanes.hpp"
#include "mixture_kernels.hpp"
#include "mixture_shown.hpp"
#include "normal_lanes.hpp"
#include "repeat.hpp"

namespace autophage::simd {

template <class Set, class Real>
class MixtureLaneSteps {
 public:
  static void post(const MixtureLanes<Real>& lanes, i64 j, i64 at) {
    const core::MixtureNetwork& net = *lanes.net;
    const Real* const w = lanes.weights + j * net.components * lane_count;
    double* const x = lanes.points + at * net.features * lane_count;
    pick(net, w, next_uniform(lanes, j), x);
    for (i64 i = 0; i < net.features; ++i) {
      double* const xi = x + i * lane_count;
      (Reals<Set>::load(xi) + quantiles_of(next_uniform(lanes, j))).store(xi);
    }
  }

  [[gnu::flatten]] static void append(const MixtureLanes<Real>& lanes, i64 at) {
    const core::MixtureNetwork& net = *lanes.net;
    const double* const x = lanes.points + at * net.features * lane_count;
    Reals<Set> height[most_in_lanes], most{};
    for (i64 k = 0; k < net.components; ++k) {
      height[k] = Reals<Set>(-net.heights[k]);
      for (i64 i = 0; i < net.features; ++i)
        height[k] = height[k] + Reals<Set>(net.means[k * net.features + i]) *
                                    Reals<Set>::load(x + i * lane_count);
      most = k == 0 ? height[k] : larger(height[k], most);
    }
    alignas(64) double found[most_in_lanes][lane_count];
    for (i64 k = 0; k < net.components; ++k)
      core::exp_of_negative(height[k] - most).store(found[k]);
    const i64 plane = lanes.capacity * lane_count;
    for (int l = 0; l < lane_count; ++l) {
      Real* const f = lanes.likelihoods + at * lane_count + l;
      if (net.components == 2)
        *f = static_cast<Real>(found[0][l] < found[1][l] ? -found[0][l] : found[1][l]);
      else
        for (i64 k = 0; k < net.components; ++k) f[k * plane] = static_cast<Real>(found[k][l]);
    }
    const i64 orders = net.shared ? 1 : net.models;
    const Words<Set> own = entries(Words<Set>(static_cast<u32>(at)));
    if (MixtureLanes<Real>::carries(net.components)) return carry(lanes, orders, at, own);
    for (i64 j = 0; j < orders; ++j)
      own.store(lanes.order + (j * lanes.capacity + at) * lane_count);
  }

  static void observe(const MixtureLanes<Real>& lanes, bool pairs, double* weights, double* squares,
                      double* sum) {
    const i64 components = lanes.net->components;
    if (components == 1) return observe_runs<Set, 1>(lanes, pairs, weights, squares, sum);
    if (components == 2) return observe_runs<Set, 2>(lanes, pairs, weights, squares, sum);
    if (components == 3) return observe_runs<Set, 3>(lanes, pairs, weights, squares, sum);
    observe_runs<Set, 4>(lanes, pairs, weights, squares, sum);
  }

  static void generation(const MixtureLanes<Real>& lanes, i64 posts, const i64* reads,
                         const core::MixtureRate<Real>* rate, const core::StopFlag* stop) {
    const i64 components = lanes.net->components;
    if (components == 1) return generation<1>(lanes, posts, reads, rate, stop);
    if (components == 2) return generation<2>(lanes, posts, reads, rate, stop);
    if (components == 3) return generation<3>(lanes, posts, reads, rate, stop);
    generation<4>(lanes, posts, reads, rate, stop);
  }

 private:
  // The next word of each run's stream (run, context, purpose), of which `used` are used; `block`
  // holds those of the newest block.
  [[gnu::always_inline]] static inline Words<Set> next_words(const MixtureLanes<Real>& lanes,
                                                             core::u32 context, core::u32 purpose,
                                                             u64& used, u32* block) {
    if (used % 4 == 0) fill(lanes, purpose << 26 | context << 6, used / 4, block);
    return Words<Set>::load(block + lane_count * (used++ % 4));
  }

  [[gnu::noinline]] static void fill(const MixtureLanes<Real>& lanes, u32 name, u64 block,
                                     u32* out) {
    const LongWords<Set> run = LongWords<Set>::load(lanes.run);
    philox_lanes<Set>(LongWords<Set>(block), LongWords<Set>(block >> 32), run,
                      (run >> 32) | LongWords<Set>(name), static_cast<u32>(lanes.seed),
                      static_cast<u32>(lanes.seed >> 32), out);
  }

  // The midpoints of Stream::uniform.
  static Reals<Set> next_uniform(const MixtureLanes<Real>& lanes, i64 j) {
    alignas(64) u64 low[lane_count], high[lane_count];
    alignas(64) u32 words[2][lane_count];
    for (auto& half : words)
      next_words(lanes, static_cast<u32>(j), posts_purpose, lanes.posted[j],
                 lanes.posting + j * 4 * lane_count)
          .store(half);
    for (int l = 0; l < lane_count; ++l) {
      low[l] = words[0][l];
      high[l] = words[1][l];
    }
    // An integer below 2^52 in the last digits of a number is that number, less 2^52.
    const LongWords<Set> digits =
        LongWords<Set>::load(high) << 20 | LongWords<Set>::load(low) >> 12;
    const Reals<Set> whole = reals_of<Set>(digits | LongWords<Set>(0x4330000000000000ULL));
    return ((whole - Reals<Set>(0x1p52)) + Reals<Set>(0.5)) * Reals<Set>(0x1p-52);
  }

  // The mean of the component at u of the cumulative weights, as core::pick_component has it.
  static void pick(const core::MixtureNetwork& net, const Real* w, const Reals<Set>& u,
                   double* mean) {
    Reals<Set> weight[most_in_lanes], half[2] = {Reals<Set>(0.0), Reals<Set>(0.0)}, upto(0.0);
    alignas(64) double values[lane_count];
    for (i64 k = 0; k < net.components; ++k) {
      for (int l = 0; l < lane_count; ++l) values[l] = static_cast<double>(w[k * lane_count + l]);
      weight[k] = Reals<Set>::load(values);
      half[k % 2] = half[k % 2] + weight[k];
    }
    const Reals<Set> at = u * (half[0] + half[1]), zero(0.0);
    auto open = !(zero > zero);
    for (i64 k = 0; k < net.components; ++k) {
      const auto taken = open & (weight[k] > zero);
      for (i64 i = 0; i < net.features; ++i) {
        double* const x = mean + i * lane_count;
        const Reals<Set> here(net.means[k * net.features + i]);
        (k == 0 ? here : select(taken, here, Reals<Set>::load(x))).store(x);
      }
      upto = upto + weight[k];
      open = open & !(taken & (upto > at));
    }
  }

  // Appends entries and their likelihoods to the permutations.
  static void carry(const MixtureLanes<Real>& lanes, i64 orders, i64 at, const Words<Set>& own) {
    alignas(64) u32 entry[lane_count];
    own.store(entry);
    for (int l = 0; l < lane_count; ++l) {
      const auto f = static_cast<float>(lanes.likelihoods[at * lane_count + l]);
      const u64 both = u64{__builtin_bit_cast(u32, f)} << 32 | entry[l];
      for (i64 j = 0; j < orders; ++j)
        lanes.carried[(j * lanes.capacity + at) * lane_count + l] = both;
    }
  }

  // First all draws, then all updates: neither waits for the other, and models take turns.
  template <int components>
  static void generation(const MixtureLanes<Real>& lanes, i64 posts, const i64* reads,
                         const core::MixtureRate<Real>* rate, const core::StopFlag* stop) {
    const core::MixtureNetwork& net = *lanes.net;
    i64 most = 0;
    for (i64 j = 0; j < net.models; ++j) most = reads[j] > most ? reads[j] : most;
    const auto order = [&] {
      if constexpr (MixtureLanes<Real>::carries(components))
        return lanes.carried;
      else
        return lanes.order;
    }();
    for (i64 j = 0; j < (net.shared ? 1 : net.models); ++j)
      if (!shuffle(lanes, order, j, posts, net.shared ? most : reads[j], stop)) return;
    for (i64 i = 0; i < most; ++i) {
      if ((i & 63) == 63 && stop != nullptr && stop->raised()) return;
      for (i64 j = 0; j < net.models; ++j) {
        if (i >= reads[j]) continue;
        const auto* const post = order + ((net.shared ? 0 : j) * lanes.capacity + i) * lane_count;
        if (net.prior > 0.0)
          update<components, true>(lanes, j, post, rate[j]);
        else
          update<components, false>(lanes, j, post, rate[j]);
      }
    }
  }

  // Puts the posts to read at the front of permutation j; false where it is to stop.
  template <class Entry>
  static bool shuffle(const MixtureLanes<Real>& lanes, Entry* orders, i64 j, i64 posts, i64 reads,
                      const core::StopFlag* stop) {
    constexpr i64 block = 64;
    alignas(64) u32 at[block * lane_count];
    Entry* const order = orders + j * lanes.capacity * lane_count;
    for (i64 first = 0; first < reads; first += block) {
      if (stop != nullptr && stop->raised()) return false;
      const i64 some = reads - first < block ? reads - first : block;
      for (i64 i = 0; i < some; ++i) places(lanes, j, first + i, posts).store(at + i * lane_count);
      // The posts of all lanes are looked up before any moves: so they are written at once.
      for (i64 e = 0; e < some * lane_count; e += lane_count) {
        Entry* const here = order + first * lane_count + e;
        const Lanes<Set, Entry> read = Set::gather(order, at + e);
        repeat<Set, lane_count>([&](int l) { order[at[e + l]] = here[l]; });
        read.store(here);
      }
    }
    return true;
  }

  // Where draw i of a generation finds its posts.
  [[gnu::always_inline]] static inline Words<Set> places(const MixtureLanes<Real>& lanes, i64 j,
                                                         i64 i, i64 posts) {
    const Words<Set> words = next_words(lanes, static_cast<u32>(j), reading_purpose, lanes.read[j],
                                        lanes.reading + j * 4 * lane_count);
    const u32 bound = static_cast<u32>(posts - i);
    Words<Set> below = Set::upper(words, Words<Set>(bound));
    if (!all_at_least(words * Words<Set>(bound), Words<Set>(bound))) [[unlikely]] {
      alignas(64) u32 values[lane_count];
      words.store(values);
      lanes.redraw(lanes, j, bound, values);
      below = Words<Set>::load(values);
    }
    return entries(below + Words<Set>(static_cast<u32>(i)));
  }

  // Entry of each lane in the sixteen of a number.
  [[gnu::always_inline]] static inline Words<Set> entries(const Words<Set>& numbers) {
    alignas(64) static constexpr u32 own[lane_count] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                        8, 9, 10, 11, 12, 13, 14, 15};
    return (numbers << 4) | Words<Set>::load(own);
  }

  template <int components, bool losing, class Entry>
  [[gnu::always_inline]] static inline void update(const MixtureLanes<Real>& lanes, i64 j,
                                                   const Entry* post,
                                                   const core::MixtureRate<Real>& rate) {
    using Vector = Lanes<Set, Real>;
    Real* const weights = lanes.weights + j * components * lane_count;
    Real* const sums = lanes.sums + j * lane_count;
    Vector w[components], f[components], hits[components];
    find<components>(lanes, post, f);
    for (int k = 0; k < components; ++k) {
      w[k] = Vector::load(weights + k * lane_count);
      hits[k] = w[k] * f[k];
    }
    const Vector hit = core::sum_known<components>([&](int k) { return hits[k]; });
    if (!all_at_least(hit, Vector(rate.least))) [[unlikely]]
      return rescue(lanes, j, post, rate);
    const Vector before = Vector::load(sums), more = Vector(rate.gained) * before;
    const Vector gain = more / hit;
    Vector sum = before + more;
    for (int k = 0; k < components; ++k) w[k] = w[k] + gain * hits[k];
    if constexpr (losing) {
      for (int k = 0; k < components; ++k)
        w[k] = larger(w[k] - Vector(rate.dropped) * before, Vector(Real(0)));
      sum = core::sum_known<components>([&](int k) { return w[k]; });
    }
    if (!all_at_least(Vector(Real(2)), sum)) [[unlikely]] {
      const Vector one(Real(1));
      const auto much = sum > Vector(Real(2));
      const Vector scale = select(much, one / sum, one);
      for (int k = 0; k < components; ++k) w[k] = w[k] * scale;
      sum = select(much, one, sum);
    }
    for (int k = 0; k < components; ++k) w[k].store(weights + k * lane_count);
    sum.store(sums);
  }

  template <class Entry>
  [[gnu::noinline]] static void rescue(const MixtureLanes<Real>& lanes, i64 j, const Entry* post,
                                       const core::MixtureRate<Real>& rate) {
    u32 entry[lane_count];
    for (int l = 0; l < lane_count; ++l) entry[l] = static_cast<u32>(post[l]);
    lanes.rescue(lanes, j, entry, rate);
  }

  [[gnu::always_inline]] static inline Lanes<Set, Real> kept(const MixtureLanes<Real>& lanes,
                                                             const u32* post) {
    return Set::gather(lanes.likelihoods, post);
  }
  [[gnu::always_inline]] static inline Lanes<Set, Real> kept(const MixtureLanes<Real>&,
                                                             const u64* post) {
    return upper_singles<Set>(post);
  }

  // The likelihoods of the posts that lanes read.
  template <int components, class Entry>
  [[gnu::always_inline]] static inline void find(const MixtureLanes<Real>& lanes, const Entry* post,
                                                 Lanes<Set, Real>* f) {
    using Vector = Lanes<Set, Real>;
    if constexpr (components == 2) {
      const Vector kept = MixtureLaneSteps::kept(lanes, post), one(Real(1));
      const auto first = kept.sign();
      f[0] = select(first, Vector(Real(0)) - kept, one);
      f[1] = select(first, one, kept);
    } else {
      for (int k = 0; k < components; ++k)
        f[k] = Set::gather(lanes.likelihoods + k * lanes.capacity * lane_count, post);
    }
  }
};

}  // namespace autophage::simd
