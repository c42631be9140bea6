// Words of a stream with AVX2, and what core::IndexReader and core::draw_alias make of them.
#pragma once

#include "chain_memory_kernels.hpp"

namespace autophage::simd {
namespace {

// A stream, 64 words at a time.
class NarrowWords {
 public:
  static constexpr int held = 64;

  NarrowWords(const MemoryStudy& study, u64 run, core::Purpose purpose)
      : key_(study.key),
        run_(static_cast<u32>(run)),
        name_(static_cast<u32>(purpose) << 26 |
              static_cast<u32>(study.context % core::contexts_per_key) << 6 |
              static_cast<u32>(run >> 32)) {}

  // Sixteen blocks.
  void refill() {
    constexpr int fours = 4;
    const __m256i m0 = _mm256_set1_epi64x(0xD2511F53), m1 = _mm256_set1_epi64x(0xCD9E8D57);
    __m256i k0 = _mm256_set1_epi64x(key_.low), k1 = _mm256_set1_epi64x(key_.high);
    __m256i x0[fours], x1[fours], x2[fours], x3[fours];
    for (int f = 0; f < fours; ++f) {
      x0[f] = _mm256_add_epi64(_mm256_set1_epi64x(static_cast<i64>(block_) + 4 * f),
                               _mm256_set_epi64x(3, 2, 1, 0));
      x1[f] = _mm256_srli_epi64(x0[f], 32);
      x2[f] = _mm256_set1_epi64x(run_);
      x3[f] = _mm256_set1_epi64x(name_);
    }
    // A word is the low half of an element; what is above it is never looked at.
    for (int round = 0; round < 10; ++round) {
      for (int f = 0; f < fours; ++f) {
        const __m256i a = _mm256_mul_epu32(m0, x0[f]), b = _mm256_mul_epu32(m1, x2[f]);
        x0[f] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(b, 32), x1[f]), k0);
        x1[f] = b;
        x2[f] = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(a, 32), x3[f]), k1);
        x3[f] = a;
      }
      k0 = _mm256_add_epi64(k0, _mm256_set1_epi64x(0x9E3779B9));
      k1 = _mm256_add_epi64(k1, _mm256_set1_epi64x(0xBB67AE85));
    }
    for (int f = 0; f < fours; ++f) {
      const __m256i even = _mm256_blend_epi32(x0[f], _mm256_slli_epi64(x1[f], 32), 0xaa);
      const __m256i odd = _mm256_blend_epi32(x2[f], _mm256_slli_epi64(x3[f], 32), 0xaa);
      const __m256i low = _mm256_unpacklo_epi64(even, odd), high = _mm256_unpackhi_epi64(even, odd);
      auto* const out = reinterpret_cast<__m256i*>(word + 16 * f);
      _mm256_store_si256(out, _mm256_permute2x128_si256(low, high, 0x20));
      _mm256_store_si256(out + 1, _mm256_permute2x128_si256(low, high, 0x31));
    }
    block_ += held / 4;
  }

  alignas(32) u32 word[held];

 private:
  core::PhiloxKey key_;
  u32 run_, name_;
  u64 block_ = 0;
};

// Indices of 8 or 16 bits. One entry beyond a row may be written.
template <class Unit>
class NarrowIndices {
 public:
  NarrowIndices(const MemoryStudy& study, u64 run)
      : words_(study, run, sizeof(Unit) == 1 ? core::Purpose::parents8 : core::Purpose::parents16) {
  }

  void fill(u32 bound, i64 count, u16* out) {
    const u32 filter = sizeof(Unit) == 1 ? index_mask(bound) : 0x10000U % bound;
    i64 taken = 0;
    while (taken < count) {
      if (at_ == held) words_.refill(), at_ = 0;
      const auto* const unit = reinterpret_cast<const Unit*>(words_.word);
      // Each unit gives at most one index.
      const i64 end = at_ + (count - taken < held - at_ ? count - taken : held - at_);
      for (; at_ < end; ++at_) {
        if constexpr (sizeof(Unit) == 1) {
          const u32 index = unit[at_] & filter;
          out[taken] = static_cast<u16>(index);
          taken += index < bound;
        } else {
          const u32 product = unit[at_] * bound;
          out[taken] = static_cast<u16>(product >> 16);
          taken += (product & 0xffff) >= filter;
        }
      }
    }
  }

 private:
  static constexpr i64 held = 4 * NarrowWords::held / static_cast<i64>(sizeof(Unit));
  NarrowWords words_;
  i64 at_ = held;
};

// Draws from p by alias.
class NarrowTruth {
 public:
  NarrowTruth(const MemoryStudy& study, u64 run)
      : table_(study.truth), words_(study, run, core::Purpose::truth) {}

  i32 draw() { return core::draw_alias(table_, *this); }
  u64 next64() {
    if (at_ == NarrowWords::held) words_.refill(), at_ = 0;
    const u64 low = words_.word[at_], high = words_.word[at_ + 1];
    at_ += 2;
    return low | high << 32;
  }

 private:
  core::AliasTable table_;
  NarrowWords words_;
  int at_ = NarrowWords::held;
};

// At most `most_added` values of at most 2: their squares' sum fits 128 bits.
inline void narrow_add(const u32* rows, i64 stride, i64 count, const double* scale, i64 generations,
                       core::ExactSum* into) {
  using Wide = unsigned __int128;
  for (i64 t = 0; t < generations; ++t) {
    Wide sum = 0, squares = 0;
    for (i64 k = 0; k < count; ++k) {
      const u64 x = core::to_fixed(static_cast<double>(rows[k * stride + t]) / scale[t]);
      sum += x;
      squares += Wide{x} * x;
    }
    core::ExactSum part;
    part.sum[0] = static_cast<u64>(sum);
    part.sum[1] = static_cast<u64>(sum >> 64);
    part.squares[0] = static_cast<u64>(squares);
    part.squares[1] = static_cast<u64>(squares >> 64);
    into[t].add(part);
  }
}

}  // namespace
}  // namespace autophage::simd
