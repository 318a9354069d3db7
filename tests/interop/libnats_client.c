// One conversation of the C client with a broker, chosen by name; exit status 0 if all was said and
// heard as it should be. libnats.test.mjs starts the broker and runs this once a conversation.
//
//   libnats_client URL CONVERSATION
//
// "reconnect" writes "restart" when it wants the broker restarted, "back" for each connection that
// found it again, and goes on when it reads a line.
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kWaitMs = 20000, kQueued = 600, kMembers = 3 };

static const char* url;

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      nats_PrintLastErrorStack(stderr);                               \
      exit(1);                                                        \
    }                                                                 \
  } while (0)
#define OK(call) CHECK((call) == NATS_OK)

// With TLS where the environment names an authority, and a certificate of our own where it has one.
static natsOptions* make_options(void) {
  natsOptions* options = NULL;
  OK(natsOptions_Create(&options));
  OK(natsOptions_SetURL(options, url));
  const char* authority = getenv("NATS_CA");
  if (authority == NULL) return options;
  OK(natsOptions_SetSecure(options, true));
  OK(natsOptions_LoadCATrustedCertificates(options, authority));
  OK(natsOptions_SetExpectedHostname(options, "localhost"));
  OK(natsOptions_LoadCertificatesChain(options, getenv("NATS_CERT"), getenv("NATS_KEY")));
  return options;
}

static natsConnection* dial(void) {
  natsOptions* options = make_options();
  natsConnection* connection = NULL;
  OK(natsConnection_Connect(&connection, options));
  natsOptions_Destroy(options);
  return connection;
}

static natsMsg* next(natsSubscription* subscription) {
  natsMsg* message = NULL;
  OK(natsSubscription_NextMsg(&message, subscription, kWaitMs));
  return message;
}

static natsSubscription* listen_to(natsConnection* connection, const char* subject) {
  natsSubscription* subscription = NULL;
  OK(natsConnection_SubscribeSync(&subscription, connection, subject));
  OK(natsConnection_Flush(connection));
  return subscription;
}

static void fill(char* data, int size) {
  for (int i = 0; i < size; ++i) data[i] = (char)(i * 31 + (i >> 8));
}

static void sizes(void) {
  natsConnection *a = dial(), *b = dial();
  natsSubscription* subscription = listen_to(a, "c.sizes");
  int sizes[] = {0, 1, 511, 512, 513, 4096, 65535, 65536, 300000, 1048576};
  int count = (int)(sizeof sizes / sizeof *sizes);
  char* data = malloc(1048576);
  CHECK(data != NULL);
  for (int i = 0; i < count; ++i) {
    fill(data, sizes[i]);
    OK(natsConnection_Publish(b, "c.sizes", data, sizes[i]));
  }
  OK(natsConnection_Flush(b));
  for (int i = 0; i < count; ++i) {
    natsMsg* message = next(subscription);
    CHECK(natsMsg_GetDataLength(message) == sizes[i]);
    fill(data, sizes[i]);
    CHECK(sizes[i] == 0 || memcmp(natsMsg_GetData(message), data, (size_t)sizes[i]) == 0);
    natsMsg_Destroy(message);
  }
  free(data);
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
}

static void headers(void) {
  natsConnection *a = dial(), *b = dial();
  natsSubscription* subscription = listen_to(a, "c.*");
  natsMsg* message = NULL;
  OK(natsMsg_Create(&message, "c.headers", "c.reply", "body", 4));
  OK(natsMsgHeader_Set(message, "Colour", "blue"));
  OK(natsConnection_PublishMsg(b, message));
  natsMsg_Destroy(message);
  message = next(subscription);
  const char* value = NULL;
  OK(natsMsgHeader_Get(message, "Colour", &value));
  CHECK(strcmp(value, "blue") == 0);
  CHECK(strcmp(natsMsg_GetSubject(message), "c.headers") == 0);
  CHECK(strcmp(natsMsg_GetReply(message), "c.reply") == 0);
  CHECK(natsMsg_GetDataLength(message) == 4 && memcmp(natsMsg_GetData(message), "body", 4) == 0);
  natsMsg_Destroy(message);
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
}

static void echo_back(natsConnection* connection, natsSubscription* subscription, natsMsg* message,
                      void* closure) {
  (void)subscription;
  (void)closure;
  natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                         natsMsg_GetDataLength(message));
  natsMsg_Destroy(message);
}

static natsSubscription* answer(natsConnection* connection, const char* subject) {
  natsSubscription* subscription = NULL;
  OK(natsConnection_Subscribe(&subscription, connection, subject, echo_back, NULL));
  OK(natsConnection_Flush(connection));
  return subscription;
}

