// How this module was built, for provenance and bug reports.
#include "bindings.hpp"

namespace autophage {

void bind_build(py::module_& module) {
  module.attr("compiler") = AUTOPHAGE_COMPILER;
  module.attr("commit") = AUTOPHAGE_COMMIT;
}

}  // namespace autophage
