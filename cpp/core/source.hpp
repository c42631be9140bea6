// A law that many runs or generations draw from: given, or that of a sample.
#pragma once

#include "chain.hpp"

namespace autophage::core {

// Up to so many draws a token are picked by alias, more shared by binomials.
inline constexpr i64 draws_by_alias = 8;

// Tokens of positive probability, with tables for either way to draw.
struct Source {
  i32 size;
  const i32* token;
  const double* share;       // of a given law: p[i] / (p[0] + .. + p[i])
  const double* share_more;  // what rounding took from it
  const i64* count;          // of a sample, where share is null
  i64 total;
  AliasTable alias;
};

// n draws from a source, added to `builder`'s.
template <class Words>
AUTOPHAGE_HD void draw_source(const Source& source, i64 n, const StopFlag* stop, Words& words,
                              Builder& builder) {
  if (n <= draws_by_alias * source.size) {
    for (i64 i = 0; i < n; ++i) builder.add(source.token[draw_alias(source.alias, words)], 1);
    return;
  }
  i64 whole = source.total;
  for (i32 i = source.size - 1; i >= 0 && n > 0; --i) {
    if ((i & 1023) == 1023 && stop != nullptr && stop->raised()) return;
    i64 x = n;
    if (source.share == nullptr) {
      x = draw_binomial_share(n, source.count[i], whole, words);
      whole -= source.count[i];
    } else if (i > 0) {
      x = draw_binomial(n, source.share[i], words, source.share_more[i]);
    }
    builder.add(source.token[i], x);
    n -= x;
  }
}

}  // namespace autophage::core
