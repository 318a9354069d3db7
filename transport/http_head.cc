#include "transport/http_head.h"
