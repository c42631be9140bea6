// The interface of recursive mixtures: plain structs in, plain arrays out, as in backend.hpp.
#pragma once

#include <cstdint>

#include "../backend.hpp"

namespace autophage {

// A mixture of Gaussians as core::RecursiveMixture has it, without what follows from its factors.
struct RecursiveMixtureState {
  std::int64_t features = 0, components = 0;
  bool diagonal = false;
  double* weights = nullptr;  // (components); null where only densities are wanted
  double* means = nullptr;    // (components, features)
  double* factors = nullptr;  // (components, features, features); diagonal: (components, features)
};

namespace cpu {

// Learns from points (count, features) in turn; the components left come first, in their old order,
// and state.components says how many they are. False where the poll asked to stop: the state then
// has learned from some of the points.
bool learn(RecursiveMixtureState& state, const double* points, std::int64_t count, double rate,
           double prior, double floor, const Poll& poll);

// result (count, components): logarithms of the densities of the components at the points.
bool log_densities(const RecursiveMixtureState& state, const double* points, std::int64_t count,
                   double* result, const Poll& poll);

}  // namespace cpu

}  // namespace autophage
