// Chains that remember some of the past with AVX-512.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only what
// comes after it, named for this instruction set, is compiled with wide instructions.
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes its own "undefined" vectors for mistakes.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "../core/chain_memory.hpp"
#include "chain_memory_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(                                                          \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx512vbmi,avx512vbmi2," \
                          "avx512vpopcntdq,avx512cd,avx2,bmi,bmi2,popcnt"))),          \
    apply_to = function)
#else
#pragma GCC target( \
    "avx512f,avx512dq,avx512vl,avx512bw,avx512vbmi,avx512vbmi2,avx512vpopcntdq,avx512cd,avx2,bmi,bmi2,popcnt")
#endif

#include "chain_memory_kept.hpp"
#include "chain_memory_models.hpp"
#include "chain_memory_pool.hpp"
#include "chain_memory_sums.hpp"

namespace autophage::simd {

MemorySet avx512_memory() {
  return {wide_partially_synthetic, wide_most_recent, wide_randomly_sampled, wide_add};
}

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
