/*
  Load for a WebSocket server

  Many clients in one thread with one epoll loop, so that the server is what is measured.
  Linux only.

  Build it with:   gcc -O2 -Wall -Wextra -o load load.c
  Run it with:     ./load WHAT PORT PID CLIENTS SPEAKERS SIZE RATE SECONDS [PTY]
                   WHAT: talk, connect, idle, stall or serial, the headings below;
                   PID: the server's process; SIZE: bytes of a message; RATE: messages or
                   lines a second, where 0 is a flood; PTY: an open file, the board's end
  You should see:  a name and a figure on each line
  Exit code:       0; or 1 and a sentence if anything was lost, doubled or changed

  Each message carries its speaker's number and its own, then letters. The server may put
  something before it, and one byte, the quote of a JSON string, behind it. Every delivery
  is checked byte by byte.

  Is it the bottleneck? Its own CPU time is among the figures (load_percent), and the table
  shows the highest of each row beside the server's: while that is clearly the smaller one,
  and there is a second core, the clients wait for the server and not the other way round.
  It was checked too with a bare epoll loop in C in the place of ws_server_example: the same
  clients then had at least 1.4 times the deliveries a second (10 clients), 5 times the
  MB (1 MiB) and 5 times the connects (32 at a time), so they can.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16, ROOM = 65536 };  /* bytes of a message's numbers, of a buffer */
static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";  /* the answer to our one key */

enum state { FREE, CONNECTING, SHAKING, OPEN };
struct client {
    int fd, number;
    enum state state;
    uint8_t *in;                /* what came: bytes begin to end of room */
    size_t begin, end, room;
    uint8_t *frame;             /* what it says, masked: the payload begins at payload */
    size_t payload, length, left;   /* left: bytes of it that the socket did not take yet */
    bool waits;                     /* for the socket to take more */
    unsigned said, reached;     /* the number of its message; how many clients have it */
    double said_at, heard_at;
    unsigned received;
    uint64_t order;             /* a sum of who spoke in which order */
};

static struct client *clients;
static int n_clients, epoll, port, pid, pty, n_speakers;
static size_t size;             /* bytes of a message */
static double rate, seconds;
static double time_now;
static char *letters;
static void (*on_open)(struct client *), (*on_end)(struct client *);
static void (*on_message)(struct client *, uint8_t *, size_t);

/* ---- Figures ------------------------------------------------------------------------- */

static void fail(const char *format, ...)
{
    va_list words;
    va_start(words, format);
    vfprintf(stderr, format, words);
    fputc('\n', stderr);
    exit(1);
}

static double read_clock(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static double now(void) { return time_now = read_clock(CLOCK_MONOTONIC); }

static double server_cpu(void)
{
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock)) fail("the server has ended");
    return read_clock(clock);
}

/* MiB of the server's memory: "VmRSS" now, "VmHWM" at most so far */
static double server_memory(const char *field)
{
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int file = open(path, O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) < 0 || !strstr(text, field))
        fail("the server has ended");
    close(file);
    return atol(strstr(text, field) + strlen(field) + 1) / 1024.0;
}

static double samples[1 << 22];
static size_t n_samples;

