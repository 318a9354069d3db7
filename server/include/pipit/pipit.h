/* pipit/pipit.h -- a NATS broker inside a C program, and for every language that calls C.
 *
 * It says in C what pipit/server.h and pipit/client.h say in C++; what a call promises, and on which
 * threads, stands there: [any] thread, [owner] the thread that opened the server, [client] one thread
 * at a time, and besides that the client's own callbacks.
 *
 * Errors.    A call that can fail returns 0 or one of enum pipit_code, and fills *err if err is not
 *            null: err->text begins with the name of the call. A null handle or pointer where there
 *            has to be one is PIPIT_INVALID_ARGUMENT, never a crash.
 * Texts.     A pipit_str is bytes and a length, nothing has to end with a zero. {NULL, 0} is empty.
 *            What is passed in is not kept, unless handed over.
 * Contexts.  Beside each context pointer stands a pipit_release (or null). It is called exactly once,
 *            when nobody will use the context any more: before the call returns if that fails, else
 *            later and perhaps on another thread. It must not call Pipit.
 * Callbacks  run on a reactor: do not block in them, do not let an exception or longjmp out of them.
 * Handles    end with the pipit_*_close() or _free() of their kind, in any order, each once. A client
 *            that outlives its server answers PIPIT_CLOSED. */
#pragma once
#include <pipit/export.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header; the library checks it in pipit_server_open(). */
#define PIPIT_ABI 1u

enum pipit_code {
  PIPIT_OK = 0,
  PIPIT_INVALID_ARGUMENT = 1, /* what was asked for has no meaning, or not here */
  PIPIT_INVALID_CONFIG = 2,   /* the text lists the faults, a line each, as far as it reaches */
  PIPIT_NOT_BUILT = 3,        /* this library was built without it, or has another ABI */
  PIPIT_ADDRESS = 4,          /* a listener could not be bound */
  PIPIT_IO = 5,               /* see sys_errno */
  PIPIT_CLOSED = 6,           /* the server or client is closed */
  PIPIT_EXHAUSTED = 7,        /* a limit was reached */
  PIPIT_DENIED = 8,           /* the server does not let this client do that */
  PIPIT_SLOW_CONSUMER = 9,    /* too much is under way: the same call may succeed later */
  PIPIT_NO_RESPONDERS = 10,   /* nobody listens to what was requested */
  PIPIT_TIMEOUT = 11          /* it did not happen in time */
};

typedef struct pipit_server pipit_server;
typedef struct pipit_client pipit_client;
typedef struct pipit_sub pipit_sub;
typedef struct pipit_kept pipit_kept; /* a message beyond its callback */

typedef struct {
  const char* data;
  size_t len;
} pipit_str;

typedef struct {
  uint16_t code;     /* enum pipit_code */
  int32_t sys_errno; /* 0: there is none */
  char text[500];    /* ends with a zero */
} pipit_error;

/* In a callback it is valid while that runs. For publishing, `own` is null. */
typedef struct {
  pipit_str subject;
  pipit_str reply;   /* empty: no answer is asked for */
  pipit_str headers; /* empty, or a block "NATS/1.0\r\nName: value\r\n\r\n"; see pipit_headers_add() */
  pipit_str payload;
  const void* own;   /* Pipit's */
} pipit_msg;

typedef void (*pipit_release)(void* ctx);
typedef void (*pipit_on_msg)(void* ctx, const pipit_msg* msg);
/* code 0: the reply. Else why there is none, and msg is null. */
typedef void (*pipit_on_reply)(void* ctx, int code, const pipit_msg* msg);
typedef void (*pipit_on_done)(void* ctx);

enum pipit_log_level {
  PIPIT_LOG_FATAL,
  PIPIT_LOG_ERROR,
  PIPIT_LOG_WARNING,
  PIPIT_LOG_INFO,
  PIPIT_LOG_DEBUG,
  PIPIT_LOG_TRACE
};
/* Any reactor, several at a time. Calls of clients inside it are refused. */
typedef void (*pipit_on_log)(void* ctx, int level, pipit_str line);

