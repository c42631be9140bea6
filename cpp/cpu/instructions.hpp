// Which instruction set the vector kernels use: the widest that this machine has, or the one that
// the environment variable AUTOPHAGE_INSTRUCTIONS names (baseline, avx2, avx512), if it has that.
// Any other name is refused: a comparison of instruction sets would compare one with itself.
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace autophage::cpu {

enum class Instructions { baseline, avx2, avx512 };

inline Instructions widest_instructions() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return Instructions::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Instructions::avx2;
#endif
  return Instructions::baseline;
}

inline Instructions chosen_instructions() {
  const Instructions widest = widest_instructions();
  const char* const given = std::getenv("AUTOPHAGE_INSTRUCTIONS");
  const std::string wanted = given == nullptr ? "" : given;
  if (wanted == "baseline") return Instructions::baseline;
  if (wanted == "avx2" && widest != Instructions::baseline) return Instructions::avx2;
  if (wanted.empty() || wanted == "avx2" || wanted == "avx512") return widest;
  throw std::invalid_argument(
      "AUTOPHAGE_INSTRUCTIONS must be baseline, avx2 or avx512, or not be set, got '" + wanted +
      "'");
}

// The same for token chains, which permute, compress and count bytes and bits: AVX-512 does that
// with VBMI, VBMI2, CD and VPOPCNTDQ alone.
inline Instructions chosen_chain_instructions() {
  Instructions chosen = chosen_instructions();
#if defined(__x86_64__)
  const bool permutes =
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512vpopcntdq");
  const bool counts = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                      __builtin_cpu_supports("popcnt");
  if (chosen == Instructions::avx512 && !permutes) chosen = Instructions::avx2;
  if (!counts) chosen = Instructions::baseline;
#endif
  return chosen;
}

}  // namespace autophage::cpu
