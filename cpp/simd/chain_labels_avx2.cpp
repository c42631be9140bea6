// The steps of fully synthetic chains with AVX2.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include <utility>

#include "chain_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,bmi2,popcnt")
#endif

#include "chain_labels.hpp"

namespace autophage::simd {

namespace {

// Of eight bytes, those whose bit is set in the index come first.
struct Packing {
  u64 order[256];
  constexpr Packing() : order() {
    for (int set = 0; set < 256; ++set) {
      int filled = 0;
      for (u64 i = 0; i < 8; ++i)
        if (set >> i & 1) order[set] |= i << (8 * filled++);
    }
  }
};
constexpr Packing packing;

struct Avx2 {
  static constexpr int bytes = 32;
  using Long = Lanes<Avx2, u64>::Part;
  template <int halves>
  struct Labels {
    __m256i of[2 * halves];
  };

  [[gnu::always_inline]] static inline Long multiply(Long a, Long b) {
    return (Long)_mm256_mul_epu32((__m256i)a, (__m256i)b);
  }
  // The sign bit of each lane.
  [[gnu::always_inline]] static inline u32 signs(Long a) {
    return static_cast<u32>(_mm256_movemask_pd((__m256d)a));
  }
  // Whether some lane has none of these bits.
  [[gnu::always_inline]] static inline bool some_lack(Long a, u64 bits) {
    return signs((Long)((a & bits) == Long{})) != 0;
  }
  // Of numbers below 2^32.
  [[gnu::always_inline]] static inline Long smaller(Long a, Long b) {
    return (Long)_mm256_min_epu32((__m256i)a, (__m256i)b);
  }
  [[gnu::always_inline]] static inline Long gather(const u64* from, Long at) {
    return Long{from[at[0]], from[at[1]], from[at[2]], from[at[3]]};
  }
  [[gnu::always_inline]] static inline Long gather(const i32* from, Long at) {
    const auto one = [=](int k) { return static_cast<u64>(from[at[k]]); };
    return Long{one(0), one(1), one(2), one(3)};
  }
  [[gnu::always_inline]] static inline void store(Long values, i32* to) {
    const __m256i low =
        _mm256_permutevar8x32_epi32((__m256i)values, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(low));
  }

  template <int halves>
  [[gnu::always_inline]] static inline Labels<halves> load(const u8* from) {
    Labels<halves> labels;
    for (int q = 0; q < 2 * halves; ++q) labels.of[q] = quarter(from + 32 * q);
    return labels;
  }
  template <int halves>
  [[gnu::always_inline]] static inline void store(const Labels<halves>& labels, u8* to) {
    for (int q = 0; q < 2 * halves; ++q)
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32 * q), labels.of[q]);
  }
  [[gnu::always_inline]] static inline void fill(u8 label, u8* to) {
    const __m256i same = _mm256_set1_epi8(static_cast<char>(label));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), same);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 32), same);
  }

  // The labels that indices point to: from each sixteen labels by the lowest four bits of the
  // index, then of two candidates by one bit after the other.
  template <int halves>
  [[gnu::always_inline]] static inline Labels<halves> pick(const Labels<halves>& labels,
                                                           const u8* index) {
    __m256i sixteen[4 * halves];
    for (int q = 0; q < 2 * halves; ++q) {
      sixteen[2 * q] = _mm256_permute2x128_si256(labels.of[q], labels.of[q], 0x00);
      sixteen[2 * q + 1] = _mm256_permute2x128_si256(labels.of[q], labels.of[q], 0x11);
    }
    Labels<halves> picked;
    for (int q = 0; q < 2 * halves; ++q) {
      const __m256i at = quarter(index + 32 * q);
      __m256i found[4 * halves];
      for (int s = 0; s < 4 * halves; ++s) found[s] = _mm256_shuffle_epi8(sixteen[s], at);
      __m256i bit = _mm256_slli_epi16(at, 3);  // to where a blend reads it
      for (int s = 0; s < 2 * halves; ++s)
        found[s] = _mm256_blendv_epi8(found[2 * s], found[2 * s + 1], bit);
      bit = _mm256_slli_epi16(at, 2);
      for (int s = 0; s < halves; ++s)
        found[s] = _mm256_blendv_epi8(found[2 * s], found[2 * s + 1], bit);
      if constexpr (halves == 2)
        found[0] = _mm256_blendv_epi8(found[0], found[1], _mm256_slli_epi16(at, 1));
      picked.of[q] = found[0];
    }
    return picked;
  }

  // Units that are below `bound` once masked, one behind the other; returns how many.
  [[gnu::always_inline]] static inline int keep(Long units, u8 mask, u8 bound, u8* to) {
    const __m256i index =
        _mm256_and_si256((__m256i)units, _mm256_set1_epi8(static_cast<char>(mask)));
    const __m256i largest = _mm256_set1_epi8(static_cast<char>(bound - 1));
    const auto kept = static_cast<u32>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(index, largest), largest)));
    const __m128i half[2] = {_mm256_castsi256_si128(index), _mm256_extracti128_si256(index, 1)};
    int filled = 0;
    for (int e = 0; e < 4; ++e) {
      const __m128i eight = e % 2 == 0 ? half[e / 2] : _mm_srli_si128(half[e / 2], 8);
      const u32 set = kept >> (8 * e) & 255;
      const __m128i order = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(&packing.order[set]));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + filled), _mm_shuffle_epi8(eight, order));
      filled += __builtin_popcount(set);
    }
    return filled;
  }

  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> equal(const Labels<halves>& labels,
                                                               u8 label,
                                                               const LabelMask<halves>& within) {
    const __m256i same = _mm256_set1_epi8(static_cast<char>(label));
    const auto bits = [&](int q) __attribute__((always_inline)) {
      return u64{static_cast<u32>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(labels.of[q], same)))};
    };
    LabelMask<halves> mask;
    for (int h = 0; h < halves; ++h)
      mask.of[h] = within.of[h] & (bits(2 * h) | bits(2 * h + 1) << 32);
    return mask;
  }
  // Those that are not the label in front.
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ_from_first(
      const Labels<halves>& labels, const LabelMask<halves>& within) {
    return differ(labels, static_cast<u8>(_mm256_extract_epi8(labels.of[0], 0)), within);
  }
  // Those within a mask that are not the first of them.
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ_from_next(
      const Labels<halves>& labels, const LabelMask<halves>& within) {
    alignas(32) u8 all[64 * halves];
    store(labels, all);
    return differ(labels, all[within.first()], within);
  }

 private:
  [[gnu::always_inline]] static inline __m256i quarter(const u8* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ(const Labels<halves>& labels,
                                                                u8 label,
                                                                const LabelMask<halves>& within) {
    LabelMask<halves> mask = equal(labels, label, within);
    for (int h = 0; h < halves; ++h) mask.of[h] ^= within.of[h];
    return mask;
  }
};

}  // namespace

NeutralKernels avx2_neutral() { return neutral_kernels<Avx2>(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
