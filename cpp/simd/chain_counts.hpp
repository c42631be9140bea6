// Generations of several fully synthetic chains side by side, by conditional binomials over their
// living tokens: one set of functions for each instruction set. Bits are those of
// core::share_from_middle.
#pragma once

#include "chain_kernels.hpp"

namespace autophage::simd {

// A generation under way in each lane: its children take the places of their parents, which are
// visited in order. What a lane without a run holds is such that nothing comes of it.
struct CountLanes {
  static constexpr int most = 16;   // lanes
  static constexpr int ahead = 32;  // words of a lane's stream at hand

  alignas(64) double rest[most];   // draws to come
  alignas(64) double whole[most];  // parents to come
  alignas(64) double left[most];   // tokens to come, but for the last one
  alignas(64) double live[most];   // 1, or 0 where there is no run
  alignas(64) i64 parents[most];   // of the token at `at`
  alignas(64) u64 word[most][ahead];
  const StreamFamily* stream;
  u64 run[most], block[most];  // of the stream: to be read next
  i32 used[most];              // of the words
  i32 until;                   // steps until words of a lane run out
  i32 lives[most];             // the same as `live`
  i32 at[most], kept[most];    // tokens: at hand, children before it
  i32* token[most];
  i64* count[most];
  i32 idle_token[most][2];
  i64 idle_count[most][2];

  // A run comes to a lane.
  void begin(int lane, u64 run_, core::Sample& sample) {
    live[lane] = 1.0;
    lives[lane] = 1;
    run[lane] = run_;
    block[lane] = 0;
    used[lane] = ahead;
    until = 0;
    token[lane] = sample.token;
    count[lane] = sample.frozen;
  }

  // A generation whose first token is drawn: what is left, the parents of the second one, the
  // children so far.
  void open(int lane, i64 rest_, i64 whole_, i64 parents_, i32 kept_, i32 left_) {
    rest[lane] = static_cast<double>(rest_);
    whole[lane] = static_cast<double>(whole_);
    parents[lane] = parents_;
    at[lane] = 1;
    kept[lane] = kept_;
    left[lane] = left_;
  }

  void idle(int lane) {
    rest[lane] = 1.0;
    whole[lane] = 2.0;
    live[lane] = 0.0;
    lives[lane] = 0;
    parents[lane] = idle_count[lane][1] = 1;
    idle_token[lane][1] = 0;
    used[lane] = kept[lane] = 0;
    at[lane] = 1;
    left[lane] = 1.0;
    token[lane] = idle_token[lane];
    count[lane] = idle_count[lane];
  }
};

struct CountKernels {
  int lanes;
  // Words 32 k .. of 64 bits of the run's stream, where block = 16 k, to an address aligned to 64
  // bytes.
  void (*words)(const StreamFamily& stream, u64 run, u64 block, u64* word);
  // Up to `most` tokens of every lane, each with a word of its own, until generations end: in the
  // lanes whose bits are set in what is returned only the last token, if draws are left, is to
  // come.
  u32 (*draw)(CountLanes& lanes, int most);
  // x[i] of n[i] draws that fall on part[i] of whole[i] (core::draw_share, n up to 1024), each from
  // the word beside it: a whole number of lanes at addresses aligned to 64 bytes. Chains have no
  // use for it: it lets one test and time the draws by themselves.
  void (*shares)(i64 count, const double* n, const double* part, const double* whole,
                 const u64* word, i64* x);
};

#if defined(__x86_64__)
CountKernels avx2_counts();
CountKernels avx512_counts();
#endif

}  // namespace autophage::simd
