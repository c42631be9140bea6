// Philox4x32-10 and the address of a word, written again from their descriptions and by other
// means.
#pragma once

#include <array>
#include <cstdint>

namespace autophage::test {

using Words4 = std::array<std::uint32_t, 4>;
using Words2 = std::array<std::uint32_t, 2>;

// High half of a 32-bit product from four 16-bit ones.
inline std::uint32_t high_half(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t a0 = a & 0xffff, a1 = a >> 16, b0 = b & 0xffff, b1 = b >> 16;
  const std::uint32_t cross = ((a0 * b0) >> 16) + (a1 * b0 & 0xffff) + (a0 * b1 & 0xffff);
  return a1 * b1 + (a1 * b0 >> 16) + (a0 * b1 >> 16) + (cross >> 16);
}

// Round r uses the key raised r times by Weyl's constants.
inline Words4 reference_philox(Words4 x, Words2 key) {
  for (std::uint32_t r = 0; r < 10; ++r) {
    const std::uint32_t k0 = key[0] + r * 0x9E3779B9U, k1 = key[1] + r * 0xBB67AE85U;
    x = {high_half(0xCD9E8D57U, x[2]) ^ x[1] ^ k0, 0xCD9E8D57U * x[2],
         high_half(0xD2511F53U, x[0]) ^ x[3] ^ k1, 0xD2511F53U * x[0]};
  }
  return x;
}

// Block `block` of the stream (run, context, purpose) under a seed, by the layout that stream.hpp
// states.
inline Words4 reference_block(std::uint64_t seed, std::uint64_t run, std::uint64_t context,
                              std::uint32_t purpose, std::uint64_t block) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x % 4294967296U); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x / 4294967296U); };
  Words2 key{low(seed), high(seed)};
  const std::uint64_t group = context / 1048576;
  if (group > 0) {
    const Words4 derived = reference_philox({low(group), high(group), 0, 63U * 67108864U}, key);
    key = {derived[0], derived[1]};
  }
  const std::uint64_t name = purpose * 67108864ULL + context % 1048576 * 64 + high(run);
  return reference_philox({low(block), high(block), low(run), low(name)}, key);
}

}  // namespace autophage::test
