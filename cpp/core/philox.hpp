// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw (SC 2011): 128 bits
// of counter and 64 bits of key give 128 bits. Block and key are values: nothing is advanced, so
// any word of any stream can be computed alone.
#pragma once

#include "host_device.hpp"

namespace autophage::core {

struct PhiloxKey {
  u32 low, high;
};

// `lanes` blocks whose counters differ in the first word only: first, first + 1, ... Word w of lane
// j goes to out[4 j + w]. The lanes are independent, which lets a compiler keep several
// multiplications in flight.
template <int lanes>
AUTOPHAGE_HD inline void philox4x32(u32 first, u32 second, u32 third, u32 fourth, PhiloxKey key,
                                    u32* out) {
  u32 x0[lanes], x1[lanes], x2[lanes], x3[lanes];
  for (int j = 0; j < lanes; ++j) {
    x0[j] = first + static_cast<u32>(j);
    x1[j] = second;
    x2[j] = third;
    x3[j] = fourth;
  }
  for (int round = 0; round < 10; ++round) {
    for (int j = 0; j < lanes; ++j) {
      const u64 a = u64{0xD2511F53U} * x0[j];
      const u64 b = u64{0xCD9E8D57U} * x2[j];
      x0[j] = static_cast<u32>(b >> 32) ^ x1[j] ^ key.low;
      x1[j] = static_cast<u32>(b);
      x2[j] = static_cast<u32>(a >> 32) ^ x3[j] ^ key.high;
      x3[j] = static_cast<u32>(a);
    }
    key.low += 0x9E3779B9U;
    key.high += 0xBB67AE85U;
  }
  for (int j = 0; j < lanes; ++j) {
    out[4 * j] = x0[j];
    out[4 * j + 1] = x1[j];
    out[4 * j + 2] = x2[j];
    out[4 * j + 3] = x3[j];
  }
}

}  // namespace autophage::core
