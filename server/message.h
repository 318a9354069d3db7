// What the server routes is the message as the parser read it: not a byte of it is copied on the way.
#pragma once
#include "protocol/message.h"

namespace pipit {

using proto::Message;

}  // namespace pipit
