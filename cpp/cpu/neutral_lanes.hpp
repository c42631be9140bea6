// Fully synthetic chains by the steps of simd/chain_kernels.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "../core/binomial_middle.hpp"
#include "chain_models.hpp"
#include "chain_workspace.hpp"
#include "lane_labels.hpp"
#include "pair_queue.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {

// What one thread needs for it.
class NeutralLanes {
 public:
  static constexpr std::int64_t most_runs = 1024;  // of a unit of work

  NeutralLanes(const ChainJob& job, ChainWorkspace& space, core::PairTable& table,
               const core::StopFlag& stop)
      : job_(job), space_(space), table_(table), stop_(stop) {
    if (job.regime == Regime::fully_synthetic) kernels_ = neutral_kernels();
  }

  // Whether all generations of a context have one size that labels serve.
  static bool fit(const core::Schedule& schedule) {
    return schedule.same_n && schedule.n_at(1) <= core::byte_limit;
  }
  // Whether this may be so, or lanes of counts may do (count_lanes.hpp).
  static bool fit(const ChainJob& job) {
    return job.regime == Regime::fully_synthetic && neutral_kernels().has_value() &&
           std::all_of(job.n, job.n + job.contexts,
                       [](std::int64_t n) { return n <= core::middle_limit; });
  }

  bool on() const { return kernels_.has_value(); }

  bool open(std::int64_t context) {
    if (on()) streams_.emplace(job_.seed, context);
    context_ = context;
    return on();
  }

  // One run, by labels in registers where the core has labels.
  template <class Observer>
  void run(const core::Truth& law, const core::Schedule& schedule, const core::RunName& name,
           Observer& observer) {
    core::NeutralChain<Observer, LaneLabels> chain(
        law, schedule, name, space_.samples[0], space_.dense.data(), table_, observer,
        LaneLabels(*kernels_, *streams_, name.run, walk_, living_));
    chain.run();
  }

  // Runs `begin` .. `end` - 1, recorded at their ends alone: labels run after run, then all that
  // have two tokens left in lanes.
  template <class Sink>
  void times(std::int64_t begin, std::int64_t end, const PreparedLaw& prepared, std::int64_t n,
             Sink& sink) {
    const core::Truth law = prepared.truth();
    const std::int32_t* const token = prepared.token.data();
    for (std::int64_t run = begin; run < end && !stop_.raised(); ++run) {
      const std::int64_t name = job_.first_run + run;
      const std::int64_t t = until_two(law, static_cast<std::uint64_t>(name), n);
      const std::int32_t first = token_[living_.name[0]];
      if (living_.size == 2 && t != job_.generations)
        pairs_.add({name, t, first, token_[living_.name[1]], living_.count[0], 0});
      else
        sink.finish(Chain{run, context_, token}, living_.size > 1 ? Times{} : Times{t, t, first});
    }
    const simd::PairTask task{&streams_->pair, &table_, job_.generations, &stop_};
    pairs_.finish(*kernels_, task, n, job_.first_run, context_, token, sink);
  }

 private:
  // A run until two tokens are left, or the horizon; returns the generation. What lives is in
  // `living_`, as indices into `token_`.
  std::int64_t until_two(const core::Truth& law, std::uint64_t run, std::int64_t n) {
    kernels_->draw(streams_->truth, run, law.alias, n, drawn_);
    if (law.support <= 256) {
      kernels_->group(drawn_, n, living_);
      std::copy_n(living_.name, living_.size, token_);
    } else {
      group(n);
    }
    for (std::int32_t i = 0; i < living_.size; ++i) living_.name[i] = i;
    if (living_.size <= 2 || job_.generations == 1) return 1;
    walk_.begin(streams_->parents, run);
    kernels_->open(living_.count, living_.size, walk_);
    const std::int64_t most = job_.generations > 0 ? job_.generations - 1 : INT64_MAX;
    const std::int64_t done = kernels_->walk(walk_, n, most);
    kernels_->tally(walk_, living_);
    return 1 + std::abs(done);
  }

  // The tokens drawn, in order of appearance.
  void group(std::int64_t n) {
    std::int64_t* const dense = space_.dense.data();
    living_.size = 0;
    for (std::int64_t i = 0; i < n; ++i)
      if (dense[drawn_[i]]++ == 0) token_[living_.size++] = drawn_[i];
    for (std::int32_t i = 0; i < living_.size; ++i) {
      living_.count[i] = static_cast<std::int32_t>(dense[token_[i]]);
      dense[token_[i]] = 0;
    }
  }

  const ChainJob& job_;
  ChainWorkspace& space_;
  core::PairTable& table_;
  const core::StopFlag& stop_;
  std::optional<simd::NeutralKernels> kernels_;
  std::optional<NeutralStreams> streams_;
  std::int64_t context_ = 0;
  simd::LabelWalk walk_;
  simd::Living living_;
  std::int32_t drawn_[core::byte_limit], token_[core::byte_limit];
  PairQueue pairs_;
};

}  // namespace autophage::cpu
