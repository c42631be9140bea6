// How long random words take by themselves, and how long a cycle is, for chain_profile.py.
#include <cstdint>

#include "core/stream.hpp"

namespace {

constexpr int blocks_at_once = AUTOPHAGE_PHILOX_BLOCKS;

}  // namespace

// Computes `words` words, so many blocks at once, and throws them away.
extern "C" void draw_words(std::int64_t words) {
  autophage::core::u32 out[4 * blocks_at_once];
  for (std::int64_t word = 0; word < words; word += 4 * blocks_at_once) {
    autophage::core::philox4x32<blocks_at_once>(static_cast<autophage::core::u32>(word / 4), 0, 1,
                                                2, {3, 4}, out);
    asm volatile("" : : "r"(out) : "memory");  // every word counts as used
  }
}

// Does `steps` additions that wait for each other, a cycle each.
extern "C" void wait_cycles(std::int64_t steps) {
  std::uint64_t x = 1;
  for (std::int64_t i = 0; i < steps; i += 8) {
    for (int j = 0; j < 8; ++j) {
      x += 3;
      asm volatile("" : "+r"(x));
    }
  }
}
