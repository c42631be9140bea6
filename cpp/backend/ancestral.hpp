// The kernel interface of paths of ancestors, and of draws from the exact law: see backend.hpp.
#pragma once

#include "../backend.hpp"

namespace autophage {

// The tables of one n, as core::AncestralTables describes them.
struct AncestralTable {
  std::vector<std::uint64_t> row, column, above;
  std::vector<std::int64_t> start{0};
  std::vector<std::int32_t> level;
};
struct AncestralTableView {
  std::int64_t n = 0;
  const std::uint64_t *row = nullptr, *column = nullptr;
  std::int64_t generations = 0;
  const std::int64_t* start = nullptr;
  const std::int32_t* level = nullptr;
  const std::uint64_t* above = nullptr;
};

// A study of fully synthetic chains by their ancestors.
struct AncestralJob {
  const double* laws = nullptr;  // (contexts, tokens), rows sum to one
  std::int64_t contexts = 0, tokens = 0;
  std::vector<AncestralTableView> tables;
  const std::int64_t* table_of = nullptr;  // (contexts), which of the tables

  std::uint64_t seed = 0;
  std::int64_t first_run = 0, runs = 0;
  std::int64_t generations = 0;  // later collapses are not reached; 0: all are
  int threads = 1;
};

namespace cpu {

// False where the poll asked to stop; the table is then of no use.
bool ancestral_table(std::int32_t n, AncestralTable& table, const Poll& poll);

// Collapse times, absorption times and last tokens; nothing else may be asked for.
Ending run(const AncestralJob& job, const ChainTrajectories& out, const Poll& poll);
Ending run(const AncestralJob& job, const ChainSums& out, const Poll& poll);

// out[stride i] for i < count: draw i of the law in `columns` (as core::AliasColumns has them)
// under the stream of the context. An outcome beyond `horizon` goes on: each generation more has
// the chance ratio 2^-64. Returns false where the poll asked to stop.
bool draw_times(const std::uint64_t* columns, std::int64_t size, std::int64_t horizon,
                std::uint64_t ratio, std::uint64_t seed, std::int64_t context, std::int64_t count,
                std::int64_t* out, std::int64_t stride, const Poll& poll);

}  // namespace cpu

}  // namespace autophage
