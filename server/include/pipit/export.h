/* pipit/export.h -- marks what the shared library exports; everything else in it is hidden. For C too. */
#pragma once

#if defined(__GNUC__)
#define PIPIT_API __attribute__((visibility("default")))
#else
#define PIPIT_API
#endif
