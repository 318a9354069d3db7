// The C client of the NATS authors with streams: manages one, then publishes messages by
// js_PublishMsgAsync until each has its ack, over a crash of the broker. jetstream.test.mjs starts
// the broker, kills it meanwhile and reads what is there.
//
//   libnats_jetstream URL STREAM COUNT
#include <nats/nats.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kAckWaitMs = 3000, kStallMs = 2000, kAttempts = 40, kOutstanding = 1000, kBodyMax = 256 };

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition); \
      nats_PrintLastErrorStack(stderr);                               \
      exit(1);                                                        \
    }                                                                 \
  } while (0)
#define OK(call) CHECK((call) == NATS_OK)

// As streams.mjs has it.
static int body_of(char* body, int number) {
  int length = 0;
  for (int i = 0; i < 1 + number % 7; ++i)
    length += snprintf(body + length, (size_t)(kBodyMax - length), "message %d ", number);
  return length;
}

static void manage(jsCtx* js, const char* name) {
  jsStreamConfig config;
  jsStreamInfo* info = NULL;
  jsErrCode code = 0;
  const char* subjects[] = {name};
  OK(jsStreamConfig_Init(&config));
  config.Name = name;
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.AllowDirect = true;
  OK(js_AddStream(&info, js, &config, NULL, &code));
  CHECK(strcmp(info->Config->Name, name) == 0 && info->State.Msgs == 0);
  jsStreamInfo_Destroy(info);
  config.Description = "of libnats";
  OK(js_UpdateStream(&info, js, &config, NULL, &code));
  CHECK(strcmp(info->Config->Description, "of libnats") == 0);
  jsStreamInfo_Destroy(info);

  jsPubAck* ack = NULL;
  OK(js_Publish(&ack, js, name, "first", 5, NULL, &code));
  CHECK(ack->Sequence == 1 && strcmp(ack->Stream, name) == 0);
  jsPubAck_Destroy(ack);
  natsMsg* message = NULL;
  OK(js_GetMsg(&message, js, name, 1, NULL, &code));
  CHECK(natsMsg_GetDataLength(message) == 5 && memcmp(natsMsg_GetData(message), "first", 5) == 0);
  natsMsg_Destroy(message);
  jsDirectGetMsgOptions direct;
  OK(jsDirectGetMsgOptions_Init(&direct));
  direct.LastBySubject = name;
  OK(js_DirectGetMsg(&message, js, name, NULL, &direct));
  CHECK(natsMsg_GetSequence(message) == 1);
  natsMsg_Destroy(message);
  jsStreamNamesList* names = NULL;
  OK(js_StreamNames(&names, js, NULL, &code));
  CHECK(names->Count >= 1);
  jsStreamNamesList_Destroy(names);
  OK(js_PurgeStream(js, name, NULL, &code));
  OK(js_GetStreamInfo(&info, js, name, NULL, &code));
  CHECK(info->State.Msgs == 0 && info->State.FirstSeq == 2 && info->State.LastSeq == 1);
  jsStreamInfo_Destroy(info);
  CHECK(js_GetStreamInfo(&info, js, "none-such", NULL, &code) == NATS_NOT_FOUND);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const char* name = argv[2];
  const int count = atoi(argv[3]);
  natsOptions* options = NULL;
  natsConnection* connection = NULL;
  OK(natsOptions_Create(&options));
  OK(natsOptions_SetURL(options, argv[1]));
  OK(natsOptions_SetMaxReconnect(options, -1));
  OK(natsOptions_SetReconnectWait(options, 20));
  OK(natsConnection_Connect(&connection, options));
  jsOptions js_options;
  jsCtx* js = NULL;
  OK(jsOptions_Init(&js_options));
  js_options.PublishAsync.MaxPending = kOutstanding;
  js_options.PublishAsync.StallWait = kStallMs;
  OK(natsConnection_JetStream(&js, connection, &js_options));
  manage(js, name);

  // Without a handler, messages that found no broker or got no ack stay in the pending list.
  for (int number = 0; number < count; ++number) {
    char body[kBodyMax], id[32];
    natsMsg* message = NULL;
    const int length = body_of(body, number);
    snprintf(id, sizeof id, "m%d", number);
    OK(natsMsg_Create(&message, name, NULL, body, length));
    OK(natsMsgHeader_Set(message, "Nats-Msg-Id", id));
    natsStatus status = js_PublishMsgAsync(js, &message, NULL);
    for (int attempt = 0; status != NATS_OK && attempt < kAttempts; ++attempt) {
      // Acks that died with the broker stall it: what waits for one is published again.
      natsMsgList pending;
      if (js_PublishAsyncGetPendingList(&pending, js) == NATS_OK) {
        for (int i = 0; i < pending.Count; ++i)
          (void)js_PublishMsgAsync(js, &pending.Msgs[i], NULL);
        natsMsgList_Destroy(&pending);
      }
      if (message == NULL) break;
      status = js_PublishMsgAsync(js, &message, NULL);
    }
    OK(status);
    natsMsg_Destroy(message);
  }
  jsPubOptions wait;
  OK(jsPubOptions_Init(&wait));
  wait.MaxWait = kAckWaitMs;
  for (int attempt = 0; js_PublishAsyncComplete(js, &wait) != NATS_OK; ++attempt) {
    natsMsgList pending;
    CHECK(attempt < kAttempts);
    if (js_PublishAsyncGetPendingList(&pending, js) != NATS_OK) continue;
    for (int i = 0; i < pending.Count; ++i) OK(js_PublishMsgAsync(js, &pending.Msgs[i], NULL));
    natsMsgList_Destroy(&pending);
  }
  jsCtx_Destroy(js);
  natsConnection_Destroy(connection);
  natsOptions_Destroy(options);
  nats_Close();
  return 0;
}
