// Watches one chain: its times, and through a sink its records.
#pragma once

#include <cstdint>

#include "chain_sinks.hpp"

namespace autophage::cpu {

template <bool every, class Sink>
class Observer {
 public:
  static constexpr bool every_generation = every;

  // dense: room for the counts of generation 1, where a record asks for them.
  Observer(Sink& sink, const Chain& chain, const core::Truth& truth, std::int64_t horizon,
           bool wants_first, std::int64_t* dense, core::First& first, const core::StopFlag& stop)
      : sink_(sink),
        chain_(chain),
        truth_(truth),
        horizon_(horizon),
        wants_first_(wants_first),
        dense_(dense),
        first_(first),
        stop_(stop) {}

  bool generation(std::int64_t t, const core::Sample& sample, bool absorbed) {
    if (t == 1 && wants_first_) keep_first(sample);
    if (times.collapse < 0 && sample.single()) times.collapse = t;
    if (absorbed) {
      times.absorption = t;
      times.final_token = sample.first();
    }
    if constexpr (every) sink_.generation(chain_, t, SampleModel{sample, truth_, first_}, absorbed);
    return !absorbed && passes(t);
  }
  bool passes(std::int64_t t) const { return t != horizon_ && !stop_.raised(); }
  void stuck(std::int64_t t) { stuck_at = t; }

  Times times;
  std::int64_t stuck_at = 0;

 private:
  void keep_first(const core::Sample& sample) {
    for (std::int32_t i = 0; i < sample.size; ++i) dense_[sample.token[i]] = sample.count_of(i);
    first_ = {dense_, sample.total, core::sum_of_squares(sample)};
  }

  Sink& sink_;
  const Chain& chain_;
  const core::Truth& truth_;
  std::int64_t horizon_;
  bool wants_first_;
  std::int64_t* dense_;
  core::First& first_;
  const core::StopFlag& stop_;
};

}  // namespace autophage::cpu
