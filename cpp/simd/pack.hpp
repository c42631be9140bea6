// Doubles side by side, each lane a number of its own: lane k of every result depends on lane k of
// the operands alone, so that what shares a pack changes no bit.
//
// Set names an instruction set (its vector type, its width, its multiply-add). Types and functions
// of different sets have different names for the linker: code compiled with wide instructions can
// never stand in for code that runs everywhere.
#pragma once

#include "../core/numbers.hpp"

namespace autophage::simd {

template <class Set>
struct Pack {
  using Vector = typename Set::Vector;
  static constexpr int lanes = static_cast<int>(sizeof(Vector) / sizeof(double));
  static constexpr int widest_tile = Set::widest_tile;
  static constexpr double rounding = 0x1p-53;

  struct Mask {
    decltype(Vector{} < Vector{}) bits{};
    [[gnu::always_inline]] friend inline Mask operator&(Mask a, Mask b) {
      return {a.bits & b.bits};
    }
    [[gnu::always_inline]] friend inline Mask operator|(Mask a, Mask b) {
      return {a.bits | b.bits};
    }
    [[gnu::always_inline]] friend inline Mask operator!(Mask a) { return {~a.bits}; }
    bool lane(int i) const { return bits[i] != 0; }
    void set(int i, bool truth) { bits[i] = truth ? -1 : 0; }
    [[gnu::always_inline]] friend inline bool any(Mask a) {
      bool found = false;
      for (int i = 0; i < lanes; ++i) found = found || a.bits[i] != 0;
      return found;
    }
  };

  Vector of{};
  Pack() = default;
  [[gnu::always_inline]] explicit Pack(Vector values) : of(values) {}
  [[gnu::always_inline]] explicit Pack(double same) : of(same - Vector{}) {}

  [[gnu::always_inline]] friend inline Pack operator+(Pack a, Pack b) { return Pack(a.of + b.of); }
  [[gnu::always_inline]] friend inline Pack operator-(Pack a, Pack b) { return Pack(a.of - b.of); }
  [[gnu::always_inline]] friend inline Pack operator*(Pack a, Pack b) { return Pack(a.of * b.of); }
  [[gnu::always_inline]] friend inline Pack operator/(Pack a, Pack b) { return Pack(a.of / b.of); }
  [[gnu::always_inline]] friend inline Pack operator-(Pack a) { return Pack(-a.of); }
  [[gnu::always_inline]] friend inline Mask operator<=(Pack a, Pack b) { return {a.of <= b.of}; }
  [[gnu::always_inline]] friend inline Mask operator>(Pack a, Pack b) { return {a.of > b.of}; }

  [[gnu::always_inline]] friend inline Pack multiply_add(Pack a, Pack b, Pack c) {
    return Pack(Set::multiply_add(a.of, b.of, c.of));
  }
  [[gnu::always_inline]] friend inline Pack multiply_add(double a, Pack b, Pack c) {
    return multiply_add(Pack(a), b, c);
  }
  [[gnu::always_inline]] friend inline Pack product_rest(Pack a, Pack b, Pack product) {
    return Pack(Set::product_rest(a.of, b.of, product.of));
  }
  [[gnu::always_inline]] friend inline Pack select(Mask mask, Pack a, Pack b) {
    return Pack(mask.bits ? a.of : b.of);
  }
  [[gnu::always_inline]] friend inline Pack larger(Pack a, Pack b) {
    return Pack(a.of > b.of ? a.of : b.of);
  }
  [[gnu::always_inline]] friend inline double lane_of(const Pack& a, int i) { return a.of[i]; }
  [[gnu::always_inline]] friend inline void set_lane(Pack& a, int i, double value) {
    a.of[i] = value;
  }
  [[gnu::always_inline]] friend inline Pack conjugate(Pack a) { return a; }
  [[gnu::always_inline]] friend inline Pack real_part(Pack a) { return a; }
  [[gnu::always_inline]] friend inline Pack square_of(Pack a) { return a * a; }
  [[gnu::always_inline]] friend inline Pack size_of(Pack a) {
    return Pack(a.of < 0 ? -a.of : a.of);
  }
};

}  // namespace autophage::simd
