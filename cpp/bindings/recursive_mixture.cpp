// Recursive mixtures. Shapes are right when these are called: Python has checked them.
#include "../backend/recursive_mixture.hpp"

#include "bindings.hpp"

namespace autophage {
namespace {

using Doubles = Array<double>;

// Densities only read what they are given.
RecursiveMixtureState state_of(const Doubles& means, const Doubles& factors) {
  RecursiveMixtureState state;
  state.components = means.shape(0);
  state.features = means.shape(1);
  state.diagonal = factors.ndim() == 2;
  state.means = const_cast<double*>(means.data());
  state.factors = const_cast<double*>(factors.data());
  return state;
}

// Changes weights, means and factors in place; gives the number of components left, which come
// first.
std::int64_t learn_mixture(const Doubles& points, Doubles& weights, Doubles& means,
                           Doubles& factors, double rate, double prior, double floor,
                           py::object callback) {
  RecursiveMixtureState state = state_of(means, factors);
  state.weights = weights.mutable_data();
  state.means = means.mutable_data();  // refuses an array that is read-only
  state.factors = factors.mutable_data();
  run_unlocked(std::move(callback), [&, data = points.data(), count = points.shape(0)](Poll poll) {
    cpu::learn(state, data, count, rate, prior, floor, poll);
  });
  return state.components;
}

Doubles mixture_log_densities(const Doubles& points, const Doubles& means, const Doubles& factors,
                              py::object callback) {
  const RecursiveMixtureState state = state_of(means, factors);
  Doubles result({points.shape(0), means.shape(0)});
  run_unlocked(std::move(callback),
               [&, data = points.data(), count = points.shape(0), to = result.mutable_data()](
                   Poll poll) { cpu::log_densities(state, data, count, to, poll); });
  return result;
}

}  // namespace

void bind_recursive_mixture(py::module_& module) {
  using py::arg;
  // Nothing is converted: a copy would be gone, and what was learned with it.
  const auto exact = [](const char* name) { return py::arg(name).noconvert(); };
  module.def("learn_mixture", &learn_mixture, exact("points"), exact("weights"), exact("means"),
             exact("factors"), arg("rate"), arg("prior"), arg("floor"), arg("callback"));
  module.def("mixture_log_densities", &mixture_log_densities, exact("points"), exact("means"),
             exact("factors"), arg("callback"));
}

}  // namespace autophage
