/* What the tests in C check with: a failed check says where, and the program ends with status 1. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "pipit/pipit.h"

static int failed_checks = 0;

#define CHECK(what)                                                       \
  do {                                                                    \
    if (!(what)) {                                                        \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);  \
      ++failed_checks;                                                    \
    }                                                                     \
  } while (0)

/* A call that has to succeed: else its error is printed. */
#define OK(call)                                                                        \
  do {                                                                                  \
    if ((call) != 0) {                                                                  \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call, err.text);          \
      ++failed_checks;                                                                  \
    }                                                                                   \
  } while (0)

static inline pipit_str text(const char* zero_terminated) {
  const pipit_str str = {zero_terminated, strlen(zero_terminated)};
  return str;
}

static inline int same(pipit_str str, const char* expected) {
  return str.len == strlen(expected) && (str.len == 0 || memcmp(str.data, expected, str.len) == 0);
}
