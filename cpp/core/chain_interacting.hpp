// Entities that train on private data, public data and each other's output.
//
// Once and for all, entity k keeps the law u_k of its real draws and all keep that of public ones,
// v (or the laws themselves); r_k = beta u_k + (1 - beta) v. Generation 1 is p_k = r_k; later
// p_k = (1 - alpha) r_k + alpha y_k, where the pool y_k is the law of n independent draws from the
// mean over entities of the generation before, one pool for all or one for each.
//
// The pools and the kept samples are counts: the whole state is integer, and the laws p_k follow
// from it. Tokens are ranks in the union of all supports while real data are drawn, and places in
// the list of the tokens that the run can ever have from then on.
//
// Which algorithm draws depends on the sizes and the state alone. More than 8 draws of a pool for
// every token that the run can have, but at most 2^20, which cannot feel the rounding of a mixture:
// binomials (purpose counts) over the mixture of all that the pool is drawn from. Else part by
// part:
//   from a law that stays (given, or that of a kept sample): more than 8 draws a token share the
//     living tokens by binomials, fewer pick by alias, all of purpose truth;
//   from the pools: labels, where there are at most 2^16, by purposes parents8 and parents16; else
//     binomials (purpose counts) or, for few draws, by alias (purpose truth);
//   which of the three a draw comes from: binomials of purpose split; which entity's sample it
//     comes from: by parents, or for many draws by binomials of purpose split. Up to 2^20 draws
//     from given private laws come from their mean instead.
#pragma once

#include "entities.hpp"

namespace autophage::core {

class InteractingChain {
 public:
  AUTOPHAGE_HD InteractingChain(const Entities& entities, const InteractingSchedule& schedule,
                                const RunName& name, InteractingSpace& space)
      : entities_(entities),
        schedule_(schedule),
        name_(name),
        space_(space),
        pools_(entities.own_pools ? entities.count : 1),
        living_(entities.tokens),
        builder_(space.dense) {
    if (entities.kept == nullptr) {
      for (i32 k = 0; k <= entities.count; ++k) space.only[k] = entities.only[k];
      for (i32 i = 0; i < living_; ++i) space.rank[i] = i;
    } else {
      keep();
    }
    kept_only_ = space.only[0];
    for (i32 k = 1; k < entities.count; ++k)
      if (space.only[k] != kept_only_) kept_only_ = -1;
  }

  // Goes on to generation t = 1, 2, ..
  AUTOPHAGE_HD void next(i64 t) {
    alpha_ = schedule_.alpha_at(t);
    beta_ = schedule_.beta_at(t);
    if (alpha_ > 0.0) {
      const i64 n = schedule_.n_at(t);
      const bool mixed = n > draws_by_alias * living_ && n <= BinomialHeight::small_n;
      if (mixed) {
        mix(t - 1);
      } else if (schedule_.alpha_at(t - 1) > 0.0) {
        gather(n);
      }
      for (i32 k = 0; k < pools_ && !stopped(); ++k) {
        builder_.begin(space_.pool[k], false);
        if (mixed) {
          draw_source(mixture_, n, name_.stop, space_.draws[k].counts, builder_);
        } else {
          draw_pool(t, n, space_.draws[k]);
        }
        builder_.release();
      }
    }
    same_ = single(0);
    for (i32 k = 1; k < entities_.count && same_ >= 0; ++k)
      if (single(k) != same_) same_ = -1;
  }

  // Places 0 .. living() - 1 are the tokens that the run can ever have, rank()[i] their ranks.
  AUTOPHAGE_HD i32 living() const { return living_; }
  AUTOPHAGE_HD const i32* rank() const { return space_.rank; }

  // The one token (its place) of entity k's law; -1 where it has more.
  AUTOPHAGE_HD i32 single(i32 k) const { return single(k, alpha_, beta_); }

  // Whether generation t of entity k is a point mass that no later draw can change: what still
  // comes of the kept data is that token too, and either pools have no weight any more or every
  // entity is there as well.
  AUTOPHAGE_HD bool absorbed(i64 t, i32 k) const {
    const i32 token = single(k);
    if (token < 0) return false;
    const bool pooled = t < schedule_.last_pool;
    if (pooled && same_ < 0) return false;
    if (t < schedule_.last_private && (pooled ? kept_only_ : space_.only[k]) != token) return false;
    return t >= schedule_.last_public || space_.only[entities_.count] == token;
  }

