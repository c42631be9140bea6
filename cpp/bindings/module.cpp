// The compiled module: a list of its parts.
#include "bindings.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  autophage::bind_build(module);
  autophage::bind_random(module);
  autophage::bind_occupancy(module);
  autophage::bind_chain(module);
  autophage::bind_chain_ancestral(module);
  autophage::bind_linear_chain(module);
  autophage::bind_mixture(module);
  autophage::bind_sums(module);
  autophage::bind_chain_interacting(module);
  autophage::bind_lyapunov(module);
  autophage::bind_recursive_mixture(module);
}
