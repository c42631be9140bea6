// The fully synthetic chain: generation t is n_t draws from generation t - 1. Exact in law, and the
// fast path of the package.
//
// Which algorithm draws a generation depends on the sample and the next n alone:
//   two tokens left, n unchanged and at most 1024: one lookup in a table over counts
//     (PairTable, purpose pair);
//   else, both sizes at most 128: labels, parents picked by 8-bit rejection (purpose parents8);
//   else: conditional binomials over living tokens (purpose counts). Where n is unchanged and at
//     most 1024 the most frequent token goes first, by the same table and purpose as above.
#pragma once

#include "chain.hpp"

namespace autophage::core {

inline constexpr i64 pair_limit = 1024;

// Rows of Binomial(n, k/n), k <= n/2, as alias tables that are built when first visited. An entry
// holds a 54-bit threshold above a 10-bit alias, so that a generation reads one word of memory.
// Masses below 2^-66 of the largest are left out.
class PairTable {
 public:
  struct Row {
    i32 low, width;
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
    stride_ = stride(n);
    for (i64 k = 0; k < rows(n); ++k) row_[k].width = 0;
  }

  // The next count, given k of n, from the 64-bit word `word`.
  AUTOPHAGE_HD i64 next(i64 k, u64 word) {
    const i64 rare = k <= n_ - k ? k : n_ - k;
    if (row_[rare].width == 0) build(rare);
    const Row row = row_[rare];
    const auto width = static_cast<u64>(row.width);
    const u64 column = multiply_high(word, width);
    const u64 entry = entry_[rare * stride_ + static_cast<i64>(column)];
    const u64 kept = (word * width) < (entry & ~u64{1023}) ? column : (entry & 1023);
    const i64 x = row.low + static_cast<i64>(kept);
    return rare == k ? x : n_ - x;
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
    if (high - low + 1 > stride_) high = low + stride_ - 1;
    const auto width = static_cast<i32>(high - low + 1);
    weight_[mode - low] = 1.0;
    for (i64 x = mode; x > low; --x) weight_[x - 1 - low] = weight_[x - low] / above(x - 1);
    for (i64 x = mode; x < high; ++x) weight_[x + 1 - low] = weight_[x - low] * above(x);
    build_alias(weight_, width, threshold_, alias_, stack_);
    for (i32 j = 0; j < width; ++j)
      entry_[k * stride_ + j] = (threshold_[j] & ~u64{1023}) | static_cast<u64>(alias_[j]);
    row_[k] = {static_cast<i32>(low), width};
  }

  i64 n_ = 0, stride_ = 0;
  u64* entry_;
  Row* row_;
  double* weight_;
  u64* threshold_;
  i32* alias_;
  i32* stack_;
};

// Observer: generation(t, sample, absorbed) as for run_chain; where Observer::every_generation is
// false it is called when the run is absorbed, and passes(t) says in between whether to go on.
template <class Observer>
class NeutralChain {
 public:
  AUTOPHAGE_HD NeutralChain(const Truth& law, const Schedule& schedule, const RunName& name,
                            Sample& sample, i64* dense, PairTable& table, Observer& observer)
      : schedule_(schedule),
        counts_(name, Purpose::counts),
        pair_(name, Purpose::pair),
        parents_(Stream(name, Purpose::parents8)),
        sample_(sample),
        table_(table),
        observer_(observer) {
    Draws draws(name);
    Builder builder(dense);
    const i64 n = schedule.n_at(1);
    builder.begin(sample, n <= labelled_sample);  // labels of no use but to be counted fast
    draws.from_truth(law, n, builder);
    builder.release();
  }

  AUTOPHAGE_HD void run() {
    bool on = report();
    while (on) {
      const i64 n = schedule_.n_at(t_ + 1);
      if (sample_.size == 2 && n == sample_.total && n <= pair_limit) {
        on = run_pair(n);
      } else if (sample_.total <= byte_limit && n <= byte_limit) {
        on = run_labels();
      } else {
        draw_counts(n);
        ++t_;
        on = report();
      }
    }
  }

 private:
  AUTOPHAGE_HD bool report() {
    const bool absorbed = sample_.size == 1;
    if (!Observer::every_generation && !absorbed) return observer_.passes(t_);
    u64 squares = 0;
    for (i32 i = 0; i < sample_.size; ++i)
      squares += static_cast<u64>(sample_.frozen[i]) * static_cast<u64>(sample_.frozen[i]);
    sample_.squares = squares;
    return observer_.generation(t_, sample_, absorbed);
  }

