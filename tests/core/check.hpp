// The checks of the C++ tests. A test is a program: it makes checks and ends with `return
// finish();`.
//
// CHECK(condition) and CHECK_AT_MOST(value, bound, what) count; a failure prints file and line and
// the program goes on. finish() prints the figures and returns the exit status.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace autophage::test {

struct Tally {
  long checks = 0, failures = 0;
};
inline Tally& tally() {
  static Tally all;
  return all;
}

inline bool check(bool holds, const char* text, const char* file, int line) {
  ++tally().checks;
  if (!holds && ++tally().failures <= 50) std::printf("%s:%d: failed: %s\n", file, line, text);
  return holds;
}

// Prints the figure found beside the one allowed; NaN fails.
inline bool check_at_most(double value, double bound, const char* what, const char* file,
                          int line) {
  const bool holds = value <= bound;
  std::printf("%-66s %10.3g  (at most %.3g)\n", what, value, bound);
  return check(holds, what, file, line);
}

inline int finish() {
  std::printf("%ld checks, %ld failed\n", tally().checks, tally().failures);
  return tally().failures == 0 && tally().checks > 0 ? 0 : 1;
}

// The share of a long test's work that is done: 1, but less under the sanitizers, which are slow.
// The environment variable AUTOPHAGE_TEST_EFFORT overrides it.
inline double effort() {
  const char* wanted = std::getenv("AUTOPHAGE_TEST_EFFORT");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const double usual = 0.05;
#else
  const double usual = 1.0;
#endif
  return wanted == nullptr ? usual : std::strtod(wanted, nullptr);
}

// That share of `all`, at least 1.
inline long share_of(double all) {
  const double some = all * effort();
  return some > 1.0 ? static_cast<long>(some) : 1;
}

}  // namespace autophage::test

#define CHECK(...) ::autophage::test::check((__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
#define CHECK_AT_MOST(value, bound, what) \
  ::autophage::test::check_at_most((value), (bound), (what), __FILE__, __LINE__)