enum pipit_event_kind {
  PIPIT_CONNECTED,
  PIPIT_AUTHENTICATED,
  PIPIT_AUTH_FAILED,
  PIPIT_DISCONNECTED
};
typedef struct {
  int kind;     /* enum pipit_event_kind */
  uint64_t cid; /* as in /connz */
  pipit_str transport; /* "tcp", "websocket", "in-process" */
  pipit_str host;
  uint16_t port;
  pipit_str name, user; /* as the client gave them; empty before that */
  pipit_str reason;     /* of PIPIT_AUTH_FAILED and PIPIT_DISCONNECTED */
} pipit_event;
/* On the reactor of that connection, between messages: clients may be used. */
typedef void (*pipit_on_event)(void* ctx, const pipit_event* event);

/* Who runs the server, and what it tells the program. All zero: threads of its own, silence. */
typedef struct {
  int caller_driven;      /* not 0: the owner calls pipit_server_poll() */
  struct uv_loop_s* loop; /* not null: run on this libuv loop, which outlives the server */
  pipit_on_log on_log;
  void* log_ctx;
  pipit_release log_release;
  pipit_on_event on_event;
  void* event_ctx;
  pipit_release event_release;
} pipit_hooks;

/* The ABI of this library: PIPIT_ABI of the header that it was built with. */
PIPIT_API uint32_t pipit_abi(void);
/* Reads the text of a nats-server configuration and says what is wrong with it. Opens nothing. */
PIPIT_API int pipit_config_check(pipit_str config, pipit_error* err); /* [any] */

/* -- Server -- */

/* `abi` is PIPIT_ABI. `config` is the text of a nats-server configuration, or empty; what it says of
 * process files (pid_file, log_file, ports_file_dir) is not done. Binds every listener, accepts
 * nothing yet. `hooks` may be null. */
PIPIT_API int pipit_server_open(uint32_t abi, pipit_str config, const pipit_hooks* hooks,
                                pipit_server** out, pipit_error* err);
PIPIT_API int pipit_server_start(pipit_server* server, pipit_error* err); /* [owner] */
/* [any] `done` may be null. It is called when the last client is gone. */
PIPIT_API int pipit_server_lame_duck(pipit_server* server, pipit_on_done done, void* ctx,
                                     pipit_release release, pipit_error* err);
/* [any] Server::stop(): waits where that makes sense. */
PIPIT_API int pipit_server_stop(pipit_server* server, pipit_error* err);
/* [any] Server::stop(done): never waits. */
PIPIT_API int pipit_server_stop_then(pipit_server* server, pipit_on_done done, void* ctx,
                                     pipit_release release, pipit_error* err);
/* [owner] Stops it as ~Server() does and frees the handle. Null: nothing. Not inside a callback. */
PIPIT_API void pipit_server_close(pipit_server* server);

/* [any] As bound; 0: that listener is off, or server is null. */
PIPIT_API uint16_t pipit_server_client_port(const pipit_server* server);
PIPIT_API uint16_t pipit_server_websocket_port(const pipit_server* server);
PIPIT_API uint16_t pipit_server_monitor_port(const pipit_server* server);
PIPIT_API pipit_str pipit_server_id(const pipit_server* server);

enum pipit_handover { PIPIT_HANDOVER_NATS, PIPIT_HANDOVER_WEBSOCKET };
/* [any] Gives a connected socket away, with what was read from it. On failure it is still yours. */
PIPIT_API int pipit_server_adopt(pipit_server* server, int fd, pipit_str read_already, int handover,
                                 pipit_error* err);

/* [any] Another configuration from now on, all of it or nothing: see Server::reload(). The hooks
 * stay. PIPIT_INVALID_ARGUMENT names what a running server cannot change. */
PIPIT_API int pipit_server_reload(pipit_server* server, pipit_str config, pipit_error* err);
/* [any] Certificates read anew from their files; on failure those in use stay. */
PIPIT_API int pipit_server_reload_certificates(pipit_server* server, pipit_error* err);

/* Driven by the caller: wait for fd or timeout (milliseconds, -1: forever), then poll. [owner]
 * Where it is not, fd is -1, timeout -1 and poll an error. */
