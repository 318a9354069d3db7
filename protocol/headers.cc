#include "protocol/headers.h"
