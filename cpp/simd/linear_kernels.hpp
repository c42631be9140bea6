// The linear kernels as plain functions over memory, one set of them for each instruction set.
#pragma once

#include "../core/host_device.hpp"

namespace autophage::simd {

using core::i32;
using core::i64;

// Equations a x a^H - x + q = 0 of n x n, in C order; complex numbers as (re, im).
struct LyapunovItems {
  i64 n, items;
  const double *a, *q;
  i64 a_stride, q_stride;  // doubles from one item to the next; 0: all have the same
  double* x;
  i32* status;
  i32* steps;         // null: not asked for
  double* condition;  // null: not asked for
  bool only_lost;     // only those of status 3
};

// From here on a real item is solved alone, by a kernel for rows, before packs see it; and a point
// of so many features.
inline constexpr i64 smallest_of_rows = 48;
inline constexpr i64 smallest_point_of_rows = 64;

struct InteractionPoints {
  i64 entities, features, points;
  const double *of_private, *of_public, *synthetic, *pooled;
  double noise;
  const double *alpha, *beta;  // of a point
  const i64* order;            // points that come near each other are computed together
  double *variance, *mse, *mspe, *radius, *homogenisation;  // null: not asked for
  i32* status;  // 0 fine, 1 spectral radius >= 1, 2 singular, 3 squarings do not tell
};

// `first` is the first of at most `lanes` items (points) that share a pack; `memory` has the
// doubles that the function beside it asks for, aligned to 64 bytes. Where the status of a point is
// 3, its F, features x features, is at memory + lane * features^2 on return.
struct LinearKernels {
  int lanes;
  i64 (*lyapunov_memory)(i64 n, bool is_complex);
  void (*lyapunov)(const LyapunovItems& items, bool is_complex, i64 first, double* memory,
                   const core::StopFlag& stop);
  i64 (*row_memory)(i64 n);
  void (*row)(const LyapunovItems& items, i64 item, double* memory, const core::StopFlag& stop);
  i64 (*row_interaction_memory)(const InteractionPoints& points);
  void (*row_interaction)(const InteractionPoints& points, i64 point, double* memory,
                          const core::StopFlag& stop);
  i64 (*interaction_memory)(const InteractionPoints& points);
  void (*interaction)(const InteractionPoints& points, i64 first, double* memory,
                      const core::StopFlag& stop);
};

LinearKernels baseline_kernels();
#if defined(__x86_64__)
LinearKernels avx2_kernels();
LinearKernels avx512_kernels();
#endif

}  // namespace autophage::simd
