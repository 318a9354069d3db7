/* What a C program does with the installed library: it opens a server on a port of the kernel's
 * choice, connects, subscribes, publishes, receives and closes. */
#include <pipit/pipit.h>
#include <stdio.h>
#include <string.h>

static int got = 0;
static void on_msg(void* ctx, const pipit_msg* msg) {
  got = ctx == &got && msg->payload.len == 5 && memcmp(msg->payload.data, "hello", 5) == 0;
}

int main(void) {
  const pipit_str config = {"host: 127.0.0.1, port: -1", 25};
  const pipit_str subject = {"greet", 5}, hello = {"hello", 5}, none = {NULL, 0};
  pipit_error err = {0};
  pipit_server* server = NULL;
  pipit_client* client = NULL;
  pipit_sub* sub = NULL;
  if (pipit_server_open(PIPIT_ABI, config, NULL, &server, &err) != 0 ||
      pipit_server_start(server, &err) != 0 ||
      pipit_connect(server, NULL, &client, &err) != 0 ||
      pipit_subscribe(client, subject, none, on_msg, &got, NULL, &sub, &err) != 0 ||
      pipit_publish(client, subject, none, hello, &err) != 0 ||
      pipit_flush(client, 10000, &err) != 0) {
    printf("%s\n", err.text);
    return 1;
  }
  pipit_sub_close(sub);
  pipit_client_close(client);
  pipit_server_close(server);
  if (!got) printf("the message did not come\n");
  return got ? 0 : 1;
}
