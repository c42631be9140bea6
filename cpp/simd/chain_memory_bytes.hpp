// Chains that remember some of the past with AVX2: labels one after another, in bytes.
#pragma once

#include "chain_memory_narrow.hpp"
#include "chain_memory_progress.hpp"

namespace autophage::simd {
namespace {

// Counts the pairs of equal labels among n <= 64 of them, a byte each.
class NarrowPairs {
 public:
  explicit NarrowPairs(i64 n) : n_(n) {
    for (u32& count : count_) count = 0;
    if (n > 16) return;
    i64 pair = 0;
    for (i64 i = 0; i < n; ++i)
      for (i64 j = 0; j < i; ++j, ++pair) {
        left_[pair] = static_cast<u8>(i);
        right_[pair] = static_cast<u8>(j);
      }
    vectors_ = (pair + 31) / 32;
    for (; pair < 32 * vectors_; ++pair) left_[pair] = right_[pair] = 0, ++padded_;
  }

  // Sixteen labels may be looked at.
  u64 equal(const u8* label) {
    u64 pairs = 0;
    if (n_ > 16) {
      for (i64 i = 0; i < n_; ++i) pairs += count_[label[i]]++;
      for (i64 i = 0; i < n_; ++i) count_[label[i]] = 0;
      return pairs;
    }
    const __m256i both =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(label)));
    for (i64 v = 0; v < vectors_; ++v) {
      const __m256i left = _mm256_shuffle_epi8(both, at(left_, v));
      const __m256i right = _mm256_shuffle_epi8(both, at(right_, v));
      pairs += static_cast<u64>(
          _mm_popcnt_u32(static_cast<u32>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(left, right)))));
    }
    return pairs - padded_;
  }

 private:
  static __m256i at(const u8* row, i64 v) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(row) + v);
  }

  i64 n_, vectors_ = 0;
  u64 padded_ = 0;
  alignas(32) u8 left_[128], right_[128];
  u32 count_[most_tokens];
};

// The newest models lie in one row, n labels each; stretches of some generations are drawn before
// they are looked at, so that nothing waits for bytes to become vectors.
inline bool narrow_most_recent(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  const i64 n = study.n, window = study.window;
  constexpr i64 stretch = 16;
  auto* const row = reinterpret_cast<u8*>(study.recent);  // (window + stretch, n)
  u8* const start = row + window * n;
  NarrowIndices<u8> parents(study, run);
  NarrowTruth truth(study, run);
  NarrowPairs pairs(n);
  Progress progress(study, trace);
  u16 index[most_labels + 1];
  for (i64 first = 1;; first += stretch) {
    u8* child = start;
    for (i64 t = first; t < first + stretch; ++t, child += n) {
      const i64 models = t < window ? t : window;
      const u16* const back = study.back + (models - 1) * most_labels;
      i64 i = 0;
      for (; models == t && i < n && back[i] == t; ++i) child[i] = static_cast<u8>(truth.draw());
      parents.fill(static_cast<u32>(n), n - i, index + i);
      for (; i < n; ++i) child[i] = child[index[i] - back[i] * n];
    }
    for (i64 k = 0; k < stretch; ++k)
      if (!progress.generation(first + k, pairs.equal(start + k * n), start[k * n])) return true;
    for (i64 i = 0; i < window * n; ++i) row[i] = row[i + stretch * n];
  }
}

inline bool narrow_randomly_sampled(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  const i64 n = study.n, end = (study.generations + 1) * n;
  NarrowIndices<u8> bytes(study, run);
  NarrowIndices<u16> shorts(study, run);
  NarrowTruth truth(study, run);
  u16* const index = study.index;
  u8* const label = study.labels;
  for (i64 at = 2 * n; at < end; at += n) {
    const u32 bound = study.bound[at];
    bound <= core::byte_limit ? bytes.fill(bound, n, index + at)
                              : shorts.fill(bound, n, index + at);
  }
  for (i64 i = n; i < end; ++i)
    label[i] = i < 2 * n || index[i] < n ? static_cast<u8>(truth.draw()) : label[index[i]];
  NarrowPairs pairs(n);
  Progress progress(study, trace);
  for (i64 t = 1; progress.generation(t, pairs.equal(label + t * n), label[t * n]);) ++t;
  return true;
}

// Kept real data: tokens by first appearance, called 0, 1, ..
class NarrowKept {
 public:
  NarrowKept(const MemoryStudy& study, u64 run, MemoryTrace& trace)
      : study_(study), trace_(trace), bytes_(study, run), shorts_(study, run), truth_(study, run) {}

