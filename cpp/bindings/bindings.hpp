// What the bindings share: one function per part of the module, and the poll that lets signals and
// progress through.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "../backend.hpp"

namespace autophage {

namespace py = pybind11;

void bind_build(py::module_& module);
void bind_random(py::module_& module);
void bind_occupancy(py::module_& module);
void bind_chain(py::module_& module);
void bind_linear_chain(py::module_& module);
void bind_mixture(py::module_& module);
void bind_sums(py::module_& module);
void bind_chain_interacting(py::module_& module);
void bind_lyapunov(py::module_& module);

template <class T>
using Array = py::array_t<T, py::array::c_style>;

// A Poll that takes the interpreter lock, lets pending signals raise and reports progress to
// `callback` (a callable of one int, or None). An exception from either stops the kernel and is
// rethrown by `rethrow`, once the lock is held again.
class PythonPoll {
 public:
  explicit PythonPoll(py::object callback) : callback_(std::move(callback)) {}
  Poll poll() { return {&PythonPoll::proceed, this}; }
  void rethrow() {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static bool proceed(void* context, std::int64_t done) {
    auto* self = static_cast<PythonPoll*>(context);
    const py::gil_scoped_acquire locked;
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (!self->callback_.is_none()) self->callback_(done);
      return true;
    } catch (...) {
      self->error_ = std::current_exception();
      return false;
    }
  }

  py::object callback_;
  std::exception_ptr error_;
};

}  // namespace autophage
