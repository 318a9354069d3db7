/* Proves the C interface as a program uses it: a server on threads of its own and one that the caller
 * drives; clients that publish, subscribe, request, answer and hand payloads over; what is told of
 * clients; and that every release is called once. */
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/embed/check.h"

static const char* const kConfig = "host: 127.0.0.1\nport: -1\n";

/* What callbacks of this test count, on whatever thread. */
typedef struct {
  atomic_int calls, released, replies, last_code;
  pipit_client* client;
  pipit_kept* kept;
  char text[256];
} probe;

static void on_release(void* ctx) { ++((probe*)ctx)->released; }

static void on_message(void* ctx, const pipit_msg* msg) {
  probe* p = ctx;
  snprintf(p->text, sizeof p->text, "%.*s|%.*s|%.*s", (int)msg->subject.len, msg->subject.data,
           (int)msg->reply.len, msg->reply.len > 0 ? msg->reply.data : "", (int)msg->payload.len,
           msg->payload.len > 0 ? msg->payload.data : "");
  if (p->kept == NULL) pipit_keep(msg, &p->kept, NULL);
  if (msg->reply.len > 0) {
    pipit_error err;
    OK(pipit_respond(p->client, msg, text("answer"), &err));
  }
  ++p->calls;
}

static void on_reply(void* ctx, int code, const pipit_msg* msg) {
  probe* p = ctx;
  p->last_code = code;
  if (code == 0) snprintf(p->text, sizeof p->text, "%.*s", (int)msg->payload.len, msg->payload.data);
  CHECK((code == 0) == (msg != NULL));
  ++p->replies;
}

static void on_event(void* ctx, const pipit_event* event) {
  probe* p = ctx;
  CHECK(same(event->transport, "in-process"));
  CHECK(event->cid > 0);
  if (event->kind == PIPIT_CONNECTED) CHECK(same(event->name, "probe"));
  ++p->calls;
}

static void on_done(void* ctx) { ++((probe*)ctx)->calls; }

/* Threads of the server's own; this one waits by fences and for replies. */
static void on_threads(void) {
  pipit_error err;
  pipit_server* server = NULL;
  static probe told;
  pipit_hooks hooks = {0};
  hooks.on_event = on_event;
  hooks.event_ctx = &told;
  hooks.event_release = on_release;
  OK(pipit_server_open(PIPIT_ABI, text(kConfig), &hooks, &server, &err));
  CHECK(pipit_server_client_port(server) != 0);
  CHECK(pipit_server_websocket_port(server) == 0);
  CHECK(pipit_server_monitor_port(server) == 0);
  CHECK(pipit_server_id(server).len == 56);
  CHECK(pipit_server_fd(server) == -1);
  CHECK(pipit_server_timeout(server) == -1);
  CHECK(pipit_server_poll(server, &err) == PIPIT_INVALID_ARGUMENT);
  CHECK(strstr(err.text, "pipit_server_poll: ") == err.text);
  OK(pipit_server_start(server, &err));

  pipit_client_options options = {0};
  options.name = text("probe");
  pipit_client *a = NULL, *b = NULL;
  OK(pipit_connect(server, &options, &a, &err));
  OK(pipit_connect(server, &options, &b, &err));
  CHECK(pipit_client_id(a) != pipit_client_id(b));
  static probe p;
  p.client = a;
  pipit_sub *sub = NULL, *limited = NULL;
  OK(pipit_subscribe(a, text("greet.*"), text(""), on_message, &p, on_release, &sub, &err));
  OK(pipit_subscribe(a, text("greet.*"), text("workers"), on_message, &p, on_release, &limited,
                     &err));
  OK(pipit_sub_close_after(limited, 1, &err));
  OK(pipit_flush(a, 20000, &err));
  OK(pipit_publish(b, text("greet.one"), text(""), text("hello"), &err));
  OK(pipit_publish(b, text("greet.two"), text(""), text("again"), &err));
  OK(pipit_flush(b, 20000, &err));
  OK(pipit_flush(a, 20000, &err));
  CHECK(p.calls == 3);
  CHECK(strcmp(p.text, "greet.two||again") == 0);
  CHECK(same(pipit_kept_msg(p.kept)->payload, "hello"));
  pipit_sub_close(limited);

  pipit_kept* reply = NULL;
  pipit_msg ask = {0};
  ask.subject = text("greet.me");
  ask.payload = text("?");
  OK(pipit_request_wait(b, &ask, 20000, &reply, &err));
  CHECK(same(pipit_kept_msg(reply)->payload, "answer"));
  pipit_kept_free(reply);
  ask.subject = text("nobody.there");
  CHECK(pipit_request_wait(b, &ask, 20000, &reply, &err) == PIPIT_NO_RESPONDERS);
  CHECK(reply == NULL);

  pipit_sub_close(sub);
  pipit_client_close(a);
  OK(pipit_server_stop(server, &err));
  CHECK(pipit_publish(b, text("x"), text(""), text(""), &err) == PIPIT_CLOSED);
  CHECK(pipit_client_closed(b) == 1);
  pipit_server_close(server);
  CHECK(pipit_flush(b, 1, &err) == PIPIT_CLOSED);
  CHECK(strstr(err.text, "pipit_flush: ") == err.text);
  pipit_client_close(b);
  pipit_kept_free(p.kept);
  CHECK(p.released == 2);
  CHECK(told.calls == 6); /* connected, authenticated, disconnected: two clients */
  CHECK(told.released == 1);
}

