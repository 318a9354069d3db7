#include "protocol/connect_info.h"
