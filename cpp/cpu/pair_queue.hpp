// Runs that have two tokens left wait here, to walk on side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "../simd/chain_kernels.hpp"
#include "chain_models.hpp"

namespace autophage::cpu {

// Of one context, recorded at their ends alone, with one n from where they are on.
class PairQueue {
 public:
  void add(const simd::PairRun& run) { waiting_.push_back(run); }

  // Walks with all that wait, to absorption or the horizon, and tells the sink.
  template <class Sink>
  void finish(const simd::NeutralKernels& kernels, const simd::PairTask& task, std::int64_t n,
              std::int64_t first_run, std::int64_t context, const std::int32_t* token, Sink& sink) {
    if (waiting_.empty()) return;
    task.table->prepare(n);
    kernels.pairs(task, waiting_.data(), static_cast<std::int64_t>(waiting_.size()));
    for (const simd::PairRun& run : waiting_) {
      Times times;
      if (run.count == 0 || run.count == n)
        times = {run.t, run.t, run.count > 0 ? run.first : run.second};
      sink.finish(Chain{run.run - first_run, context, token}, times);
    }
    waiting_.clear();
  }

 private:
  std::vector<simd::PairRun> waiting_;
};

}  // namespace autophage::cpu
