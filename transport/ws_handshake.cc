#include "transport/ws_handshake.h"
