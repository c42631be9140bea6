// A generation with two tokens left: the next count by one lookup.
#pragma once

#include "samplers.hpp"

namespace autophage::core {

inline constexpr i64 pair_limit = 1024;

// Rows of Binomial(n, k/n), k <= n/2, as alias tables that are built when first visited. An entry
// holds a 54-bit threshold above a 10-bit alias, so that a generation reads one word of memory, and
// rows stand one behind the other, so that few lines of memory hold those in use.
// Masses below 2^-66 of the largest are left out.
class PairTable {
 public:
  struct Row {
    u16 low, width;
    u32 begin;  // its first entry
  };

  // Columns that a row can need: 9.2 standard deviations (at most sqrt(n)/2 each) either side, and
  // the skew of small k.
  AUTOPHAGE_HD static i64 stride(i64 n) {
    const i64 bound = static_cast<i64>(10.0 * square_root(static_cast<double>(n))) + 32;
    return n + 1 < bound ? n + 1 : bound;
  }
  AUTOPHAGE_HD static i64 rows(i64 n) { return n / 2 + 1; }

  // entry: rows(n) * stride(n); row: rows(n); weight, threshold, alias, stack: stride(n), for the
  // largest n that will be asked for.
  AUTOPHAGE_HD PairTable(u64* entry, Row* row, double* weight, u64* threshold, i32* alias,
                         i32* stack)
      : entry_(entry),
        row_(row),
        weight_(weight),
        threshold_(threshold),
        alias_(alias),
        stack_(stack) {}

  AUTOPHAGE_HD void prepare(i64 n) {
    if (n == n_) return;
    n_ = n;
    filled_ = 0;
    for (i64 k = 0; k < rows(n); ++k) row_[k].width = 0;
  }

  // What a lookup reads, once row k is built.
  struct View {
    const u64* entry;
    const Row* row;
    i64 n;
  };
  AUTOPHAGE_HD View view() const { return {entry_, row_, n_}; }

  // Builds the row of k <= n/2 if nobody has been there.
  AUTOPHAGE_HD void visit(i64 k) {
    if (row_[k].width == 0) build(k);
  }

  // Where a word leads to in the row of a count, so that its memory can be asked for ahead of time.
  struct Lookup {
    const u64* entry;
    u64 column, fraction;
    i64 low;
    i64 mirror;  // n where the count is beyond n/2, else 0
  };
  AUTOPHAGE_HD void find(i64 k, u64 word, Lookup& at) {
    const i64 mirrored = -static_cast<i64>(k > n_ - k);  // all ones where it is
    const i64 rare = k + ((n_ - 2 * k) & mirrored);
    visit(rare);
    const Row row = row_[rare];
    const u64 width = row.width;
    const u64 column = multiply_high(word, width);
    at.entry = entry_ + row.begin + column;
    at.column = column;
    at.fraction = word * width;
    at.low = static_cast<i64>(row.low);
    at.mirror = n_ & mirrored;
  }
  // By arithmetic: branches here would be coins that no processor guesses.
  AUTOPHAGE_HD static i64 read(const Lookup& at) {
    const u64 entry = *at.entry, alias = entry & 1023;
    const u64 own = -static_cast<u64>(at.fraction < (entry & ~u64{1023}));
    const i64 x = at.low + static_cast<i64>(alias ^ ((alias ^ at.column) & own));
    const i64 mirrored = -static_cast<i64>(at.mirror != 0);
    return at.mirror + ((x ^ mirrored) - mirrored);
  }

  // The next count, given k of n, from the 64-bit word `word`.
  AUTOPHAGE_HD i64 next(i64 k, u64 word) {
    Lookup at;
    find(k, word, at);
    return read(at);
  }

 private:
  AUTOPHAGE_HD void build(i64 k) {
    const double odds = static_cast<double>(k) / static_cast<double>(n_ - k);
    const i64 mode = (n_ + 1) * k / n_;
    i64 low = mode, high = mode;
    const auto above = [&](i64 x) {
      return static_cast<double>(n_ - x) / static_cast<double>(x + 1) * odds;
    };
    double least = 1.0, last = 1.0;
    while (low > 0 && least > 0x1p-66) least /= above(--low);
    while (high < n_ && last > 0x1p-66) last *= above(high++);
    if (high - low + 1 > stride(n_)) high = low + stride(n_) - 1;
    const auto width = static_cast<i32>(high - low + 1);
    weight_[mode - low] = 1.0;
    for (i64 x = mode; x > low; --x) weight_[x - 1 - low] = weight_[x - low] / above(x - 1);
    for (i64 x = mode; x < high; ++x) weight_[x + 1 - low] = weight_[x - low] * above(x);
    build_alias(weight_, width, threshold_, alias_, stack_);
    for (i32 j = 0; j < width; ++j)
      entry_[filled_ + j] = (threshold_[j] & ~u64{1023}) | static_cast<u64>(alias_[j]);
    row_[k] = {static_cast<u16>(low), static_cast<u16>(width), static_cast<u32>(filled_)};
    filled_ += width;
  }

  i64 n_ = 0;
  i64 filled_ = 0;  // entries
  u64* entry_;
  Row* row_;
  double* weight_;
  u64* threshold_;
  i32* alias_;
  i32* stack_;
};

}  // namespace autophage::core