static void add_sample(double value)
{
    if (n_samples < sizeof samples / sizeof *samples) samples[n_samples++] = value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_sample(void)
{
    if (!n_samples) fail("nothing was measured: the time was too short");
    qsort(samples, n_samples, sizeof *samples, compare);
    return samples[n_samples / 2];
}

static void print(const char *name, double value) { printf("%s %.9g\n", name, value); }

/* from start_measuring() to stop_measuring(): seconds, the server's CPU and our own */
static double began, began_server, began_load, took, took_server;
static bool measuring;

static void start_measuring(void)
{
    measuring = true, n_samples = 0;
    began = now(), began_server = server_cpu(), began_load = read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

static void stop_measuring(void)
{
    measuring = false;
    took = now() - began, took_server = server_cpu() - began_server;
    print("load_percent", (read_clock(CLOCK_PROCESS_CPUTIME_ID) - began_load) / took * 100);
    print("server_percent", took_server / took * 100);
}

/* ---- Clients ------------------------------------------------------------------------- */

static void watch(struct client *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, operation, c->fd, &event);
}

static void open_client(struct client *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("client %d has no socket: %s", c->number, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("client %d can't connect: %s", c->number, strerror(errno));
    c->state = CONNECTING, c->begin = c->end = c->left = 0;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void end_client(struct client *c)
{
    if (c->state == SHAKING) fail("the server hung up on client %d at once", c->number);
    close(c->fd);
    c->fd = -1, c->state = FREE;
    on_end(c);
}

static void lost(struct client *c)
{
    fail("client %d was thrown out after %u messages", c->number, c->received);
}

/* sends what is left of the frame, now or as soon as the socket takes it */
static void push(struct client *c)
{
    ssize_t sent = send(c->fd, c->frame + c->length - c->left, c->left, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return end_client(c);
    if (sent > 0) c->left -= sent;
    if (c->waits != (c->left > 0)) {
        c->waits = c->left > 0;
        watch(c, EPOLL_CTL_MOD, c->waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* makes the frame that a client will send again and again: only its head changes */
static void make_frame(struct client *c)
{
    uint8_t start[14] = {0x81, 0x80 | (size < 126 ? size : size < 65536 ? 126 : 127)};
    size_t bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
    for (size_t i = 0; i < bytes; i++) start[2 + i] = (uint64_t)size >> 8 * (bytes - 1 - i);
    memcpy(start + 2 + bytes, MASK, 4);
    c->payload = 6 + bytes, c->length = c->payload + size;
    c->frame = malloc(c->length);
    memcpy(c->frame, start, c->payload);
    for (size_t i = 0; i < size; i++) c->frame[c->payload + i] = letters[i] ^ MASK[i & 3];
}

static void say(struct client *c)
{
    char head[HEAD + 8];
    if (!c->frame) make_frame(c);
    snprintf(head, sizeof head, "%05d.%09u.", c->number, ++c->said);
    for (int i = 0; i < HEAD; i++) c->frame[c->payload + i] = head[i] ^ MASK[i & 3];
    c->reached = 0, c->left = c->length;
    c->said_at = now();
    push(c);
}

static unsigned read_number(const uint8_t *digits, int n)
{
    unsigned value = 0;
    while (n--) value = value * 10 + (*digits++ - '0');
    return value;
}

/* finds our message in what the server made of it; returns its number and its speaker */
static unsigned read_message(struct client *c, uint8_t *text, size_t n, struct client **speaker)
{
    if (n && text[n - 1] == '"') n--;
    uint8_t *message = text + n - size;
    if (n < size || message[5] != '.' || message[15] != '.'
        || memcmp(message + HEAD, letters + HEAD, size - HEAD))
        fail("client %d got a changed message of %zu bytes: %.60s", c->number, n, text);
    unsigned number = read_number(message, 5);
    if (number >= (unsigned)n_clients) fail("client %d heard an unknown speaker", c->number);
    *speaker = clients + number;
    return read_number(message + 6, 9);
}

static void shake_hands(struct client *c)
{
    char request[400];
    int n = snprintf(request, sizeof request,
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", port);
    if (send(c->fd, request, n, MSG_NOSIGNAL) != n)
        fail("client %d can't connect: %s", c->number, strerror(errno));
    c->state = SHAKING;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static bool hands_shaken(struct client *c)
{
    char *answer = (char *)c->in + c->begin;
    char *end = memmem(answer, c->end - c->begin, "\r\n\r\n", 4);
    if (!end) return false;
    if (memcmp(answer, "HTTP/1.1 101 ", 13) || !memmem(answer, end - answer, ACCEPT, 28))
        fail("client %d was refused: %.40s", c->number, answer);
    c->begin += end + 4 - answer;
    c->state = OPEN;
    on_open(c);
    return true;
}

/* makes room for a frame of so many bytes */
static void make_room(struct client *c, size_t bytes)
{
    memmove(c->in, c->in + c->begin, c->end - c->begin);
    c->end -= c->begin, c->begin = 0;
    if (c->room < bytes) c->in = realloc(c->in, c->room = bytes);
}

static void read_frames(struct client *c)
{
    while (c->state == OPEN && c->end - c->begin >= 2) {
        uint8_t *frame = c->in + c->begin;
        size_t have = c->end - c->begin, n = frame[1], head = n == 127 ? 10 : n == 126 ? 4 : 2;
        if (have < head) break;
        if (head > 2) n = 0;
        for (size_t i = 2; i < head; i++) n = n << 8 | frame[i];
        if (have < head + n) {
            if (c->room - c->begin < head + n) make_room(c, head + n + ROOM);
            return;
        }
        c->begin += head + n;
        if (frame[0] == 0x81) on_message(c, frame + head, n);
        else if (frame[0] == 0x88) end_client(c);
        else if (frame[0] != 0x89) fail("client %d got a frame %02x", c->number, frame[0]);
    }
    if (c->begin == c->end) c->begin = c->end = 0;
}

static void readable(struct client *c)
{
    if (c->room - c->end < ROOM / 2) make_room(c, c->end - c->begin + ROOM);
    ssize_t n = recv(c->fd, c->in + c->end, c->room - c->end, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end_client(c);
    c->end += n;
    now();
    if (c->state == OPEN || hands_shaken(c)) read_frames(c);
}

/* waits for what happens next, at most so many milliseconds, and lets it happen */
static void run(int milliseconds)
{
    struct epoll_event events[256];
    int n = epoll_wait(epoll, events, 256, milliseconds);
    now();
    for (int i = 0; i < n; i++) {
        struct client *c = events[i].data.ptr;
        if (!c || c->fd < 0) continue;
        if (c->state == CONNECTING) shake_hands(c);
        else if (events[i].events & EPOLLOUT) push(c);
        else readable(c);
    }
}

static void run_for(double seconds)
{
    double end = now() + seconds;
    while (now() < end) run((int)((end - time_now) * 1000) + 1);
}

static int n_open;
static void count_open(struct client *c) { n_open += c->state == OPEN; }

/* opens n clients, a few at a time */
static void open_clients(int n)
{
    clients = calloc(n_clients = n, sizeof *clients);
    on_open = count_open, on_end = lost;
    for (int started = 0; n_open < n; run(100))
        while (started < n && started < n_open + 4) {
            clients[started].number = started;
            open_client(clients + started++);
        }
    /* a server may still be busy with the last of them */
    run_for(0.1);
}

/* ---- Talk: some or all clients speak, everybody hears it ------------------------------- */

static uint64_t deliveries;
static int n_silent;            /* speakers that have been heard by all and say no more */
static bool talking;

/* a speaker goes on when everybody has heard it */
static void talk_message(struct client *c, uint8_t *text, size_t n)
{
    struct client *speaker;
    unsigned number = read_message(c, text, n, &speaker);
    if (number != speaker->said)
        fail("client %d heard message %u of %d where %u was due", c->number, number,
             speaker->number, speaker->said);
    deliveries++, c->received++;
    c->order = (c->order ^ speaker->number) * 1099511628211u;
    if (++speaker->reached < (unsigned)n_clients) return;
    if (measuring) add_sample(time_now - speaker->said_at);
    if (talking) say(speaker);
    else n_silent++;
}

static void talk(int n)
{
    on_message = talk_message;
    open_clients(n);
    talking = true;
    for (int i = 0; i < n_speakers; i++) say(clients + i);
    /* a fifth of the time, and at least a message, to get warm */
    for (double end = now() + seconds / 5; time_now < end || !deliveries;) run(100);
    start_measuring();
    uint64_t before = deliveries;
    while (time_now < began + seconds || !n_samples) run(100);
    uint64_t measured = deliveries - before;
    stop_measuring();
    for (talking = false; n_silent < n_speakers;) run(100);
    int other_order = 0;
    for (int i = 0; i < n; i++) {
        if (clients[i].received != clients[0].received) fail("client %d missed a message", i);
        other_order += clients[i].order != clients[0].order;
    }
    double median = median_sample();
    print("deliveries_per_second", measured / took);
    print("cpu_us_per_delivery", took_server / measured * 1e6);
    print("median_us", median * 1e6);
    print("mb_per_second", size / median / 1e6);
    print("peak_mib", server_memory("VmHWM"));
    print("other_order", other_order);
}

/* ---- Connect: come, say goodbye, come again -------------------------------------------- */

static unsigned n_connects;

static void connect_open(struct client *c)
{
    static const uint8_t GOODBYE[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};  /* code 1000 */
    if (measuring) add_sample(time_now - c->said_at);
    n_connects++;
    if (send(c->fd, GOODBYE, sizeof GOODBYE, MSG_NOSIGNAL) < 0) lost(c);
}

static void connect_again(struct client *c)
{
    c->said_at = now();
    open_client(c);
}

static void connect_many(int at_a_time)
{
    clients = calloc(n_clients = at_a_time, sizeof *clients);
    on_open = connect_open, on_end = connect_again;
    for (int i = 0; i < at_a_time; i++) clients[i].number = i, connect_again(clients + i);
    run_for(seconds / 5);
    start_measuring();
    unsigned before = n_connects;
    run_for(seconds);
    unsigned measured = n_connects - before;
    stop_measuring();
    print("connects_per_second", measured / took);
    print("cpu_us_per_connect", took_server / measured * 1e6);
    print("median_us", median_sample() * 1e6);
}

/* ---- Idle: be there and say nothing ---------------------------------------------------- */

static void idle(int n)
{
    double before = server_memory("VmRSS");
    on_message = talk_message;
    open_clients(n);
    run_for(0.3);
    start_measuring();
    run_for(seconds);
    double after = server_memory("VmRSS");
    stop_measuring();
    print("kib_per_client", (after - before) / n * 1024);
    print("mib", after);
    print("idle_percent", took_server / took * 100);
    /* is everybody really there? */
    for (say(clients); clients->reached < (unsigned)n;) run(100);
}

/* ---- Stall: one client stops reading, the others should not notice --------------------- */

static double silence;          /* the longest that a client heard nothing, in seconds */

static void stall_message(struct client *c, uint8_t *text, size_t n)
{
    struct client *speaker;
    unsigned number = read_message(c, text, n, &speaker);
    if (number != ++c->received) fail("client %d heard %u after %u", c->number, number,
                                      c->received - 1);
    deliveries++;
    if (time_now - c->heard_at > silence) silence = time_now - c->heard_at;
    c->heard_at = time_now;
}

static void stall(int n)
{
    on_message = stall_message;
    open_clients(n + 1);
    /* nobody looks after the last client any more: it may be dropped */
    int little = 4096;
    setsockopt(clients[n].fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    epoll_ctl(epoll, EPOLL_CTL_DEL, clients[n].fd, NULL);
    double memory = server_memory("VmRSS");
    start_measuring();
    for (int i = 0; i < n; i++) clients[i].heard_at = began;
    while (now() < began + seconds) {
        /* a server that reads no more gets no more; that is a silence too */
        if (clients->said < (time_now - began) * rate && !clients->left) say(clients);
        run(1);
    }
    uint64_t measured = deliveries;
    for (int i = 0; i < n; i++)
        if (time_now - clients[i].heard_at > silence) silence = time_now - clients[i].heard_at;
    stop_measuring();
    print("delivered_percent", measured / (rate * seconds * n) * 100);
    print("silence_ms", silence * 1e3);
    print("grown_mib", server_memory("VmHWM") - memory);
}

/* ---- Serial: lines of a board to every client ------------------------------------------ */

static unsigned n_lines, n_done, *line_reached;
static double *written_at;

static void serial_message(struct client *c, uint8_t *text, size_t n)
{
    if (n != 20 || read_number(text, 8) != c->received || memcmp(text + 8, ",512,1023,ok", 12))
        fail("client %d got %.*s as line %u", c->number, n < 40 ? (int)n : 40, text, c->received);
    unsigned line = c->received++;
    if (++line_reached[line] < (unsigned)n_clients) return;
    n_done++;
    add_sample(time_now - written_at[line]);
}

/* writes the next lines, or what the pty did not take of the last ones */
static void write_lines(bool more)
{
    static char lines[256 * 22 + 1], *rest;
    static size_t left;
    if (!left && more) {
        rest = lines;
        for (int i = 0; i < (rate ? 1 : 256); i++) {
            written_at[n_lines] = now();
            left += sprintf(lines + left, "%08u,512,1023,ok\r\n", n_lines++);
        }
    }
    ssize_t done = left ? write(pty, rest, left) : 0;
    if (done < 0 && errno != EAGAIN) fail("the pty takes no line: %s", strerror(errno));
    if (done > 0) rest += done, left -= done;
    run(left || !more ? 1 : 0);
}

static void serial(int n)
{
    unsigned most = rate ? rate * seconds : 4000000;
    written_at = calloc(most + 256, sizeof *written_at);
    line_reached = calloc(most + 256, sizeof *line_reached);
    on_message = serial_message;
    open_clients(n);
    fcntl(pty, F_SETFL, fcntl(pty, F_GETFL) | O_NONBLOCK);
    run_for(0.1);
    start_measuring();
    while (now() < began + seconds && n_lines < most) {
        if (rate && n_lines >= (time_now - began) * rate) run(1);
        else write_lines(true);
    }
    while (n_done < n_lines) write_lines(false);
    stop_measuring();
    print("lines_per_second", n_lines / took);
    print("cpu_us_per_line", took_server / n_lines * 1e6);
    print("median_us", median_sample() * 1e6);
}

int main(int count, char **words)
{
    if (count < 9) fail("how to use it stands at the top of load.c");
    char what = words[1][0];
    int n = atoi(words[4]);
    port = atoi(words[2]), pid = atoi(words[3]), n_speakers = atoi(words[5]);
    size = atol(words[6]), rate = atof(words[7]), seconds = atof(words[8]);
    pty = count > 9 ? atoi(words[9]) : -1, epoll = epoll_create1(0);
    if (size < HEAD) size = HEAD;
    letters = malloc(size);
    for (size_t i = 0; i < size; i++) letters[i] = 'a' + i % 26;
    if (what == 't') talk(n);
    else if (what == 'c') connect_many(n);
    else if (what == 'i') idle(n);
    else if (what == 's' && words[1][1] == 't') stall(n);
    else serial(n);
    return 0;
}
