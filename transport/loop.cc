#include "transport/loop.h"
