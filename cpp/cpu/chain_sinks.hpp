// Where a chain's records go: whole trajectories, or exact sums over runs. See chain_observer.hpp
// for what feeds either.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "../backend.hpp"
#include "../core/sums.hpp"
#include "chain_models.hpp"
#include "pool.hpp"
#include "seen_tokens.hpp"
#include "wanted_records.hpp"
#include "zeroed.hpp"

namespace autophage::cpu {

class TrajectorySink {
 public:
  TrajectorySink(const Shape& shape, const ChainTrajectories& out) : shape_(shape), out_(out) {}

  // absorbed: the model stays for ever, and this is the last call.
  template <class Model>
  void generation(const Chain& chain, std::int64_t t, const Model& model, bool absorbed) {
    const std::int64_t last = absorbed ? shape_.generations : t;
    for (int r = 0; r < support_record; ++r) {
      if (out_.reals[r] == nullptr) continue;
      const double value = model.value(r);
      for (std::int64_t g = t; g <= last; ++g) out_.reals[r][at(chain, g)] = value;
    }
    const std::int64_t support = out_.support != nullptr ? model.support() : 0;
    for (std::int64_t g = t; out_.support != nullptr && g <= last; ++g)
      out_.support[at(chain, g)] = support;
    for (std::int64_t g = t; out_.p != nullptr && g <= last; ++g) {
      double* law = out_.p + at(chain, g) * shape_.tokens;
      model.each([&](std::int32_t rank, double p) { law[chain.token[rank]] = p; });
    }
  }

  // Whole runs at once: a record of all their generations.
  template <class Rows>
  void rows(int r, const Rows& rows) {
    if (out_.reals[r] == nullptr) return;
    rows.each([&](const Chain& chain, std::int64_t t, double value) {
      out_.reals[r][at(chain, t)] = value;
    });
  }

  void finish(const Chain& chain, const Times& times) {
    const std::int64_t entry = chain.run * shape_.contexts + chain.context;
    if (out_.collapse_time != nullptr) out_.collapse_time[entry] = times.collapse;
    if (out_.absorption_time != nullptr) out_.absorption_time[entry] = times.absorption;
    if (out_.final_token != nullptr)
      out_.final_token[entry] = times.final_token < 0 ? -1 : chain.token[times.final_token];
  }

  void flush(std::int64_t, const std::vector<std::int32_t>&, std::mutex&, const core::StopFlag&) {}

 private:
  std::int64_t at(const Chain& chain, std::int64_t t) const {
    return (chain.run * shape_.generations + t - 1) * shape_.contexts + chain.context;
  }

  Shape shape_;
  const ChainTrajectories& out_;
};

// Sums of one unit of work, a block of runs of one context, added to the job's sums when the unit
// ends. Once a run is absorbed its values stay, so they are added once to `tail` at that
// generation, which is summed along generations at the end.
class SumSink {
 public:
  SumSink(const Shape& shape, const ChainSums& out, std::int64_t support)
      : shape_(shape), out_(out) {
    const auto generations = static_cast<std::size_t>(shape.generations);
    for (int r = 0; r < record_count; ++r) {
      if (out.records[r].sum == nullptr) continue;
      now_[r] = Zeroed<core::ExactSum>(generations);
      tail_[r] = Zeroed<core::ExactSum>(generations);
      active_[actives_++] = r;
    }
    if (out.p.sum != nullptr) {
      support_ = static_cast<std::size_t>(support);
      p_now_ = Zeroed<core::ExactSum>(generations * support_);
      p_tail_ = Zeroed<core::ExactSum>(generations * support_);
      seen_ = SeenTokens(support_);
    }
  }

  template <class Model>
  void generation(const Chain&, std::int64_t t, const Model& model, bool absorbed) {
    const auto row = static_cast<std::size_t>(t - 1);
    for (int a = 0; a < actives_; ++a) {
      const int r = active_[a];
      const std::uint64_t exact = r == support_record ? static_cast<std::uint64_t>(model.support())
                                                      : core::to_fixed(model.value(r));
      (absorbed ? tail_ : now_)[r][row].add(exact);
    }
    if (support_ == 0) return;
    core::ExactSum* const laws = (absorbed ? p_tail_ : p_now_).data() + row * support_;
    model.each([=, this](std::int32_t rank, double p) {
      laws[rank].add(core::to_fixed(p));
      seen_.see(rank);
    });
  }

  template <class Rows>
  void rows(int r, const Rows& rows) {
    if (!now_[r].empty()) rows.add_to(now_[r].data());
  }

  void finish(const Chain&, const Times& times) {
    if (times.collapse >= 0)
      collapse_.add(static_cast<std::uint64_t>(times.collapse)), ++collapsed_;
    if (times.absorption >= 0)
      absorption_.add(static_cast<std::uint64_t>(times.absorption)), ++absorbed_;
  }

  // token: rank -> token. Sums of a job that is told to stop are worthless.
  void flush(std::int64_t context, const std::vector<std::int32_t>& token, std::mutex& mutex,
             const core::StopFlag& stop) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (int r = 0; r < record_count; ++r) {
      if (now_[r].empty()) continue;
      core::ExactSum settled;
      for (std::size_t row = 0; row < now_[r].size(); ++row) {
        if (looks_up(row) && stop.raised()) return;
        settle(now_[r][row], tail_[r][row], settled, out_.records[r],
               static_cast<std::int64_t>(row) * shape_.contexts + context);
      }
    }
    for (std::size_t s = 0; s < seen_.size(); ++s) {
      const std::size_t i = seen_[s];
      core::ExactSum settled;
      for (std::int64_t row = 0; row < shape_.generations; ++row) {
        if (looks_up(static_cast<std::size_t>(row)) && stop.raised()) return;
        const std::size_t cell = static_cast<std::size_t>(row) * support_ + i;
        settle(p_now_[cell], p_tail_[cell], settled, out_.p,
               (row * shape_.contexts + context) * shape_.tokens + token[i]);
      }
    }
    seen_.clear();
    add(collapse_, out_.collapse_time, context);
    add(absorption_, out_.absorption_time, context);
    if (out_.collapse_reached != nullptr) out_.collapse_reached[context] += collapsed_;
    if (out_.absorption_reached != nullptr) out_.absorption_reached[context] += absorbed_;
    collapse_ = absorption_ = {};
    collapsed_ = absorbed_ = 0;
  }

 private:
  static void add(const core::ExactSum& total, const ExactSums& out, std::int64_t entry) {
    if (out.sum == nullptr) return;
    core::add_limbs(out.sum + 2 * entry, 2, total.sum, 2);
    core::add_limbs(out.squares + 3 * entry, 3, total.squares, 3);
  }

  static void settle(core::ExactSum& now, core::ExactSum& tail, core::ExactSum& settled,
                     const ExactSums& out, std::int64_t entry) {
    settled.add(tail);
    now.add(settled);
    add(now, out, entry);
    now = {};
    tail = {};
  }

  Shape shape_;
  const ChainSums& out_;
  Zeroed<core::ExactSum> now_[record_count], tail_[record_count];
  int active_[record_count] = {}, actives_ = 0;
  std::size_t support_ = 0;
  SeenTokens seen_;  // whose probabilities were added
  Zeroed<core::ExactSum> p_now_, p_tail_;
  core::ExactSum collapse_, absorption_;
  std::int64_t collapsed_ = 0, absorbed_ = 0;
};

}  // namespace autophage::cpu
