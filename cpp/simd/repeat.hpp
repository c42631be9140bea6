// A loop that is written out.
#pragma once

namespace autophage::simd {

// step(0), .., step(n - 1).
template <class Set, int n, class Step>
[[gnu::always_inline]] inline void repeat(const Step& step) {
  if constexpr (n > 0) {
    repeat<Set, n - 1>(step);
    step(n - 1);
  }
}

}  // namespace autophage::simd