  // The weights of the newest generation, and of the first.
  AUTOPHAGE_HD EntityWeights weights() const { return {alpha_, beta_}; }
  AUTOPHAGE_HD EntityWeights first_weights() const { return {0.0, schedule_.beta_at(1)}; }
  // What all laws over the places have in common: the public part, and that of a pool for all.
  AUTOPHAGE_HD void common(const EntityWeights& weights, double* p) const {
    const double shared = (1.0 - weights.alpha) * (1.0 - weights.beta);
    const bool given = entities_.kept == nullptr;
    for (i32 i = 0; i < living_; ++i) p[i] = given ? shared * entities_.public_law[i] : 0.0;
    if (!given) add(space_.kept[entities_.count], shared, p);
    if (pools_ == 1) add(pool_of(0), weights.alpha, p);
  }

  // The law of entity k over the places, given what is common to all.
  AUTOPHAGE_HD void law(i32 k, const EntityWeights& weights, const double* common,
                        double* p) const {
    const i32 token = single(k, weights.alpha, weights.beta);
    if (token >= 0) {
      for (i32 i = 0; i < living_; ++i) p[i] = 0.0;
      p[token] = 1.0;  // which the weights may miss by rounding
      return;
    }
    const double own = (1.0 - weights.alpha) * weights.beta;
    if (entities_.kept == nullptr) {
      const double* private_law = entities_.laws + i64{k} * entities_.tokens;
      for (i32 i = 0; i < living_; ++i) p[i] = common[i] + own * private_law[i];
    } else {
      for (i32 i = 0; i < living_; ++i) p[i] = common[i];
      add(space_.kept[k], own, p);
    }
    if (pools_ > 1) add(pool_of(k), weights.alpha, p);
  }

  // Leaves dense counts zero and places -1.
  AUTOPHAGE_HD void end() {
    builder_.release();
    for (i32 i = 0; i < living_; ++i) space_.place[space_.rank[i]] = -1;
  }

 private:
  AUTOPHAGE_HD bool stopped() const { return name_.stop != nullptr && name_.stop->raised(); }
  AUTOPHAGE_HD const Sample& pool_of(i32 k) const { return space_.pool[pools_ > 1 ? k : 0]; }

  // The one token under given weights.
  AUTOPHAGE_HD i32 single(i32 k, double alpha, double beta) const {
    i32 token = -1;
    if (alpha > 0.0) {
      if (pool_of(k).size > 1) return -1;
      token = pool_of(k).token[0];
    }
    if (!agrees(alpha < 1.0 && beta > 0.0, space_.only[k], token)) return -1;
    const i32 only_public = space_.only[entities_.count];
    return agrees(alpha < 1.0 && beta < 1.0, only_public, token) ? token : -1;
  }

  // Whether a part of a law, if it has weight, is the point mass at `token`, or at any one token
  // while that is still open.
  AUTOPHAGE_HD static bool agrees(bool weighs, i32 only, i32& token) {
    if (!weighs) return true;
    if (token < 0) token = only;
    return only >= 0 && only == token;
  }

  AUTOPHAGE_HD static void add(const Sample& sample, double weight, double* p) {
    const double total = static_cast<double>(sample.total);
    if (weight > 0.0)
      for (i32 i = 0; i < sample.size; ++i)
        p[sample.token[i]] += weight * (static_cast<double>(sample.count_of(i)) / total);
  }

  // Draws what is kept, names its tokens by place, and makes sources of it.
  AUTOPHAGE_HD void keep() {
    living_ = 0;
    for (i32 k = 0; k <= entities_.count && !stopped(); ++k) {
      const bool own = k < entities_.count;
      Stream words(name_.seed, name_.run, own ? static_cast<u64>(k) : 0,
                   own ? Purpose::kept : Purpose::kept_public);
      Sample& sample = space_.kept[k];
      builder_.begin(sample, false);
      draw_source(entities_.given[k], entities_.kept[k], name_.stop, words, builder_);
      builder_.release();
      for (i32 i = 0; i < sample.size; ++i) {
        i32& place = space_.place[sample.token[i]];
        if (place < 0) {
          space_.rank[living_] = sample.token[i];
          space_.mean[living_] = 0.0;
          place = living_++;
        }
        sample.token[i] = place;
      }
      if (own) add(sample, 1.0 / entities_.count, space_.mean);
      space_.only[k] = sample.size == 1 ? sample.token[0] : -1;
      const AliasTable table = alias_of(sample, space_.threshold[k], space_.alias[k]);
      space_.source[k] = {sample.size,   sample.token, nullptr, nullptr,
                          sample.frozen, sample.total, table};
    }
  }

  AUTOPHAGE_HD AliasTable alias_of(const Sample& sample, u64* threshold, i32* alias) const {
    for (i32 i = 0; i < sample.size; ++i)
      space_.weight[i] = static_cast<double>(sample.count_of(i));
    build_alias(space_.weight, sample.size, threshold, alias, space_.stack);
    return {sample.size, threshold, alias};
  }

