// The counts of a run's generation 1, for records that measure the distance to it.
#pragma once

#include <cstdint>
#include <vector>

#include "../core/chain_records.hpp"
#include "zeroed.hpp"

namespace autophage::cpu {

// A count a token, zero between runs. Only the tokens that were drawn are ever touched: a run costs
// what it draws, however many tokens there are.
class FirstCounts {
 public:
  explicit FirstCounts(std::size_t support) : count_(support) {}

  core::First keep(const core::Sample& sample) {
    token_.assign(sample.token, sample.token + sample.size);
    for (std::int32_t i = 0; i < sample.size; ++i)
      count_[static_cast<std::size_t>(sample.token[i])] = sample.count_of(i);
    return {count_.data(), sample.total, core::sum_of_squares(sample)};
  }

  void clear() {
    for (const std::int32_t token : token_) count_[static_cast<std::size_t>(token)] = 0;
    token_.clear();
  }

 private:
  Zeroed<std::int64_t> count_;
  std::vector<std::int32_t> token_;
};

}  // namespace autophage::cpu
