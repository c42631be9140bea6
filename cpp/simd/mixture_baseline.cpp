// The steps of mixtures with the instructions that every machine of this kind has.
#include "mixture_steps.hpp"

namespace autophage::simd {

namespace {

struct Baseline : AnySet<Baseline> {
  static constexpr int bytes = 16;
};

}  // namespace

MixtureSet baseline_mixtures() { return mixture_set<Baseline>(); }

}  // namespace autophage::simd
