#include "transport/slab.h"
