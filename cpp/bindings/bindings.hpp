// What the bindings share: one function per part of the module, and the poll that lets signals and
// progress through.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <utility>
#include <vector>

#include "../backend.hpp"

namespace autophage {

namespace py = pybind11;

void bind_build(py::module_& module);
void bind_random(py::module_& module);
void bind_occupancy(py::module_& module);
void bind_chain(py::module_& module);
void bind_chain_ancestral(py::module_& module);
void bind_linear_chain(py::module_& module);
void bind_mixture(py::module_& module);
void bind_sums(py::module_& module);
void bind_chain_interacting(py::module_& module);
void bind_lyapunov(py::module_& module);
void bind_recursive_mixture(py::module_& module);

template <class T>
using Array = py::array_t<T, py::array::c_style>;

// An array that owns the vector's memory.
template <class T>
Array<T> adopt(std::vector<T>&& values) {
  auto* kept = new std::vector<T>(std::move(values));
  const py::capsule owner(kept, [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return Array<T>(static_cast<py::ssize_t>(kept->size()), kept->data(), owner);
}

// The array values[name] itself: a converted copy would be lost, with all that a kernel writes to
// it, or be gone before a kernel reads it.
template <class T>
Array<T> own_array(const py::dict& values, const std::string& name) {
  const py::object value = values[name.c_str()];
  if (!py::isinstance<Array<T>>(value))
    throw py::type_error(name + " must be C-contiguous and of the kernel's dtype");
  return py::reinterpret_borrow<Array<T>>(value);
}

// The data of a result, or null where the caller did not ask for it.
template <class T>
T* target(const py::dict& out, const std::string& name) {
  return out.contains(name.c_str()) ? own_array<T>(out, name).mutable_data() : nullptr;
}
template <class T>
const T* source(const py::dict& values, const std::string& name) {
  return own_array<T>(values, name).data();
}
inline ExactSums exact_sums(const py::dict& out, const std::string& name) {
  return {target<std::uint64_t>(out, name + "_sum"), target<std::uint64_t>(out, name + "_squares")};
}

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

// The seed, runs, generations and threads of a study, into the job of any kernel.
template <class Job>
void read_study(const py::dict& study, Job& job) {
  job.seed = study["seed"].cast<std::uint64_t>();
  job.first_run = study["first_run"].cast<std::int64_t>();
  job.runs = study["runs"].cast<std::int64_t>();
  job.generations = study["generations"].cast<std::int64_t>();
  job.threads = study["threads"].cast<int>();
}

// Calls kernel(poll) without the interpreter lock, lets signals in, and rethrows what they raise.
// The kernel may use raw pointers and sizes alone.
template <class Kernel>
void run_unlocked(py::object callback, const Kernel& kernel) {
  PythonPoll watch(std::move(callback));
  {
    const py::gil_scoped_release unlocked;
    kernel(watch.poll());
  }
  watch.rethrow();
}

}  // namespace autophage
