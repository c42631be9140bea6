// Recursive mixtures: each point needs the state that the point before it left, so one thread.
#include "../core/recursive_mixture.hpp"

#include <cstddef>
#include <vector>

#include "../backend/recursive_mixture.hpp"
#include "pace.hpp"

namespace autophage::cpu {
namespace {

// A state with what follows from its factors and room for one point.
class Workspace {
 public:
  explicit Workspace(const RecursiveMixtureState& state)
      : memory_(static_cast<std::size_t>(state.components * (state.features + 3) + state.features)),
        mixture_{state.features, state.diagonal, state.components, state.weights,
                 state.means,    state.factors,  nullptr,          nullptr} {
    mixture_.inverse = memory_.data();
    mixture_.constant = mixture_.inverse + state.components * state.features;
    room_ = mixture_.constant + state.components;
    for (std::int64_t m = 0; m < state.components; ++m) core::derive(mixture_, m);
  }
  core::RecursiveMixture& mixture() { return mixture_; }
  double* room() { return room_; }
  // Nanoseconds of a point, roughly.
  std::int64_t cost() const {
    return mixture_.components * (mixture_.factor_size() + mixture_.features + 10);
  }

 private:
  std::vector<double> memory_;
  core::RecursiveMixture mixture_;
  double* room_ = nullptr;
};

}  // namespace

bool learn(RecursiveMixtureState& state, const double* points, std::int64_t count, double rate,
           double prior, double floor, const Poll& poll) {
  Workspace space(state);
  Pace pace(poll);
  const core::RecursiveRule rule{rate, prior, floor};
  for (std::int64_t i = 0; i < count; ++i) {
    core::learn(space.mixture(), rule, points + i * state.features, space.room());
    if (!pace.go_on(i, space.cost())) return false;
  }
  state.components = space.mixture().components;
  return true;
}

bool log_densities(const RecursiveMixtureState& state, const double* points, std::int64_t count,
                   double* result, const Poll& poll) {
  Workspace space(state);
  Pace pace(poll);
  const core::RecursiveMixture& mix = space.mixture();
  for (std::int64_t i = 0; i < count; ++i) {
    const double* const x = points + i * state.features;
    for (std::int64_t m = 0; m < state.components; ++m)
      result[i * state.components + m] =
          mix.constant[m] - 0.5 * core::squared_distance(mix, m, x, space.room());
    if (!pace.go_on(i, space.cost())) return false;
  }
  return true;
}

}  // namespace autophage::cpu
