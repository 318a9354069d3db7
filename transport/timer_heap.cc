#include "transport/timer_heap.h"
