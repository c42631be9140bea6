// Watches one chain: its times, and through a sink its records.
#pragma once

#include <cstdint>

#include "chain_sinks.hpp"
#include "first_counts.hpp"

namespace autophage::cpu {

template <bool every, class Sink>
class Observer {
 public:
  static constexpr bool every_generation = every;

  // counts: those of generation 1 are kept there, where a record asks for them.
  Observer(Sink& sink, const Chain& chain, const core::Truth& truth, std::int64_t horizon,
           bool wants_first, FirstCounts& counts, core::First& first, const core::StopFlag& stop)
      : sink_(sink),
        chain_(chain),
        truth_(truth),
        horizon_(horizon),
        wants_first_(wants_first),
        counts_(counts),
        first_(first),
        stop_(stop) {}

  bool generation(std::int64_t t, const core::Sample& sample, bool absorbed) {
    if (t == 1 && wants_first_) first_ = counts_.keep(sample);
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
  Sink& sink_;
  const Chain& chain_;
  const core::Truth& truth_;
  std::int64_t horizon_;
  bool wants_first_;
  FirstCounts& counts_;
  core::First& first_;
  const core::StopFlag& stop_;
};

}  // namespace autophage::cpu
