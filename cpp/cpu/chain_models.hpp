// What the drivers of chains tell the sinks: which chain, which model, which times.
#pragma once

#include <cstdint>

#include "../core/chain_records.hpp"

namespace autophage::cpu {

struct Times {
  std::int64_t collapse = -1, absorption = -1, final_token = -1;
};

// What a sink needs to know of the chain at hand.
struct Chain {
  std::int64_t run, context;  // index of the run within the job, context
  const std::int32_t* token;  // rank -> token
};

// The sizes of a study; what are contexts here may be entities.
struct Shape {
  std::int64_t generations, contexts, tokens;
};

// A model as sinks see it: its records, its support, and each(take): take(rank, probability) for
// the tokens that live.
struct SampleModel {
  const core::Sample& sample;
  const core::Truth& truth;
  const core::First& first;

  double value(int record) const {
    return core::measure(static_cast<core::Record>(record), sample, truth, first);
  }
  std::int64_t support() const { return sample.size; }
  template <class Take>
  void each(Take&& take) const {
    for (std::int32_t i = 0; i < sample.size; ++i)
      take(sample.token[i],
           static_cast<double>(sample.count_of(i)) / static_cast<double>(sample.total));
  }
};

}  // namespace autophage::cpu