  bool run() {
    if (!draw() || !core::PartiallySyntheticChain::by_label(study_.n, tokens_)) return false;
    const i64 n = study_.n, real = study_.real;
    record(1, squares_, 0);
    if (tokens_ == 1) {
      trace_.collapse = trace_.absorption = 1;
      trace_.final_token = only_;
    }
    for (i64 t = 2; t <= study_.generations; ++t) {
      const u32 bound = static_cast<u32>(t == 2 ? real : real + n);
      bound <= core::byte_limit ? bytes_.fill(bound, n, index_) : shorts_.fill(bound, n, index_);
      const u8* const parent = label_[t & 1];
      u8* const child = label_[(t & 1) ^ 1] + real;
      for (i64 i = 0; i < n; ++i) child[i] = parent[index_[i]];
      if (2 * n < tokens_) {
        measure_each(t, child);
      } else {
        measure_all(t, child);
      }
      if ((t & 63) == 0 && study_.stop->raised()) break;
    }
    return true;
  }

 private:
  void record(i64 t, i32 squares, i32 excess) {
    if (trace_.squares != nullptr) trace_.squares[t - 1] = static_cast<u32>(squares);
    if (trace_.excess != nullptr) trace_.excess[t - 1] = static_cast<u32>(2 * excess);
  }

  // Label after label.
  void measure_each(i64 t, const u8* child) {
    const i32 n = static_cast<i32>(study_.n), real = static_cast<i32>(study_.real);
    i32 squares = squares_, excess = 0;
    for (i64 i = 0; i < n; ++i) {
      const i32 drawn = drawn_[0][child[i]]++, f = count_[child[i]];
      squares += 2 * (f + drawn) + 1;
      const i32 before = drawn * real - f * n;  // what max(0, drawn N - f n) grows by
      excess += (before + real > 0 ? before + real : 0) - (before > 0 ? before : 0);
    }
    for (i64 i = 0; i < n; ++i) drawn_[0][child[i]] = 0;
    record(t, squares, excess);
  }

  // Token after token; equal labels count by turns, so as not to wait for each other.
  void measure_all(i64 t, const u8* child) {
    const i32 n = static_cast<i32>(study_.n), real = static_cast<i32>(study_.real);
    for (i64 i = 0; i + 1 < n; i += 2) {
      ++drawn_[0][child[i]];
      ++drawn_[1][child[i + 1]];
    }
    if (n % 2 > 0) ++drawn_[0][child[n - 1]];
    i32 squares = squares_, excess = 0;
    for (i64 d = 0; d < tokens_; ++d) {
      const i32 drawn = drawn_[0][d] + drawn_[1][d], f = count_[d];
      const i32 more = drawn * real - f * n;
      squares += drawn * (drawn + 2 * f);
      excess += more > 0 ? more : 0;
      drawn_[0][d] = drawn_[1][d] = 0;
    }
    record(t, squares, excess);
  }

  // False if there are too many tokens to be called by a byte.
  bool draw() {
    i32 order[most_tokens];
    i64 left = study_.real;
    for (; left > 0; --left) {
      const i32 token = truth_.draw();
      if (study_.counts[token] == 0) {
        if (tokens_ == most_tokens) break;
        order[tokens_++] = token;
      }
      ++study_.counts[token];
    }
    i64 at = 0;
    for (i64 d = 0; d < tokens_; ++d) {
      count_[d] = study_.counts[order[d]];
      study_.counts[order[d]] = 0;
      drawn_[0][d] = drawn_[1][d] = 0;
      squares_ += count_[d] * count_[d];
      for (i32 i = 0; i < count_[d]; ++i, ++at) label_[0][at] = label_[1][at] = static_cast<u8>(d);
    }
    only_ = order[0];
    return left == 0;
  }

  const MemoryStudy& study_;
  MemoryTrace& trace_;
  NarrowIndices<u8> bytes_;
  NarrowIndices<u16> shorts_;
  NarrowTruth truth_;
  i64 tokens_ = 0;
  i32 only_, squares_ = 0, count_[most_tokens], drawn_[2][most_tokens];
  u8 label_[2][core::labelled_sample];
  u16 index_[core::labelled_sample + 1];
};

inline bool narrow_partially_synthetic(const MemoryStudy& study, u64 run, MemoryTrace& trace) {
  return NarrowKept(study, run, trace).run();
}

}  // namespace
}  // namespace autophage::simd