PIPIT_API int pipit_server_fd(const pipit_server* server);
PIPIT_API int64_t pipit_server_timeout(const pipit_server* server);
PIPIT_API int pipit_server_poll(pipit_server* server, pipit_error* err);

/* -- Client -- */

typedef struct {
  pipit_str name;
  pipit_str user, password, token;
  int no_echo; /* not 0: its own messages do not come back to it */
} pipit_client_options;

/* [any] `options` may be null. */
PIPIT_API int pipit_connect(pipit_server* server, const pipit_client_options* options,
                            pipit_client** out, pipit_error* err);
/* [client] Closes it, and its subscriptions, and frees the handle. Null: nothing. */
PIPIT_API void pipit_client_close(pipit_client* client);
PIPIT_API int pipit_client_closed(const pipit_client* client);     /* [any] null: 1 */
PIPIT_API uint64_t pipit_client_id(const pipit_client* client);    /* [any] null: 0 */

/* [client] Copies the payload. */
PIPIT_API int pipit_publish(pipit_client* client, pipit_str subject, pipit_str reply,
                            pipit_str payload, pipit_error* err);
/* [client] The same with headers, and with the payload handed over where release is not null:
 * subscribers on every reactor read these bytes, which must not move or change before
 * release(ctx) is called. That happens on failure too. */
PIPIT_API int pipit_publish_msg(pipit_client* client, const pipit_msg* msg, pipit_release release,
                                void* ctx, pipit_error* err);
/* [client] Answers a message. */
PIPIT_API int pipit_respond(pipit_client* client, const pipit_msg* msg, pipit_str payload,
                            pipit_error* err);
/* [client] `queue` may be empty. */
PIPIT_API int pipit_subscribe(pipit_client* client, pipit_str subject, pipit_str queue,
                              pipit_on_msg on_msg, void* ctx, pipit_release release,
                              pipit_sub** out, pipit_error* err);
/* [any] No callback runs after it, but the one that calls it. Frees the handle. Null: nothing. */
PIPIT_API void pipit_sub_close(pipit_sub* sub);
/* [any] Unsubscribes after `count` messages; the handle stays. */
PIPIT_API int pipit_sub_close_after(pipit_sub* sub, uint64_t count, pipit_error* err);
/* [client] msg->reply has to be empty: the inbox is Pipit's. */
PIPIT_API int pipit_request(pipit_client* client, const pipit_msg* msg, int64_t timeout_ms,
                            pipit_on_reply on_reply, void* ctx, pipit_release release,
                            pipit_error* err);
/* [client] Waits for the reply; not on the client's own reactor. */
PIPIT_API int pipit_request_wait(pipit_client* client, const pipit_msg* msg, int64_t timeout_ms,
                                 pipit_kept** out, pipit_error* err);
/* [client] Client::flush(). */
PIPIT_API int pipit_flush(pipit_client* client, int64_t timeout_ms, pipit_error* err);

/* -- Messages -- */

/* [callback] Keeps a message that a callback was given. */
PIPIT_API int pipit_keep(const pipit_msg* msg, pipit_kept** out, pipit_error* err);
PIPIT_API const pipit_msg* pipit_kept_msg(const pipit_kept* kept); /* [any] null: null */
PIPIT_API void pipit_kept_free(pipit_kept* kept);                  /* [any] null: nothing */

/* 1: *value is that of the first header called `name`. 0: there is none. */
PIPIT_API int pipit_header(pipit_str headers, pipit_str name, pipit_str* value);
/* Of the block's first line, "503" or so; often empty. */
PIPIT_API pipit_str pipit_header_status(pipit_str headers);
/* Adds a header to the block of *len bytes in `buffer`; 0 begins one. PIPIT_EXHAUSTED: no room in
 * `capacity`. On failure the block is as it was. */
PIPIT_API int pipit_headers_add(char* buffer, size_t capacity, size_t* len, pipit_str name,
                                pipit_str value, pipit_error* err);

#ifdef __cplusplus
}
#endif
