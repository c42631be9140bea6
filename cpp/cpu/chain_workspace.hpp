// The memory that one thread needs to run chains: the core allocates nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../backend.hpp"
#include "../core/chain_memory.hpp"
#include "../core/chain_neutral.hpp"
#include "first_counts.hpp"
#include "prepared_laws.hpp"
#include "zeroed.hpp"

namespace autophage::cpu {

// Bounds over a whole job, from which every buffer is sized.
struct ChainBounds {
  std::int64_t support = 1;     // the largest
  std::int64_t most_drawn = 1;  // the largest n or kept real sample
  std::int64_t pair_n = 0;      // the largest n that the two-token table may serve
};

// What the core is told of one context, and the bounds over all.
inline core::Schedule schedule_of(const ChainJob& job, std::int64_t context) {
  core::Schedule schedule{
      job.n + context, job.alpha + context, job.real + context, job.rows, job.contexts, 1, true};
  const bool real_never_kept = job.filter == 1 && job.type1 >= 1.0;
  for (std::int64_t row = 1; row < job.rows; ++row) {
    const std::int64_t entry = row * job.contexts + context;
    schedule.same_n = schedule.same_n && job.n[entry] == job.n[context];
    if ((job.alpha[entry] > 0 && !real_never_kept) ||
        job.real[entry] > job.real[entry - job.contexts])
      schedule.last_fresh = row + 1;
  }
  if (job.alpha[(job.rows - 1) * job.contexts + context] > 0 && !real_never_kept)
    schedule.last_fresh = INT64_MAX;
  return schedule;
}

inline ChainBounds bounds_of(const ChainJob& job) {
  ChainBounds bounds;
  for (std::int64_t c = 0; c < job.contexts; ++c) {
    const double* law = job.laws + c * job.tokens;
    const auto support = std::count_if(law, law + job.tokens, [](double p) { return p > 0; });
    bounds.support = std::max(bounds.support, static_cast<std::int64_t>(support));
  }
  for (std::int64_t i = 0; i < job.rows * job.contexts; ++i) {
    bounds.most_drawn = std::max({bounds.most_drawn, job.n[i], job.real[i]});
    if (job.n[i] <= core::pair_limit) bounds.pair_n = std::max(bounds.pair_n, job.n[i]);
  }
  return bounds;
}

class ChainWorkspace {
 public:
  ChainWorkspace(const ChainJob& job, const ChainBounds& bounds)
      : first(static_cast<std::size_t>(bounds.support)),
        dense(static_cast<std::size_t>(bounds.support)) {
    const auto support = static_cast<std::size_t>(bounds.support);
    const auto living = static_cast<std::size_t>(
        1 + std::min(bounds.support, bounds.most_drawn > (INT64_MAX >> 1) ? bounds.support
                                                                          : 2 * bounds.most_drawn));
    const bool pooled = job.regime == Regime::accumulate || job.regime == Regime::randomly_sampled;
    std::int64_t count = 3;
    if (job.regime == Regime::most_recent) {
      const std::int64_t reach =
          job.generations > 0 ? std::min(job.window, job.generations) : job.window;
      count = reach + 1;
    }
    const auto samples_wanted = static_cast<std::size_t>(count);
    tokens_ = Zeroed<std::int32_t>(samples_wanted * living);
    counts_ = Zeroed<std::int64_t>(samples_wanted * living);
    labels_ = Zeroed<std::int32_t>(samples_wanted * core::labelled_sample);
    samples.resize(samples_wanted);
    for (std::size_t i = 0; i < samples_wanted; ++i)
      samples[i] = {tokens_.data() + i * living, counts_.data() + i * living,
                    labels_.data() + i * core::labelled_sample};
    if (pooled) {
      pool_tokens_ = Zeroed<std::int32_t>(support + 1);  // see Builder::add_labels
      pool_counts_ = Zeroed<std::int64_t>(support);
      pool_labels_ = Zeroed<std::int32_t>(core::labelled_pool);
      pool_dense = Zeroed<std::int64_t>(support);
      pool = {pool_tokens_.data(), pool_counts_.data(), pool_labels_.data()};
    }
    if (job.regime == Regime::randomly_sampled || job.filter == 2) {
      weights = Zeroed<double>(support);
      gathered = Zeroed<double>(support);
      tail = Zeroed<double>(support);
    }
    if (job.regime == Regime::fully_synthetic) size_pair_table(bounds.pair_n);
  }

  core::PairTable pair_table() {
    return {entry_.data(),     row_.data(),   weight_.data(),
            threshold_.data(), alias_.data(), stack_.data()};
  }

  std::vector<core::Sample> samples;
  core::Sample pool{};
  FirstCounts first;
  Zeroed<std::int64_t> dense, pool_dense;  // all zero between runs
  Zeroed<double> weights, gathered, tail;

 private:
  void size_pair_table(std::int64_t n) {
    const auto columns = static_cast<std::size_t>(core::PairTable::stride(n));
    const auto rows = static_cast<std::size_t>(core::PairTable::rows(n));
    entry_.resize(rows * columns);
    row_.resize(rows);
    weight_.resize(columns);
    threshold_.resize(columns);
    alias_.resize(columns);
    stack_.resize(columns);
  }

  Zeroed<std::int32_t> tokens_, labels_, pool_tokens_, pool_labels_;
  Zeroed<std::int64_t> counts_, pool_counts_;
  std::vector<std::uint64_t> entry_, threshold_;
  std::vector<core::PairTable::Row> row_;
  std::vector<double> weight_;
  std::vector<std::int32_t> alias_, stack_;
};

}  // namespace autophage::cpu
