/* Proves that every call of the C interface answers wrong use with an error that names the call: null
 * handles and places, texts without bytes, what has no meaning, what is too large, the wrong state;
 * and that a context is released once by a call that fails. */
#include <pthread.h>

#include "tests/embed/check.h"

static int released = 0;
static void on_release(void* ctx) {
  CHECK(ctx == &released);
  ++released;
}
static void on_msg(void* ctx, const pipit_msg* msg) { (void)ctx, (void)msg; }
static void on_reply(void* ctx, int code, const pipit_msg* msg) { (void)ctx, (void)code, (void)msg; }
static void on_done(void* ctx) { (void)ctx; }
static void on_log(void* ctx, int level, pipit_str line) { (void)ctx, (void)level, (void)line; }

static pipit_error err;

/* A call that has to fail with `expected`, and say its name. */
#define FAILS(expected, name, arguments)                                          \
  do {                                                                            \
    memset(&err, 0, sizeof err);                                                  \
    const int got = name arguments;                                               \
    if (got != (expected) || err.code != (expected) ||                            \
        strncmp(err.text, #name ": ", sizeof #name + 1) != 0) {                   \
      fprintf(stderr, "%s:%d: %s%s gave %d, '%s'\n", __FILE__, __LINE__, #name,   \
              #arguments, got, err.text);                                         \
      ++failed_checks;                                                            \
    }                                                                             \
  } while (0)

/* The same, with a context that is to be released by then. */
#define FAILS_AND_RELEASES(expected, name, arguments) \
  do {                                                \
    const int before = released;                      \
    FAILS(expected, name, arguments);                 \
    CHECK(released == before + 1);                    \
  } while (0)

#define RELEASED &released, on_release

/* What belongs to the thread that opened the server. */
static void* elsewhere(void* server) {
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_start, (server, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_poll, (server, &err));
  CHECK(pipit_server_timeout(server) == 0);
  return NULL;
}

int main(void) {
  const pipit_str none = {NULL, 0}, broken = {NULL, 5}, a = {"a", 1};
  pipit_server* server = NULL;
  pipit_client* client = NULL;
  pipit_sub* sub = NULL;
  pipit_kept* kept = NULL;
  pipit_msg msg = {0};
  msg.subject = a;
  pipit_msg broken_msg = msg;
  broken_msg.payload = broken;

  FAILS(PIPIT_INVALID_ARGUMENT, pipit_config_check, (broken, &err));
  FAILS(PIPIT_INVALID_CONFIG, pipit_config_check, (text("port: seven"), &err));
  FAILS(PIPIT_INVALID_CONFIG, pipit_config_check, (text("max_payload: 2MB\nmax_pending: 1MB"), &err));
  CHECK(pipit_config_check(none, NULL) == 0);

  pipit_hooks hooks = {0};
  hooks.on_log = on_log;
  hooks.log_ctx = &released;
  hooks.log_release = on_release;
  FAILS(PIPIT_NOT_BUILT, pipit_server_open, (PIPIT_ABI + 1, none, NULL, &server, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_server_open, (PIPIT_ABI, none, &hooks, NULL, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_server_open,
                     (PIPIT_ABI, broken, &hooks, &server, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_CONFIG, pipit_server_open,
                     (PIPIT_ABI, text("no { such\n"), &hooks, &server, &err));
  hooks.caller_driven = 1;
  hooks.loop = (struct uv_loop_s*)&hooks;
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_server_open,
                     (PIPIT_ABI, none, &hooks, &server, &err));
  CHECK(server == NULL);
  hooks.loop = NULL;
  hooks.on_log = NULL; /* a context nobody needs */
  const int before = released;
  const char* const config =
      "host: 127.0.0.1\nport: -1\nmax_payload: 100\nmax_control_line: 512\nmax_subscriptions: 1\n"
      "authorization { user: ann, password: secret }";
  OK(pipit_server_open(PIPIT_ABI, text(config), &hooks, &server, &err));
  CHECK(released == before + 1);

  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_start, (NULL, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_server_lame_duck, (NULL, on_done, RELEASED, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_stop, (NULL, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_server_stop_then, (NULL, on_done, RELEASED, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_poll, (NULL, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_adopt, (NULL, 0, none, PIPIT_HANDOVER_NATS, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_adopt, (server, 0, broken, PIPIT_HANDOVER_NATS, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_adopt, (server, 0, none, 7, &err));
  FAILS(PIPIT_CLOSED, pipit_server_adopt, (server, 0, none, PIPIT_HANDOVER_NATS, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_reload, (NULL, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_reload, (server, broken, &err));
  FAILS(PIPIT_INVALID_CONFIG, pipit_server_reload, (server, text("no { such"), &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_reload, (server, none, &err)); /* another port */
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_reload_certificates, (NULL, &err));
  OK(pipit_server_reload(server, text(config), &err));
  OK(pipit_server_reload_certificates(server, &err)); /* of which there are none */
  CHECK(pipit_server_client_port(NULL) == 0 && pipit_server_websocket_port(NULL) == 0);
  CHECK(pipit_server_monitor_port(NULL) == 0 && pipit_server_id(NULL).len == 0);
  CHECK(pipit_server_fd(NULL) == -1 && pipit_server_timeout(NULL) == -1);
  pipit_server_close(NULL);
  pthread_t other;
  CHECK(pthread_create(&other, NULL, elsewhere, server) == 0 && pthread_join(other, NULL) == 0);
  OK(pipit_server_start(server, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_server_start, (server, &err));

  pipit_client_options wrong = {0};
  wrong.user = text("ann");
  wrong.password = text("guess");
  FAILS(PIPIT_DENIED, pipit_connect, (server, &wrong, &client, &err));
  wrong.name = broken;
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_connect, (server, &wrong, &client, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_connect, (NULL, NULL, &client, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_connect, (server, NULL, NULL, &err));
  CHECK(client == NULL);
  OK(pipit_connect(server, NULL, &client, &err));
  pipit_client_close(NULL);
  CHECK(pipit_client_closed(NULL) == 1 && pipit_client_closed(client) == 0);
  CHECK(pipit_client_id(NULL) == 0);

  char large[200];
  memset(large, 'x', sizeof large);
  const pipit_str too_large = {large, sizeof large};
  char many[600]; /* more than max_control_line */
  memset(many, 'x', sizeof many);
  const pipit_str long_subject = {many, sizeof many};
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_publish, (NULL, a, none, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_publish, (client, none, none, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_publish, (client, text("a b"), none, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_publish, (client, a, text(".."), none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_publish, (client, a, none, broken, &err));
  FAILS(PIPIT_DENIED, pipit_publish, (client, text("$NRG.a"), none, none, &err));
  FAILS(PIPIT_EXHAUSTED, pipit_publish, (client, a, none, too_large, &err));
  FAILS(PIPIT_EXHAUSTED, pipit_publish, (client, long_subject, none, none, &err));
  FAILS(PIPIT_EXHAUSTED, pipit_publish, (client, a, long_subject, none, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_publish_msg,
                     (NULL, &msg, on_release, &released, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_publish_msg,
                     (client, NULL, on_release, &released, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_publish_msg,
                     (client, &broken_msg, on_release, &released, &err));
  pipit_msg odd = msg;
  odd.headers = text("no headers");
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_publish_msg,
                     (client, &odd, on_release, &released, &err));
  odd.headers = none;
  odd.payload = too_large;
  FAILS_AND_RELEASES(PIPIT_EXHAUSTED, pipit_publish_msg,
                     (client, &odd, on_release, &released, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_respond, (NULL, &msg, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_respond, (client, NULL, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_respond, (client, &msg, none, &err));
  pipit_msg asked = msg;
  asked.reply = a;
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_respond, (client, &asked, broken, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_respond, (client, &broken_msg, none, &err));
  FAILS(PIPIT_EXHAUSTED, pipit_respond, (client, &asked, too_large, &err));

  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_subscribe,
                     (NULL, a, none, on_msg, RELEASED, &sub, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_subscribe,
                     (client, a, none, NULL, RELEASED, &sub, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_subscribe,
                     (client, a, none, on_msg, RELEASED, NULL, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_subscribe,
                     (client, text("a..b"), none, on_msg, RELEASED, &sub, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_subscribe,
                     (client, a, broken, on_msg, RELEASED, &sub, &err));
  FAILS_AND_RELEASES(PIPIT_EXHAUSTED, pipit_subscribe,
                     (client, long_subject, none, on_msg, RELEASED, &sub, &err));
  FAILS_AND_RELEASES(PIPIT_EXHAUSTED, pipit_subscribe,
                     (client, a, long_subject, on_msg, RELEASED, &sub, &err));
  CHECK(sub == NULL);
  OK(pipit_subscribe(client, a, none, on_msg, NULL, NULL, &sub, &err));
  pipit_sub* second = NULL;
  FAILS_AND_RELEASES(PIPIT_EXHAUSTED, pipit_subscribe,
                     (client, a, none, on_msg, RELEASED, &second, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_sub_close_after, (NULL, 1, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_sub_close_after, (sub, 0, &err));
  pipit_sub_close(NULL);

  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_request,
                     (NULL, &msg, 1, on_reply, RELEASED, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_request,
                     (client, NULL, 1, on_reply, RELEASED, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_request,
                     (client, &msg, 1, NULL, RELEASED, &err));
  pipit_msg with_reply = msg;
  with_reply.reply = a;
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_request,
                     (client, &with_reply, 1, on_reply, RELEASED, &err));
  FAILS_AND_RELEASES(PIPIT_INVALID_ARGUMENT, pipit_request,
                     (client, &broken_msg, 1, on_reply, RELEASED, &err));
  FAILS_AND_RELEASES(PIPIT_EXHAUSTED, pipit_request, (client, &odd, 1, on_reply, RELEASED, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (NULL, &msg, 1, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (client, NULL, 1, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (client, &with_reply, 1, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (client, &msg, 1, NULL, &err));
  /* This thread is the client's own reactor: waiting here would be for ever. */
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (client, &msg, 1, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_flush, (NULL, 1, &err));

  FAILS(PIPIT_INVALID_ARGUMENT, pipit_keep, (NULL, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_keep, (&msg, &kept, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_keep, (&msg, NULL, &err));
  CHECK(kept == NULL && pipit_kept_msg(NULL) == NULL);
  pipit_kept_free(NULL);
  size_t len = 0;
  pipit_str value;
  CHECK(pipit_header(broken, a, &value) == 0 && pipit_header(none, a, NULL) == 0);
  CHECK(pipit_header_status(broken).len == 0);
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (NULL, 0, &len, a, a, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (large, sizeof large, NULL, a, a, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (large, sizeof large, &len, broken, a, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (large, sizeof large, &len, none, a, &err));
  FAILS(PIPIT_EXHAUSTED, pipit_headers_add, (large, sizeof large, &len, a, long_subject, &err));
  CHECK(len == 0);
  len = 201; /* more than the buffer */
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (large, sizeof large, &len, a, a, &err));
  len = 10; /* of a buffer that holds no block */
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_headers_add, (large, sizeof large, &len, a, a, &err));

  /* Without a place for the error, too. */
  CHECK(pipit_publish(client, none, none, none, NULL) == PIPIT_INVALID_ARGUMENT);

  OK(pipit_server_stop(server, &err));
  FAILS(PIPIT_CLOSED, pipit_publish, (client, a, none, none, &err));
  FAILS_AND_RELEASES(PIPIT_CLOSED, pipit_publish_msg, (client, &msg, on_release, &released, &err));
  FAILS_AND_RELEASES(PIPIT_CLOSED, pipit_subscribe,
                     (client, a, none, on_msg, RELEASED, &second, &err));
  FAILS_AND_RELEASES(PIPIT_CLOSED, pipit_request, (client, &msg, 1, on_reply, RELEASED, &err));
  FAILS(PIPIT_CLOSED, pipit_respond, (client, &asked, none, &err));
  FAILS(PIPIT_INVALID_ARGUMENT, pipit_request_wait, (client, &msg, 1, &kept, &err));
  FAILS(PIPIT_CLOSED, pipit_flush, (client, 1, &err));
  CHECK(pipit_client_closed(client) == 1);
  OK(pipit_sub_close_after(sub, 1, &err)); /* it had none more to come */
  OK(pipit_server_stop(server, &err));
  FAILS(PIPIT_CLOSED, pipit_server_adopt, (server, 0, none, PIPIT_HANDOVER_NATS, &err));
  FAILS(PIPIT_CLOSED, pipit_server_reload, (server, text(config), &err));
  pipit_client* late = NULL;
  FAILS(PIPIT_CLOSED, pipit_connect, (server, NULL, &late, &err));
  FAILS(PIPIT_CLOSED, pipit_server_start, (server, &err));
  FAILS(PIPIT_CLOSED, pipit_server_poll, (server, &err));
  pipit_sub_close(sub);
  pipit_client_close(client);
  pipit_server_close(server);
  return failed_checks == 0 ? 0 : 1;
}
