// The instruction sets in which token chains can run here, for tests that compare them.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "check.hpp"
#include "cpu/instructions.hpp"

namespace autophage::test {

// Sets AUTOPHAGE_INSTRUCTIONS as long as it lives; nullptr: the widest set.
class WithSet {
 public:
  explicit WithSet(const char* set) {
    if (set == nullptr)
      unsetenv("AUTOPHAGE_INSTRUCTIONS");
    else
      setenv("AUTOPHAGE_INSTRUCTIONS", set, 1);
  }
  ~WithSet() { unsetenv("AUTOPHAGE_INSTRUCTIONS"); }
  WithSet(const WithSet&) = delete;
  WithSet& operator=(const WithSet&) = delete;
};

struct NamedSet {
  cpu::Instructions set;
  const char* name;
};

// Whether the processor can run the kernels of chains that are compiled for a set.
inline bool processor_has(cpu::Instructions set) {
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("popcnt");
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vbmi") &&
      __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vpopcntdq");
  return set == cpu::Instructions::avx512 ? avx512 : set == cpu::Instructions::baseline || avx2;
#else
  return set == cpu::Instructions::baseline;
#endif
}

// Those of the vector forms that the processor has: a set that it lacks would run as another one,
// and be compared with itself.
inline const std::vector<NamedSet>& vector_sets() {
  static const std::vector<NamedSet> all = [] {
    std::vector<NamedSet> found;
    const char* widest = "baseline";
    for (const NamedSet& each : {NamedSet{cpu::Instructions::avx2, "avx2"},
                                 NamedSet{cpu::Instructions::avx512, "avx512"}}) {
      if (!processor_has(each.set)) {
        std::printf("%s: left out, this processor does not have it\n", each.name);
        continue;
      }
      const WithSet with(each.name);
      CHECK(cpu::chosen_chain_instructions() == each.set);
      found.push_back(each);
      widest = each.name;
    }
    const WithSet with(nullptr);
    CHECK(cpu::chosen_chain_instructions() ==
          (found.empty() ? cpu::Instructions::baseline : found.back().set));
    std::printf("widest set: %s\n", widest);
    return found;
  }();
  return all;
}

}  // namespace autophage::test
