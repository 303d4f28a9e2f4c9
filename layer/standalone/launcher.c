/* Registers with Lambda, then becomes Python: what Lambda starts of the layers that bring their own interpreter.
 *
 * A custom runtime may have no shell that knows TCP, or none at all, so this is a program of its own, linked statically.
 * Lambda starts the function's runtime when every extension has registered; this has done so before an interpreter would
 * have read its first file. It sends the one request that Lambda waits for. Python inherits the connection and reads the
 * answer: the identifier in it lets its owner ask for our events, and a command line is open to every process. Wherever
 * that does not work out, Python registers, which does so for as long as it takes.
 *
 * Given arguments (--check), or outside of Lambda, it registers nothing and hands them on. AWS: Lambda Extensions API, "Register".
 */
#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* To connect and to send. Both are done in a millisecond; without them, Python registers. */
#define PATIENCE_S 2

/* Of a descriptor's number. */
#define MAX_NUMBER 16

/* What the function sets for its own interpreter and libraries is not meant for ours. */
static const char *const not_ours[] = {"PYTHONHOME", "PYTHONPATH", "LD_PRELOAD", "LD_LIBRARY_PATH"};

static int connect_to(const char *api) {
    char host[INET_ADDRSTRLEN] = "";
    const char *colon = strrchr(api, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    long port;
    int connection;

    if (colon == NULL || (size_t)(colon - api) >= sizeof host)
        return -1;
    memcpy(host, api, (size_t)(colon - api));
    port = strtol(colon + 1, NULL, 10);
    if (port < 1 || port > 65535 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return -1; /* A name: to resolve it is left to Python. */
    address.sin_port = htons((unsigned short)port);
    connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0)
        return -1;
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0)
        return connection;
    close(connection);
    return -1;
}

static int ask(int connection, const char *api, const char *name) {
    char request[1024];
    const char *kind = getenv("AWS_LAMBDA_INITIALIZATION_TYPE");
    int managed = kind != NULL && strcmp(kind, "lambda-managed-instances") == 0; /* INVOKE is refused there. */
    const char *body = managed ? "{\"events\":[\"SHUTDOWN\"]}" : "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}";
    int length = snprintf(request, sizeof request,
                          "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %s\r\n"
                          "Lambda-Extension-Name: %s\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\n\r\n%s",
                          api, name, strlen(body), body);

    if (length < 0 || (size_t)length >= sizeof request)
        return -1;
    return send(connection, request, (size_t)length, MSG_NOSIGNAL) == length ? 0 : -1;
}

/* Returns the connection on which the answer comes, -1 without one. Lambda always names its API. */
static int register_as(const char *name) {
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    int connection;

    if (api == NULL || *api == '\0')
        return -1;
    connection = connect_to(api);
    if (connection < 0 || ask(connection, api, name) == 0)
        return connection;
    close(connection);
    return -1;
}

int main(int count, char **words) {
    static char self[PATH_MAX], folder[PATH_MAX], root[PATH_MAX + 32], python[PATH_MAX + 64], start[PATH_MAX + 64];
    static char number[MAX_NUMBER];
    /* The path that was executed: Lambda knows an extension by its file's name, and what it says in words[0] is its own
     * affair. */
    const char *path = (const char *)getauxval(AT_EXECFN);
    char **command = calloc((size_t)count + 8, sizeof *command);
    int next = 0, connection = -1;

    if (path == NULL || strlen(path) >= sizeof self || command == NULL)
        return 1;
    strcpy(self, path);
    strcpy(folder, path);
    snprintf(root, sizeof root, "%s/../flight-recorder", dirname(folder));
    snprintf(python, sizeof python, "%s/bin/python3", root);
    snprintf(start, sizeof start, "%s/start.pyc", root);
    if (count < 2)
        connection = register_as(basename(self));
    for (size_t index = 0; index < sizeof not_ours / sizeof *not_ours; index++)
        unsetenv(not_ours[index]);
    /* One heap for both of our threads: a second one costs memory, and saves waits that we do not have. */
    setenv("MALLOC_ARENA_MAX", "1", 1);
    command[next++] = python;
    command[next++] = "-ISB";
    /* No locale of the function's can ask for an encoding that is not here. */
    command[next++] = "-Xutf8";
    command[next++] = start;
    command[next++] = root;
    if (connection >= 0) {
        snprintf(number, sizeof number, "%d", connection);
        command[next++] = number;
    }
    for (int index = 1; index < count; index++)
        command[next++] = words[index];
    execv(python, command);
    perror(python);
    return 1;
}
