// Sources of chosen words, so that the law of a sampler can be computed instead of sampled.
#pragma once

#include <cstdint>

namespace autophage::test {

inline constexpr std::uint64_t midpoints = std::uint64_t{1} << 52;

// The m-th of the 2^52 midpoints that a uniform can be.
inline double midpoint(std::uint64_t m) { return (static_cast<double>(m) + 0.5) * 0x1p-52; }

// Gives `uniforms` and `bits` once. Whatever is asked for beyond that is noted and answered by the
// middle, which ends every loop.
struct Scripted {
  double uniforms[2] = {0.5, 0x1p-53};
  std::uint64_t bits = 0;
  int given = 2;
  int asked = 0, words = 0;

  double uniform() {
    const int i = asked++;
    if (i < given) return uniforms[i];
    return (i - given) % 2 == 0 ? 0.5 + 0x1p-53 : 0x1p-53;
  }
  std::uint64_t next64() { return words++ == 0 ? bits : 0; }
  bool again() const { return asked > given; }
};

// The least m in [low, high) for which `holds(m)`, given that it holds from somewhere on; else
// high.
template <class Holds>
std::uint64_t first_where(std::uint64_t low, std::uint64_t high, Holds&& holds) {
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (holds(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

}  // namespace autophage::test
