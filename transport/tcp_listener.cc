#include "transport/tcp_listener.h"