/* The caller turns it; everything is on this thread. */
static void turn(pipit_server* server) {
  pipit_error err;
  struct pollfd watched = {pipit_server_fd(server), POLLIN, 0};
  const int64_t timeout = pipit_server_timeout(server);
  poll(&watched, 1, timeout < 0 || timeout > 20000 ? 20000 : (int)timeout);
  OK(pipit_server_poll(server, &err));
}

static void driven(void) {
  pipit_error err;
  pipit_server* server = NULL;
  pipit_client* client = NULL;
  pipit_hooks hooks = {0};
  hooks.caller_driven = 1;
  OK(pipit_server_open(PIPIT_ABI, text(kConfig), &hooks, &server, &err));
  OK(pipit_server_start(server, &err));
  OK(pipit_connect(server, NULL, &client, &err));
  static probe p;
  p.client = client;
  pipit_sub* sub = NULL;
  OK(pipit_subscribe(client, text("a"), text(""), on_message, &p, on_release, &sub, &err));

  /* A payload that is handed over, with headers. */
  static probe payload;
  char* large = malloc(64 * 1024);
  memset(large, 'x', 64 * 1024);
  char block[128];
  size_t len = 0;
  OK(pipit_headers_add(block, sizeof block, &len, text("Colour"), text("blue"), &err));
  OK(pipit_headers_add(block, sizeof block, &len, text("Size"), text("large"), &err));
  CHECK(pipit_headers_add(block, len, &len, text("One"), text("more"), &err) == PIPIT_EXHAUSTED);
  CHECK(pipit_headers_add(block, sizeof block, &len, text("no:"), text(""), &err) ==
        PIPIT_INVALID_ARGUMENT);
  pipit_msg msg = {0};
  msg.subject = text("a");
  msg.headers.data = block;
  msg.headers.len = len;
  msg.payload.data = large;
  msg.payload.len = 64 * 1024;
  OK(pipit_publish_msg(client, &msg, on_release, &payload, &err));
  CHECK(payload.released == 0);
  while (p.calls == 0) turn(server);
  CHECK(p.kept != NULL);
  const pipit_msg* kept = pipit_kept_msg(p.kept);
  CHECK(kept->payload.data == large);
  pipit_str value;
  CHECK(pipit_header(kept->headers, text("Size"), &value) == 1 && same(value, "large"));
  CHECK(pipit_header(kept->headers, text("size"), &value) == 0);
  CHECK(pipit_header_status(kept->headers).len == 0);
  CHECK(same(pipit_header_status(text("NATS/1.0 503\r\n\r\n")), "503"));
  CHECK(payload.released == 0);
  pipit_kept_free(p.kept);
  CHECK(payload.released == 1);
  free(large);

  msg.payload = text("?");
  static probe r;
  OK(pipit_request(client, &msg, 20000, on_reply, &r, on_release, &err));
  while (r.replies == 0) turn(server);
  CHECK(strcmp(r.text, "answer") == 0);
  msg.subject = text("b");
  OK(pipit_request(client, &msg, 20000, on_reply, &r, on_release, &err));
  while (r.replies == 1) turn(server);
  CHECK(r.last_code == PIPIT_NO_RESPONDERS);
  CHECK(r.released == 2);

  static probe stopped;
  OK(pipit_server_stop_then(server, on_done, &stopped, on_release, &err));
  while (stopped.calls == 0) pipit_server_poll(server, NULL);
  CHECK(stopped.released == 1);
  CHECK(pipit_server_poll(server, &err) == PIPIT_CLOSED);
  pipit_sub_close(sub);
  pipit_client_close(client);
  pipit_server_close(server);
  CHECK(p.released == 1);
}

int main(void) {
  CHECK(pipit_abi() == PIPIT_ABI);
  on_threads();
  driven();
  return failed_checks == 0 ? 0 : 1;
}
