// Chains that remember some of the past with AVX2.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only what
// comes after it, named for this instruction set, is compiled with wide instructions.
#include <immintrin.h>

#include "../core/chain_memory.hpp"
#include "chain_memory_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,popcnt")
#endif

#include "chain_memory_bytes.hpp"
#include "chain_memory_narrow.hpp"

namespace autophage::simd {

MemorySet avx2_memory() {
  return {narrow_partially_synthetic, narrow_most_recent, narrow_randomly_sampled, narrow_add};
}

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
