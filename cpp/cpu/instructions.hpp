// Which instruction set the vector kernels use: the widest that this machine has, or the one that
// the environment variable AUTOPHAGE_INSTRUCTIONS names (baseline, avx2, avx512), if it has that.
#pragma once

#include <cstdlib>
#include <string_view>

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
  const std::string_view wanted = given == nullptr ? "" : given;
  if (wanted == "baseline") return Instructions::baseline;
  if (wanted == "avx2" && widest != Instructions::baseline) return Instructions::avx2;
  return widest;
}

}  // namespace autophage::cpu
