// Arrays of a dictionary, read or written where they lie.
#pragma once

#include <string>

#include "bindings.hpp"

namespace autophage {

// The array values[name] itself: a converted copy would be gone before the kernel reads it.
template <class T>
Array<T> own_array(const py::dict& values, const char* name) {
  const py::object value = values[name];
  if (!py::isinstance<Array<T>>(value))
    throw py::type_error(std::string(name) + " must be C-contiguous and of the kernel's dtype");
  return py::reinterpret_borrow<Array<T>>(value);
}

// Its data; those of results may be missing.
template <class T>
T* own_target(const py::dict& values, const std::string& name) {
  if (!values.contains(name.c_str())) return nullptr;
  return own_array<T>(values, name.c_str()).mutable_data();
}
template <class T>
const T* own_source(const py::dict& values, const char* name) {
  return own_array<T>(values, name).data();
}

inline ExactSums own_sums(const py::dict& out, const std::string& name) {
  return {own_target<std::uint64_t>(out, name + "_sum"),
          own_target<std::uint64_t>(out, name + "_squares")};
}

}  // namespace autophage
