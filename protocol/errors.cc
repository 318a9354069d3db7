#include "protocol/errors.h"
