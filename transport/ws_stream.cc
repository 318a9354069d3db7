#include "transport/ws_stream.h"
