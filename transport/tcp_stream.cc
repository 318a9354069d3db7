#include "transport/tcp_stream.h"
