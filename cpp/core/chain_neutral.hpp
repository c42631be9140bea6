// The fully synthetic chain: generation t is n_t draws from generation t - 1. Exact in law, and the
// fast path of the package.
//
// Which algorithm draws a generation depends on the sample and the next n alone:
//   two tokens left, n unchanged and at most 1024: one lookup in a table over counts
//     (PairTable, purpose pair);
//   else, both sizes at most 128: labels, parents picked by 8-bit rejection (purpose parents8);
//   else: conditional binomials over living tokens (purpose counts), one uniform each while at most
//     1024 draws are left. Where n is unchanged and at most 1024 the most frequent token goes
//     first, by the same table and purpose as above.
#pragma once

#include "binomial_middle.hpp"
#include "chain_labels.hpp"
#include "pair_table.hpp"

namespace autophage::core {

// Binomial(n, part / whole): from one uniform, whatever the result, where n is at most 1024.
template <class Source>
AUTOPHAGE_HD i64 draw_share(i64 n, i64 part, i64 whole, Source& source) {
  if (n <= 0 || part <= 0) return 0;
  if (part >= whole) return n;
  if (n > middle_limit) return draw_binomial_share(n, part, whole, source);
  return static_cast<i64>(share_from_middle(static_cast<double>(n), static_cast<double>(part),
                                            static_cast<double>(whole), source.uniform()));
}

// The sum of squares of a sample whose counts alone are right.
AUTOPHAGE_HD inline void square_up(Sample& sample) {
  sample.squares = 0;
  for (i32 i = 0; i < sample.size; ++i)
    sample.squares += static_cast<u64>(sample.frozen[i]) * static_cast<u64>(sample.frozen[i]);
}

AUTOPHAGE_HD inline void most_frequent_first(Sample& sample) {
  i32 best = 0;
  for (i32 i = 1; i < sample.size; ++i) best = sample.frozen[i] > sample.frozen[best] ? i : best;
  const i32 token = sample.token[best];
  const i64 count = sample.frozen[best];
  sample.token[best] = sample.token[0];
  sample.frozen[best] = sample.frozen[0];
  sample.token[0] = token;
  sample.frozen[0] = count;
}

// Observer: generation(t, sample, absorbed) as for run_chain; where Observer::every_generation is
// false it is called when the run is absorbed, and passes(t) says in between whether to go on.
// Labels: ByteLabels, or what does the same.
template <class Observer, class Labels = ByteLabels>
class NeutralChain {
 public:
  AUTOPHAGE_HD NeutralChain(const Truth& law, const Schedule& schedule, const RunName& name,
                            Sample& sample, i64* dense, PairTable& table, Observer& observer)
      : NeutralChain(law, schedule, name, sample, dense, table, observer, Labels(name)) {}

  AUTOPHAGE_HD NeutralChain(const Truth& law, const Schedule& schedule, const RunName& name,
                            Sample& sample, i64* dense, PairTable& table, Observer& observer,
                            const Labels& labels)
      : schedule_(schedule),
        counts_(name, Purpose::counts),
        pair_(name, Purpose::pair),
        labels_(labels),
        sample_(sample),
        table_(table),
        observer_(observer) {
    Draws draws(name);
    Builder builder(dense);
    const i64 n = schedule.n_at(1);
    builder.begin(sample, n <= labelled_sample);  // labels of no use but to be counted fast
    labels_.first(law, n, draws, builder);
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
    square_up(sample_);
    return observer_.generation(t_, sample_, absorbed);
  }

  AUTOPHAGE_HD void draw_counts(i64 n) {
    i64 whole = sample_.total, rest = n;
    i32 size = 0;
    const bool tabled = n == whole && n <= pair_limit;
    if (tabled) {
      table_.prepare(n);
      most_frequent_first(sample_);
    }
    for (i32 i = 0; i < sample_.size && rest > 0; ++i) {
      const i64 count = sample_.frozen[i];
      const i64 x = tabled && i == 0 ? table_.next(count, pair_.next64())
                                     : draw_share(rest, count, whole, counts_);
      whole -= count;
      rest -= x;
      sample_.token[size] = sample_.token[i];
      sample_.frozen[size] = x;
      size += x > 0;
    }
    sample_.size = size;
    sample_.total = n;
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

  // Labels until at most two tokens are left, n leaves the range or the observer stops.
  AUTOPHAGE_HD bool run_labels() {
    labels_.open(sample_);
    for (;;) {
      const i64 n = schedule_.n_at(t_ + 1);
      if (n > byte_limit) break;
      labels_.step(n);
      ++t_;
      const bool few = labels_.at_most_two();
      if (Observer::every_generation || few) {
        labels_.tally(sample_);
        if (!report()) return false;
        if (few) return true;
      } else if (!observer_.passes(t_)) {
        return false;
      }
    }
    labels_.tally(sample_);
    return true;
  }

  i64 t_ = 1;
  const Schedule& schedule_;
  Stream counts_, pair_;
  Labels labels_;
  Sample& sample_;
  PairTable& table_;
  Observer& observer_;
};

}  // namespace autophage::core
