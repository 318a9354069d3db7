// Handover: a socket of the host program's becomes one of ours.
#pragma once
#include "pipit/result.h"
#include "transport/byte_stream.h"

namespace pipit {

// Who is at the other end of `fd`. It is non-blocking and close-on-exec from now on, as ours are.
// An error of Server::adopt(): it is no connected stream socket.
Result<net::PeerAddress> take_socket(int fd);

}  // namespace pipit
