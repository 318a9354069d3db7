#include "transport/memory_stream.h"
