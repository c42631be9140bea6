// The laws of a study of token chains, prepared once for all its calls.
#pragma once

#include <cstdint>
#include <memory>

namespace autophage::cpu {

// Laws with their tables, each made when a run first needs it: a large vocabulary is gone through
// once.
class PreparedLaws;

// laws: (contexts, tokens), rows sum to one; they stay in place while the result is used.
std::shared_ptr<PreparedLaws> prepare_laws(const double* laws, std::int64_t contexts,
                                           std::int64_t tokens);

}  // namespace autophage::cpu