  // Puts the pools of the last generation together: a draw from a pool chosen uniformly is a draw
  // from all, since they have one size. n: how many draws there will be at most.
  AUTOPHAGE_HD void gather(i64 n) {
    Sample& all = space_.pooled;
    builder_.begin(all, false);
    for (i32 k = 0; k < pools_; ++k) {
      const Sample& pool = space_.pool[k];
      for (i32 i = 0; i < pool.size; ++i) builder_.add(pool.token[i], pool.count_of(i));
    }
    builder_.release();
    all.labelled =
        all.total <= labelled_pool && (n <= byte_limit || n <= draws_per_token * i64{all.size});
    if (all.labelled) {
      i32* label = all.label;
      for (i32 i = 0; i < all.size; ++i)
        for (i64 c = all.frozen[i]; c > 0; --c) *label++ = all.token[i];
    } else if (n <= draws_by_alias * all.size) {
      pooled_alias_ = alias_of(all, space_.pooled_threshold, space_.pooled_alias);
    }
  }

  // Makes a source of the mean over entities of generation t.
  AUTOPHAGE_HD void mix(i64 t) {
    const double alpha = schedule_.alpha_at(t), beta = schedule_.beta_at(t);
    const double own = (1.0 - alpha) * beta, shared = (1.0 - alpha) * (1.0 - beta);
    const bool given = entities_.kept == nullptr;
    const double* mean = given ? entities_.mean : space_.mean;
    double* const p = space_.weight;
    for (i32 i = 0; i < living_; ++i)
      p[i] = own * mean[i] + (given ? shared * entities_.public_law[i] : 0.0);
    if (!given) add(space_.kept[entities_.count], shared, p);
    for (i32 k = 0; k < pools_ && alpha > 0.0; ++k) add(space_.pool[k], alpha / pools_, p);
    i32 size = 0;
    double sum = 0.0, lost = 0.0;  // what rounding took from the sum: over many tokens it adds up
    for (i32 i = 0; i < living_; ++i) {
      if (p[i] <= 0.0) continue;
      const double before = sum;
      sum += p[i];
      const double added = sum - before;
      lost += (before - (sum - added)) + (p[i] - added);
      space_.share[size] = p[i] / (sum + lost);
      space_.stack[size++] = i;
    }
    mixture_ = {size, space_.stack, space_.share, nullptr, nullptr, 0, {}};
  }

  // A pool of generation t: n draws from the mean over entities of generation t - 1.
  AUTOPHAGE_HD void draw_pool(i64 t, i64 n, Draws& draws) {
    const i64 again = draw_binomial(n, schedule_.alpha_at(t - 1), draws.split);
    const i64 own = draw_binomial(n - again, schedule_.beta_at(t - 1), draws.split);
    if (again > 0) draw_again(n, again, draws);
    const bool given = entities_.kept == nullptr;
    const Source* source = given ? entities_.given : space_.source;
    if (given && n <= BinomialHeight::small_n) {
      draw_source(source[entities_.count + 1], own, name_.stop, draws.truth, builder_);
    } else {
      draw_private(source, own, draws);
    }
    draw_source(source[entities_.count], n - again - own, name_.stop, draws.truth, builder_);
  }

  // `again` draws from the last pools, of n at most.
  AUTOPHAGE_HD void draw_again(i64 n, i64 again, Draws& draws) {
    const Sample& all = space_.pooled;
    if (all.labelled || n > draws_by_alias * all.size) {
      draws.from_sample(all, again, builder_);
    } else {
      for (i64 i = 0; i < again; ++i)
        builder_.add(all.token[draw_alias(pooled_alias_, draws.truth)], 1);
    }
  }

  // n draws, each from what an entity chosen uniformly keeps.
  AUTOPHAGE_HD void draw_private(const Source* source, i64 n, Draws& draws) {
    const i64 count = entities_.count;
    if (n <= 8 * count && count <= (i64{1} << 16)) {
      draws.pick_each(count, n,
                      [&](u32 k) { draw_source(source[k], 1, name_.stop, draws.truth, builder_); });
      return;
    }
    for (i64 k = 0; k < count && n > 0 && !stopped(); ++k) {
      const i64 x = draw_binomial_share(n, 1, count - k, draws.split);
      draw_source(source[k], x, name_.stop, draws.truth, builder_);
      n -= x;
    }
  }

  const Entities& entities_;
  const InteractingSchedule& schedule_;
  const RunName& name_;
  InteractingSpace& space_;
  i32 pools_, living_;
  i32 kept_only_ = -1, same_ = -1;  // the one token of all kept private data, of all entities
  double alpha_ = 0, beta_ = 0;
  Builder builder_;
  AliasTable pooled_alias_{};
  Source mixture_{};
};

}  // namespace autophage::core