static void ask(natsConnection* connection, const char* subject, int number) {
  char text[16];
  snprintf(text, sizeof text, "%d", number);
  natsMsg* reply = NULL;
  OK(natsConnection_RequestString(&reply, connection, subject, text, kWaitMs));
  CHECK(natsMsg_GetDataLength(reply) == (int)strlen(text));
  CHECK(memcmp(natsMsg_GetData(reply), text, strlen(text)) == 0);
  natsMsg_Destroy(reply);
}

static void requests(void) {
  natsConnection *a = dial(), *b = dial();
  natsSubscription* subscription = answer(a, "c.ask");
  for (int i = 0; i < 200; ++i) ask(b, "c.ask", i);
  natsMsg* reply = NULL;
  CHECK(natsConnection_RequestString(&reply, b, "c.nobody", "", kWaitMs) == NATS_NO_RESPONDERS);
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
}

// Each message of the group has a number; each number is ticked off once.
static void queues(void) {
  natsConnection* members[kMembers];
  natsSubscription* shares[kMembers];
  for (int i = 0; i < kMembers; ++i) {
    members[i] = dial();
    OK(natsConnection_QueueSubscribeSync(&shares[i], members[i], "c.work", "workers"));
    OK(natsConnection_Flush(members[i]));
  }
  natsConnection* publisher = dial();
  char text[16];
  for (int i = 0; i < kQueued; ++i) {
    snprintf(text, sizeof text, "%d", i);
    OK(natsConnection_PublishString(publisher, "c.work", text));
  }
  OK(natsConnection_Flush(publisher));

  bool seen[kQueued] = {false};
  int left = kQueued;
  int64_t deadline = nats_Now() + kWaitMs;
  for (int i = 0; left > 0; i = (i + 1) % kMembers) {
    CHECK(nats_Now() < deadline);
    natsMsg* message = NULL;
    natsStatus status = natsSubscription_NextMsg(&message, shares[i], 1);
    if (status == NATS_TIMEOUT) continue;
    OK(status);
    int number = atoi(natsMsg_GetData(message));
    CHECK(number >= 0 && number < kQueued && !seen[number]);
    seen[number] = true;
    --left;
    natsMsg_Destroy(message);
  }
  for (int i = 0; i < kMembers; ++i) {
    int64_t delivered = 0;
    OK(natsSubscription_GetDelivered(shares[i], &delivered));
    CHECK(delivered > 0);
    natsSubscription_Destroy(shares[i]);
    natsConnection_Destroy(members[i]);
  }
  natsConnection_Destroy(publisher);
}

static void unsubscribes(void) {
  natsConnection *a = dial(), *b = dial();
  natsSubscription *few = NULL, *end = NULL;
  OK(natsConnection_SubscribeSync(&few, a, "c.few"));
  OK(natsSubscription_AutoUnsubscribe(few, 2));
  end = listen_to(a, "c.end");
  for (int i = 0; i < 5; ++i) OK(natsConnection_PublishString(b, "c.few", "x"));
  OK(natsConnection_PublishString(b, "c.end", "x"));
  natsMsg_Destroy(next(few));
  natsMsg_Destroy(next(few));
  natsMsg_Destroy(next(end));
  natsMsg* message = NULL;
  CHECK(natsSubscription_NextMsg(&message, few, 1) == NATS_MAX_DELIVERED_MSGS);
  natsSubscription_Destroy(few);
  natsSubscription_Destroy(end);
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
}

static void on_reconnected(natsConnection* connection, void* closure) {
  (void)connection;
  (void)closure;
  puts("back");
  fflush(stdout);
}

static void reconnect(void) {
  natsOptions* options = make_options();
  OK(natsOptions_SetMaxReconnect(options, -1));
  OK(natsOptions_SetReconnectWait(options, 20));
  OK(natsOptions_SetReconnectedCB(options, on_reconnected, NULL));
  natsConnection *a = NULL, *b = NULL;
  OK(natsConnection_Connect(&a, options));
  OK(natsConnection_Connect(&b, options));
  natsSubscription* subscription = answer(a, "c.still.there");
  puts("restart");
  fflush(stdout);
  char line[16];
  CHECK(fgets(line, sizeof line, stdin) != NULL);
  OK(natsConnection_Flush(a));
  OK(natsConnection_Flush(b));
  ask(b, "c.still.there", 7);
  natsSubscription_Destroy(subscription);
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
  natsOptions_Destroy(options);
}

int main(int argc, char** argv) {
  static const struct {
    const char* name;
    void (*talk)(void);
  } conversations[] = {
      {"sizes", sizes},   {"headers", headers},           {"requests", requests},
      {"queues", queues}, {"unsubscribes", unsubscribes}, {"reconnect", reconnect},
  };
  if (argc != 3) return 2;
  url = argv[1];
  for (size_t i = 0; i < sizeof conversations / sizeof *conversations; ++i) {
    if (strcmp(conversations[i].name, argv[2]) != 0) continue;
    conversations[i].talk();
    nats_Close();
    return 0;
  }
  return 2;
}
