// What a study says of entities that interact, and where one run of them lives.
#pragma once

#include "source.hpp"

namespace autophage::core {

// What generation t = 1, 2, .. is given: row t - 1, the last row for ever after.
struct InteractingSchedule {
  const i64* n;
  const double* alpha;  // weight of the pool; none in generation 1
  const double* beta;   // weight of the private data within the rest
  i64 length;
  i64 last_private, last_public, last_pool;  // generations after which they have no weight

  AUTOPHAGE_HD i64 row(i64 t) const { return (t < length ? t : length) - 1; }
  AUTOPHAGE_HD i64 n_at(i64 t) const { return n[row(t)]; }
  AUTOPHAGE_HD double alpha_at(i64 t) const { return t > 1 ? alpha[row(t)] : 0.0; }
  AUTOPHAGE_HD double beta_at(i64 t) const { return beta[row(t)]; }
};

// Weights of a generation: of the pool, and of the private data within the rest.
struct EntityWeights {
  double alpha, beta;
};

// What a study says of its entities. Laws are over the ranks of the union of all supports.
struct Entities {
  i32 count, tokens;
  const double* laws;        // (count, tokens), the private ones
  const double* public_law;  // (tokens)
  const double* mean;        // (tokens), of the private laws
  const i64* kept;           // (count + 1) real draws, the public ones last; null: laws themselves
  const Source* given;  // the laws (count + 1); where they are not sampled and kept, the mean of
                        // the private ones behind them
  const i32* only;      // (count + 1) the one token of a law; -1 where it has more
  bool own_pools;
};

// Where a run lives; nothing need be kept between runs but that dense counts are zero and places
// -1.
struct InteractingSpace {
  Sample* kept;     // (count + 1), where draws are kept
  Source* source;   // the same as sources
  u64** threshold;  // (count + 1) alias tables of the kept samples
  i32** alias;
  Sample* pool;   // (1 or count)
  Sample pooled;  // all pools together, with labels
  u64* pooled_threshold;
  i32* pooled_alias;
  i32* only;               // (count + 1) the one token of what is kept
  double* mean;            // (tokens) of the private samples, by place
  double *weight, *share;  // (tokens) to build tables with, as is `stack`
  i32* stack;
  i64* dense;         // (tokens)
  i32 *place, *rank;  // (tokens) rank -> place, place -> rank
  Draws* draws;       // (1 or count) of the pools
};

}  // namespace autophage::core
