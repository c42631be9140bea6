// Collapse time and last token of the fully synthetic chain without its trajectory: one path of
// ancestors, backwards in time. Every generation has n draws.
//
// Traced back from generation m, its n samples have A_k distinct ancestors k generations earlier:
// A_0 = n, and A_{k+1} is the number of boxes that A_k balls hit when thrown into n boxes. The
// chain A does not depend on m nor on the tokens, and the A_{m-1} ancestors in generation 1 are
// independent draws from p. Generation m consists of token i alone when all of them are i, and then
// so do all generations after it. With T the collapse time and I the token it ends in,
//
//   P(T <= m, I = i) = E p_i^{A_{m-1}},   m >= 1.                                            (1)
//
// Now draw I from p, and given I = i an agreement L >= 1 with P(L >= a) = p_i^(a-1): the length of
// the first run of equal tokens in a sequence of independent draws that begins with i. Draw a path
// A independently of both, and let
//
//   T = 1 + min{k >= 0 : A_k <= L}.                                                          (2)
//
// A never increases, so T <= m just when A_{m-1} <= L, and P(T <= m, I = i) is p_i times the mean
// of p_i^(A_{m-1} - 1), which is (1). Hence (2) gives the exact joint law of T and I. (Summed over
// i it says P(L >= a) = sum_i p_i^a: L is the a* of design and theory; given L = a, the last token
// is i with chance p_i^a (1 - p_i) over its sum.) With n that changes over the generations, the
// paths of different m start and step differently, and there is no one path to draw: such chains
// need their trajectories.
//
// A path is drawn by few jumps. States above `low_ancestors` are passed at once, by a table of the
// generation in which the path first has at most so many ancestors, and of their number then. From
// there on a jump goes over all generations in which the number stays, by a table of the joint law
// of waiting time and next state; a wait longer than the table's goes back to it, which is exact as
// waiting has no memory. Where L is not below `low_ancestors`, only the generation matters in which
// the path first comes down to L: it is found in the chances P(A_k > L). All decisions compare
// words of 64 bits with integer thresholds. Tables are right to about 1e-15 and leave out less than
// 1e-18, so the law drawn from is within 1e-12 of (1) in total variation.
//
// Words of the stream `ancestral`, in units of 64 bits: token, L, then the first passage (or the
// generation that reaches L), then one a jump.
#pragma once

#include "alias_columns.hpp"
#include "stream.hpp"

namespace autophage::core {

inline constexpr i64 low_ancestors = 4;

// Outcomes of jumps: generations << 4 | ancestors. A path's progress is the same in 64 bits, with
// the generation as it stands, 1 + k.
inline constexpr int ancestor_bits = 4;
inline constexpr u64 ancestor_mask = (1 << ancestor_bits) - 1;
inline constexpr u64 start_of_path = ancestor_mask;  // "n ancestors", and the row of that name
inline constexpr u64 first_progress = 1 << ancestor_bits | start_of_path;

AUTOPHAGE_HD inline u32 jump_outcome(i64 generations, i64 ancestors) {
  return static_cast<u32>(generations << ancestor_bits | ancestors);
}

// The tables of one n. row[a], a = 2 .. min(n, low_ancestors), and row[start_of_path]: the first of
// the row's columns << 32 | their number. above: P(A_k > L) as words, for k below `generations`:
// those of L = level[k], level[k] + 1, .. are above[start[k]] .. above[start[k + 1] - 1]; smaller L
// are exceeded for certain, larger ones never, and none is after `generations`.
struct AncestralTables {
  i64 n;
  const u64* row;
  const u64* column;
  i64 generations;
  const i64* start;
  const i32* level;
  const u64* above;

  AUTOPHAGE_HD i64 low() const { return n < low_ancestors ? n : low_ancestors; }

  // The first k with A_k <= level, for level >= low().
  AUTOPHAGE_HD i64 passage(u64 word, i64 agreement) const {
    i64 first = 0, last = generations;
    while (first < last) {
      const i64 k = first + (last - first) / 2;
      const i64 entry = start[k] + (agreement - level[k]);
      const bool exceeds = agreement < level[k] || (entry < start[k + 1] && word < above[entry]);
      first = exceeds ? k + 1 : first;
      last = exceeds ? last : k;
    }
    return first;
  }

  // `progress` after one jump.
  AUTOPHAGE_HD u64 jump(u64 progress, u64 word) const {
    const u64 at = row[progress & ancestor_mask];
    const AliasColumns columns{column + 2 * (at >> 32), at & 0xffffffff};
    return (progress & ~ancestor_mask) + pick(columns, word);
  }
};

// The true law of one context: its tokens, and each one's p as a word.
struct AncestralLaw {
  AliasColumns tokens;
  const u64* ratio;
};

// Words of the stream `ancestral` of one run.
struct AncestralWords {
  PhiloxKey key;
  u32 run, name;

  AUTOPHAGE_HD explicit AncestralWords(const RunName& of)
      : key(key_of_context(of.seed, of.context)),
        run(static_cast<u32>(of.run)),
        name(static_cast<u32>(Purpose::ancestral) << 26 |
             static_cast<u32>(of.context % contexts_per_key) << 6 |
             static_cast<u32>(of.run >> 32)) {}

  // Words 2 block and 2 block + 1.
  AUTOPHAGE_HD void read(u64 block, u64 (&word)[2]) const {
    u32 parts[4];
    philox4x32<1>(static_cast<u32>(block), static_cast<u32>(block >> 32), run, name, key, parts);
    word[0] = parts[0] | u64{parts[1]} << 32;
    word[1] = parts[2] | u64{parts[3]} << 32;
  }
};

struct AncestralEnd {
  u32 token;  // rank
  i64 time;
};

AUTOPHAGE_HD inline AncestralEnd draw_ancestral(const AncestralLaw& law,
                                                const AncestralTables& tables,
                                                const AncestralWords& words) {
  u64 word[2];
  words.read(0, word);
  const u32 token = pick(law.tokens, word[0]);
  const i64 agreement = 1 + count_agreeing(word[1], law.ratio[token], tables.n - 1);
  words.read(1, word);
  if (agreement >= tables.low()) return {token, 1 + tables.passage(word[0], agreement)};
  u64 progress = first_progress;
  for (u64 block = 1;; words.read(++block, word)) {
    for (const u64 w : word) {
      progress = tables.jump(progress, w);
      if (static_cast<i64>(progress & ancestor_mask) <= agreement)
        return {token, static_cast<i64>(progress >> ancestor_bits)};
    }
  }
}

}  // namespace autophage::core