  AUTOPHAGE_HD void draw_counts(i64 n) {
    i64 whole = sample_.total, rest = n;
    i32 size = 0;
    const bool tabled = n == whole && n <= pair_limit;
    if (tabled) {
      table_.prepare(n);
      most_frequent_first();
    }
    for (i32 i = 0; i < sample_.size && rest > 0; ++i) {
      const i64 count = sample_.frozen[i];
      const i64 x = tabled && i == 0 ? table_.next(count, pair_.next64())
                                     : draw_binomial_share(rest, count, whole, counts_);
      whole -= count;
      rest -= x;
      sample_.token[size] = sample_.token[i];
      sample_.frozen[size] = x;
      size += x > 0;
    }
    sample_.size = size;
    sample_.total = n;
  }

  AUTOPHAGE_HD void most_frequent_first() {
    i32 best = 0;
    for (i32 i = 1; i < sample_.size; ++i)
      best = sample_.frozen[i] > sample_.frozen[best] ? i : best;
    const i32 token = sample_.token[best];
    const i64 count = sample_.frozen[best];
    sample_.token[best] = sample_.token[0];
    sample_.frozen[best] = sample_.frozen[0];
    sample_.token[0] = token;
    sample_.frozen[0] = count;
  }

  // Two tokens until one is left, n changes or the observer stops.
  AUTOPHAGE_HD bool run_pair(i64 n) {
    table_.prepare(n);
    const i32 first = sample_.token[0], second = sample_.token[1];
    i64 k = sample_.frozen[0];
    for (;;) {
      k = table_.next(k, pair_.next64());
      ++t_;
      const bool absorbed = k == 0 || k == n;
      if (absorbed || Observer::every_generation) {
        sample_.token[0] = k > 0 ? first : second;
        sample_.token[1] = second;
        sample_.frozen[0] = k > 0 ? k : n;
        sample_.frozen[1] = n - k;
        sample_.size = absorbed ? 1 : 2;
      }
      if (!absorbed && !Observer::every_generation ? !observer_.passes(t_) : !report())
        return false;
      if (schedule_.n_at(t_ + 1) != n) break;
    }
    sample_.frozen[0] = k;
    sample_.frozen[1] = n - k;
    return true;
  }

  // Labels until at most two tokens are left, n leaves the range or the observer stops. A label is
  // an index into `name`.
  AUTOPHAGE_HD bool run_labels() {
    u8 buffer[2][byte_limit];
    i32 name[byte_limit];
    u8 *parent = buffer[0], *child = buffer[1];
    for (i64 i = 0; i < byte_limit; ++i) parent[i] = child[i] = 0;
    i64 filled = 0;
    for (i32 j = 0; j < sample_.size; ++j) {
      name[j] = sample_.token[j];
      for (i64 i = 0; i < sample_.frozen[j]; ++i) parent[filled++] = static_cast<u8>(j);
    }
    const i32 names = sample_.size;
    i64 size = sample_.total;
    for (;;) {
      const i64 n = schedule_.n_at(t_ + 1);
      if (n > byte_limit) break;
      parents_.fill(static_cast<u32>(size), n, [=](i64 i, u32 index) { child[i] = parent[index]; });
      u8* const swapped = parent;
      parent = child;
      child = swapped;
      size = n;
      ++t_;
      const bool few = at_most_two(parent, size);
      if (Observer::every_generation || few) {
        tally(parent, size, name, names);
        if (!report()) return false;
        if (few) return true;
      } else if (!observer_.passes(t_)) {
        return false;
      }
    }
    tally(parent, size, name, names);
    return true;
  }

  AUTOPHAGE_HD static bool at_most_two(const u8* label, i64 size) {
    i64 i = 1;
    while (i < size && label[i] == label[0]) ++i;
    if (i == size) return true;
    const u8 other = label[i];
    while (i < size && (label[i] == other || label[i] == label[0])) ++i;
    return i == size;
  }

  AUTOPHAGE_HD void tally(const u8* label, i64 size, const i32* name, i32 names) {
    u8 count[byte_limit];
    for (i32 j = 0; j < names; ++j) count[j] = 0;
    for (i64 i = 0; i < size; ++i) ++count[label[i]];
    sample_.size = 0;
    for (i32 j = 0; j < names; ++j) {
      if (count[j] == 0) continue;
      sample_.token[sample_.size] = name[j];
      sample_.frozen[sample_.size++] = count[j];
    }
    sample_.total = size;
  }

  i64 t_ = 1;
  const Schedule& schedule_;
  Stream counts_, pair_;
  IndexReader<8> parents_;
  Sample& sample_;
  PairTable& table_;
  Observer& observer_;
};

}  // namespace autophage::core
