// Alias tables whose columns lie together, and what one word draws from them.
//
// A column is two words: a threshold, and two outcomes of 32 bits, its own in the low half. A word
// w picks column c = floor(w size / 2^64); the low half of that product is uniform within the
// column, whose own outcome it takes when it is below the threshold, else the other. Every column
// has 2^64 / size words to within one, so the law is that of the table to size 2^-64.
#pragma once

#include "math.hpp"

namespace autophage::core {

struct AliasColumns {
  const u64* column;  // 2 size words
  u64 size;           // below 2^32
};

AUTOPHAGE_HD inline u64 pack_column(u32 own, u32 other) { return own | u64{other} << 32; }

AUTOPHAGE_HD inline u32 pick(const AliasColumns& table, u64 word) {
  const u64* const column = table.column + 2 * multiply_high(word, table.size);
  const int shift = word * table.size < column[0] ? 0 : 32;
  return static_cast<u32>(column[1] >> shift);
}

// How many of the events "the first k of independent draws agree", k = 1, 2, .., hold, at most
// `most`: the greatest k with word < r^k, where r = ratio 2^-64 is the chance that one more draw
// agrees. So at least k hold with chance r^k. Powers are truncated products of 64 bits, each below
// the true one by at most k 2^-63: the law is that of r to 1e-13 in total variation up to k = 2^20.
AUTOPHAGE_HD inline i64 count_agreeing(u64 word, u64 ratio, i64 most) {
  if (word >= ratio || most == 0) return 0;
  if (ratio == ~u64{0}) return most;
  u64 square[62];  // r^(2^j)
  int top = 0;
  square[0] = ratio;
  while (top < 61 && (i64{2} << top) <= most) {
    const u64 next = multiply_high(square[top], square[top]);
    if (word >= next) break;
    square[++top] = next;
  }
  i64 count = i64{1} << top;
  u64 power = square[top];
  for (int j = top - 1; j >= 0; --j) {
    const u64 next = multiply_high(power, square[j]);
    if (word < next && count + (i64{1} << j) <= most) {
      count += i64{1} << j;
      power = next;
    }
  }
  return count;
}

// A chance in [0, 1] as a fraction of 2^64; 1 is the greatest word.
AUTOPHAGE_HD inline u64 as_word(double chance) {
  return chance < 1.0 ? static_cast<u64>(chance * 0x1p64) : ~u64{0};
}

}  // namespace autophage::core
