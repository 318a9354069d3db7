#include "server/router/match_cache.h"
