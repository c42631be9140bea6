// Which records a study of chains asks for.
#pragma once

namespace autophage::cpu {

inline constexpr int record_count = 7;
inline constexpr int support_record =
    6;  // the one integer record; the six before it are reals in [0, 2]

// Which records a study asks for: bit r for record r, the bit above them for the law.
template <class Out>
unsigned records_of(const Out& out) {
  unsigned wanted = 0;
  if constexpr (requires { out.reals; }) {
    for (int r = 0; r < support_record; ++r) wanted |= (out.reals[r] != nullptr) << r;
    wanted |= (out.support != nullptr) << support_record | (out.p != nullptr) << record_count;
  } else {
    for (int r = 0; r < record_count; ++r) wanted |= (out.records[r].sum != nullptr) << r;
    wanted |= (out.p.sum != nullptr) << record_count;
  }
  return wanted;
}
// Whether a record needs the list of living tokens: all but sigma do.
inline bool needs_tokens(unsigned records) { return (records & ~1U) != 0; }
inline bool needs_first(unsigned records) { return (records & (1U << 3 | 1U << 5)) != 0; }

}  // namespace autophage::cpu
