// This computer as a board: text, time, pins, a Wi-Fi radio, TCP sockets and the WebSocket
// library, under the declarations beside it. It is included after the sketch.
//
// Time is simulated in one of two ways.
//   In step with a test (HOST_CONTROL is the number of a socket): whenever the sketch waits,
//   the test is told with a line "time LED busy bytes" and that many bytes of Serial, does
//   what its server does until then, and answers with commands and "go". busy is how long this
//   round of loop() has taken, without the library's own waiting for a connection that fails.
//   A busy computer changes nothing.
//   By the clock (no HOST_CONTROL): as fast as HOST_SPEED says, Serial on standard output,
//   the LED on standard error, commands from standard input.
// Commands: wifi 0|1, join MS, address MS, fail N, block 0|1, sensor N, send N, type TEXT, quit.
// Printing costs the time of the baud rate, as on a board with a UART.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <deque>
#include <string>

// ---- time, and what the test says -----------------------------------------------------

namespace host {

const char *setting(const char *name, const char *other) {
  const char *value = getenv(name);
  return value ? value : other;
}

uint64_t now;             // simulated ms since the start
uint64_t loopStart;       // when this round of loop() began
uint32_t firstMillis;     // what millis() was then
int control = -1;         // socket to the test
double speed = 1;
int led, sensor = 512;
bool blocked;             // nothing goes out any more, as when the other side reads nothing
std::string serial, input, typed;
double baud;
double printTime;         // ms that printing has cost and that are still to pass
std::deque<std::string> commands;

struct {
  bool inReach = true, joining = false;
  wl_status_t status = HOST_FIRST_STATUS;
  uint64_t joinedAt = 0;
  uint32_t joinTime = 1200, addressTime = 0, failures = 0;
  int losses = 0;
} radio;

[[noreturn]] void trap(const char *what) {
  fprintf(stderr, "%s\n", what);
  abort();
}

void obey(const std::string &line) {
  std::string word = line.substr(0, line.find(' '));
  int number = line.size() > word.size() ? atoi(line.c_str() + word.size()) : 0;
  if (word == "quit") {
    fflush(NULL);
    exit(0);
  } else if (word == "wifi") {
    radio.inReach = number;
    if (!number) {
      radio.joining = false;
      radio.status = HOST_LOST_STATUS;
      radio.losses++;
    }
  } else if (word == "join") {
    radio.joinTime = number;
  } else if (word == "address") {
    radio.addressTime = number;
  } else if (word == "fail") {
    radio.failures = number;
  } else if (word == "block") {
    blocked = number;
  } else if (word == "sensor") {
    sensor = number;
  } else if (word == "type") {
    typed += line.substr(5) + "\n";
  } else {
    commands.push_back(line);
  }
}

void receive(int source) {
  char bytes[4096];
  ssize_t count = read(source, bytes, sizeof bytes);
  if (count <= 0) {
    if (source == control) _exit(0);
    return;
  }
  input.append(bytes, count);
}

bool nextLine(std::string &line) {
  size_t end = input.find('\n');
  if (end == std::string::npos) return false;
  line = input.substr(0, end);
  input.erase(0, end + 1);
  return true;
}

// Lets ms pass; everything in this file that waits comes here.
void pass(uint32_t ms) {
  std::string line;
  if (control >= 0) {
    now += ms;
    char head[128];
    std::string report(head, snprintf(head, sizeof head, "%llu %d %llu %zu\n",
                                      (unsigned long long)now, led,
                                      (unsigned long long)(now - loopStart), serial.size()));
    report += serial;
    serial.clear();
    for (size_t sent = 0; sent < report.size();) {
      ssize_t count = ::write(control, report.data() + sent, report.size() - sent);
      if (count <= 0) _exit(0);
      sent += count;
    }
    for (;;) {
      while (nextLine(line)) {
        if (line == "go") return;
        obey(line);
      }
      receive(control);
    }
  }
  static struct timespec start;
  if (!start.tv_sec) clock_gettime(CLOCK_MONOTONIC, &start);
  double wait = ms * 1000 / speed;
  if (wait > 0) usleep(wait < 100 ? 100 : (useconds_t)wait);
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  now = ((time.tv_sec - start.tv_sec) * 1e3 + (time.tv_nsec - start.tv_nsec) / 1e6) * speed;
  struct pollfd in = {0, POLLIN, 0};
  if (poll(&in, 1, 0) > 0 && (in.revents & POLLIN)) receive(0);
  while (nextLine(line)) obey(line);
}

// ---- the radio ------------------------------------------------------------------------

wl_status_t radioStatus() {
  if (radio.joining && now >= radio.joinedAt) {
    radio.joining = false;
    radio.status = WL_CONNECTED;
  }
  return radio.status;
}

wl_status_t radioBegin(const char *network, const char *password, uint32_t wait) {
  uint64_t end = now + wait;
  bool found = radio.inReach && !strcmp(network, "class");
  if (radio.status == WL_CONNECTED) radio.losses++;
  radio.joining = found && !strcmp(password, "secret");
  radio.status = radio.joining ? HOST_JOINING_STATUS
                 : found       ? HOST_PASSWORD_STATUS
                               : HOST_NO_NETWORK_STATUS;
  if (radio.joining && radio.failures) {  // a handshake with the network that goes wrong
    radio.failures--;
    radio.joining = false;
    radio.status = WL_DISCONNECTED;
  }
  radio.joinedAt = now + radio.joinTime;
  while (now < end && radioStatus() != WL_CONNECTED && radio.status != WL_CONNECT_FAILED &&
         radio.status != WL_DISCONNECTED) {
    pass(100);
  }
  return radio.status;
}

IPAddress localAddress() {
  bool given = radioStatus() == WL_CONNECTED && now >= radio.joinedAt + radio.addressTime;
  return given ? IPAddress(127, 0, 0, 1) : IPAddress(0, 0, 0, 0);
}

void radioGiveUp() {
  radio.joining = false;
}

// ---- TCP ------------------------------------------------------------------------------

// A connection that the radio has lost is mute for ever, but nobody says so: what is written
// seems to go out, and the other side hears nothing, not even an end.
struct Tcp {
  int losses;  // radio.losses when it was opened; a difference means: lost
  bool open = false, ended = false;
} tcp[1024];

bool lost(int socket) {
  return tcp[socket].losses != radio.losses;
}

int tcpOpen(const char *host, uint16_t port) {
  int id = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if ((uint32_t)localAddress() == 0 || id < 0 || id >= 1024 ||
      inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
      ::connect(id, (struct sockaddr *)&address, sizeof address) != 0) {
    if (id >= 0) close(id);
    return -1;
  }
  // The real library writes a frame in four pieces, and each can be a packet of its own.
  setsockopt(id, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  fcntl(id, F_SETFL, O_NONBLOCK);
  tcp[id].losses = radio.losses;
  tcp[id].open = true;
  tcp[id].ended = false;
  return id;
}

int tcpRead(int id, uint8_t *buffer, size_t size) {
  if (lost(id)) return 0;
  ssize_t count = recv(id, buffer, size, 0);
  if (count > 0) return count;
  if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) tcp[id].ended = true;
  return 0;
}

bool endsNext(int id) {
  char byte;
  return tcp[id].ended || recv(id, &byte, 1, MSG_PEEK) == 0;
}

size_t tcpWrite(int id, const uint8_t *bytes, size_t count) {
  if (lost(id)) return count;
  if (tcp[id].ended) return 0;
  size_t sent = 0;
  for (int tries = 0; sent < count && tries < 50;) {
    ssize_t some = blocked ? 0 : send(id, bytes + sent, count - sent, 0);
    if (some > 0) {
      sent += some;
    } else if (blocked || errno == EAGAIN || errno == EWOULDBLOCK) {
      tries++;
      pass(20);
    } else {
      tcp[id].ended = true;
      return 0;
    }
  }
  // The real library closes a connection on which nothing goes out.
  if (sent < count) tcp[id].ended = true;
  return sent;
}

}  // namespace host

uint32_t millis() { return host::firstMillis + (uint32_t)host::now; }
uint32_t micros() { return millis() * 1000u + 7; }
void delay(uint32_t ms) { host::pass(ms); }
int analogRead(uint8_t pin) { return pin == A0 ? host::sensor : 0; }

// What drives the LED is its own pin, and only as an output.
#ifndef HOST_LED_ON
#define HOST_LED_ON HIGH
#endif
static PinMode ledMode = INPUT;
void pinMode(uint8_t pin, PinMode mode) {
  if (pin == LED_BUILTIN) ledMode = mode;
}
void digitalWrite(uint8_t pin, PinStatus value) {
  int led = value == HOST_LED_ON;
  if (pin != LED_BUILTIN || ledMode != OUTPUT || host::led == led) return;
  host::led = led;
  if (host::control < 0) fprintf(stderr, "LED %d\n", led);
}

// The same numbers after every start, unless there is a seed: as on the boards.
static uint32_t randomState = 1;
void randomSeed(unsigned long seed) { randomState = seed ? seed : randomState; }
long random(long howBig) {
  randomState = randomState * 1664525u + 1013904223u;
  return howBig > 0 ? (randomState >> 8) % howBig : 0;
}
long random(long from, long to) { return from + random(to - from); }

void SerialPort::begin(unsigned long baud) { host::baud = baud; }
int SerialPort::available() { return host::typed.size(); }
int SerialPort::peek() { return host::typed.empty() ? -1 : (uint8_t)host::typed[0]; }
int SerialPort::read() {
  int letter = peek();
  if (letter >= 0) host::typed.erase(0, 1);
  return letter;
}
size_t SerialPort::write(uint8_t letter) {
  // 10 bits for a byte.
  if (host::baud) host::printTime += 10000 / host::baud;
  if (host::printTime >= 10) {
    uint32_t ms = host::printTime;
    host::printTime -= ms;
    host::pass(ms);
  }
  if (host::control >= 0) {
    host::serial += (char)letter;
  } else {
    putchar(letter);
    if (letter == '\n') fflush(stdout);
  }
  return 1;
}
SerialPort Serial;

// ---- text -----------------------------------------------------------------------------

String::String(const char *text) : text_(NULL), capacity_(0), length_(0) {
  reserve(0);
  concat(text, strlen(text));
}
String::String(const String &other) : text_(NULL), capacity_(0), length_(0) {
  reserve(0);
  concat(other.text_, other.length_);
}
static std::string digits(unsigned long number, bool negative, int base) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789ABCDEF"[number % base]);
    number /= base;
  } while (number);
  return negative ? "-" + text : text;
}
static std::string digits(long number, int base) {
  return digits(number < 0 ? -(unsigned long)number : (unsigned long)number, number < 0, base);
}
String::String(char letter) : String("") { concat(&letter, 1); }
String::String(unsigned char n, unsigned char base) : String(digits(n, false, base).c_str()) {}
String::String(int n, unsigned char base) : String(digits((long)n, base).c_str()) {}
String::String(unsigned int n, unsigned char base) : String(digits(n, false, base).c_str()) {}
String::String(long n, unsigned char base) : String(digits(n, base).c_str()) {}
String::String(unsigned long n, unsigned char base) : String(digits(n, false, base).c_str()) {}
String::~String() { free(text_); }

bool String::reserve(unsigned int size) {
  if (text_ && capacity_ >= size) return true;
  char *bigger = (char *)realloc(text_, size + 1);
  if (!bigger) return false;
  if (!text_) bigger[0] = 0;
  text_ = bigger;
  capacity_ = size;
  return true;
}
bool String::concat(const char *bytes, unsigned int count) {
  if (!reserve(length_ + count)) return false;
  memmove(text_ + length_, bytes, count);
  length_ += count;
  text_[length_] = 0;
  return true;
}
String &String::operator=(const String &other) {
  if (this == &other) return *this;
  length_ = 0;
  concat(other.text_, other.length_);
  return *this;
}
String &String::operator=(const char *text) {
  length_ = 0;
  concat(text, strlen(text));
  return *this;
}
String &String::operator+=(const String &other) {
  concat(other.text_, other.length_);
  return *this;
}
String &String::operator+=(const char *text) {
  concat(text, strlen(text));
  return *this;
}
String &String::operator+=(char letter) {
  concat(&letter, 1);
  return *this;
}

template <class Thing> static StringSumHelper &added(const StringSumHelper &left, const Thing &right) {
  StringSumHelper &sum = const_cast<StringSumHelper &>(left);
  sum += right;
  return sum;
}
StringSumHelper &operator+(const StringSumHelper &l, const String &r) { return added(l, r); }
StringSumHelper &operator+(const StringSumHelper &l, const char *r) { return added(l, r); }
StringSumHelper &operator+(const StringSumHelper &l, char r) { return added(l, r); }
StringSumHelper &operator+(const StringSumHelper &l, unsigned char r) { return added(l, String(r)); }
StringSumHelper &operator+(const StringSumHelper &l, int r) { return added(l, String(r)); }
StringSumHelper &operator+(const StringSumHelper &l, unsigned int r) { return added(l, String(r)); }
StringSumHelper &operator+(const StringSumHelper &l, long r) { return added(l, String(r)); }
StringSumHelper &operator+(const StringSumHelper &l, unsigned long r) { return added(l, String(r)); }

bool String::operator==(const String &other) const {
  return length_ == other.length_ && !memcmp(text_, other.text_, length_);
}
bool String::operator==(const char *text) const { return !strcmp(text_, text); }
bool String::operator!=(const char *text) const { return strcmp(text_, text); }
bool String::startsWith(const String &start) const {
  return length_ >= start.length_ && !memcmp(text_, start.text_, start.length_);
}
bool String::endsWith(const String &end) const {
  return length_ >= end.length_ && !memcmp(text_ + length_ - end.length_, end.text_, end.length_);
}
char String::operator[](unsigned int index) const { return index < length_ ? text_[index] : 0; }
char &String::operator[](unsigned int index) {
  static char nothing;
  nothing = 0;
  return index < length_ ? text_[index] : nothing;
}
int String::indexOf(char letter) const {
  const char *found = (const char *)memchr(text_, letter, length_);
  return found ? found - text_ : -1;
}
int String::indexOf(const String &text) const {
  const char *found = strstr(text_, text.text_);
  return found ? found - text_ : -1;
}
String String::substring(unsigned int from, unsigned int to) const {
  String part;
  if (to > length_) to = length_;
  if (from < to) part.concat(text_ + from, to - from);
  return part;
}
void String::replace(const String &find, const String &by) {
  if (!find.length_) return;
  String changed;
  for (unsigned int at = 0; at < length_;) {
    bool here = at + find.length_ <= length_ && !memcmp(text_ + at, find.text_, find.length_);
    if (here) {
      changed += by;
    } else {
      changed += text_[at];
    }
    at += here ? find.length_ : 1;
  }
  *this = changed;
}
void String::trim() {
  unsigned int from = 0, to = length_;
  while (from < to && strchr(" \t\r\n", text_[from])) from++;
  while (to > from && strchr(" \t\r\n", text_[to - 1])) to--;
  *this = substring(from, to);
}
void String::toLowerCase() {
  for (unsigned int at = 0; at < length_; at++) text_[at] = tolower(text_[at]);
}
long String::toInt() const { return atol(text_); }

size_t Print::write(const uint8_t *bytes, size_t count) {
  for (size_t at = 0; at < count; at++) write(bytes[at]);
  return count;
}
size_t Print::print(const String &text) { return write(text.c_str(), text.length()); }
size_t Print::print(const char text[]) { return write(text); }
size_t Print::print(char letter) { return write((uint8_t)letter); }
size_t Print::print(unsigned char n, int base) { return write(digits(n, false, base).c_str()); }
size_t Print::print(int n, int base) { return write(digits((long)n, base).c_str()); }
size_t Print::print(unsigned int n, int base) { return write(digits(n, false, base).c_str()); }
size_t Print::print(long n, int base) { return write(digits(n, base).c_str()); }
size_t Print::print(unsigned long n, int base) { return write(digits(n, false, base).c_str()); }
size_t Print::print(const Printable &thing) { return thing.printTo(*this); }
String Stream::readStringUntil(char end) {
  String text;
  for (uint32_t start = millis(); millis() - start < 1000;) {
    int letter = read();
    if (letter == end) break;
    if (letter < 0) {
      host::pass(10);
    } else {
      text += (char)letter;
      start = millis();
    }
  }
  return text;
}
size_t Print::println() { return write("\r\n"); }
size_t IPAddress::printTo(Print &out) const {
  char text[32];
  snprintf(text, sizeof text, "%u.%u.%u.%u", address_ & 255, address_ >> 8 & 255,
           address_ >> 16 & 255, address_ >> 24);
  return out.print(text);
}

// ---- WiFiClient -----------------------------------------------------------------------

decltype(WiFi) WiFi;

int WiFiClient::connect(IPAddress ip, uint16_t port) {
  char text[32];
  snprintf(text, sizeof text, "%u.%u.%u.%u", (uint32_t)ip & 255, (uint32_t)ip >> 8 & 255,
           (uint32_t)ip >> 16 & 255, (uint32_t)ip >> 24);
  return connect(text, port);
}

int WiFiClient::connect(const char *name, uint16_t port) {
  stop();
  host::pass(1);
  socket_ = host::tcpOpen(name, port);
  if (socket_ >= 0) return 1;
  host::loopStart += HOST_CONNECT_FAILS_AFTER;
  host::pass(HOST_CONNECT_FAILS_AFTER);
  return 0;
}

size_t WiFiClient::write(const uint8_t *bytes, size_t count) {
  if (socket_ < 0 || !count) return 0;
  return host::tcpWrite(socket_, bytes, count);
}

int WiFiClient::available() {
  if (socket_ < 0) return 0;
  if (next_ == fill_) {
    next_ = 0;
    fill_ = host::tcpRead(socket_, buffer_, sizeof buffer_);
    if (!fill_ || HOST_BYTE_COSTS) host::pass(fill_ ? fill_ * HOST_BYTE_COSTS / 1000 : 5);
  }
  return fill_ - next_;
}

int WiFiClient::read() { return available() ? buffer_[next_++] : -1; }

int WiFiClient::read(uint8_t *buffer, size_t size) {
  size_t count = available();
  if (!count) return HOST_NOTHING_READ;
  if (count > size) count = size;
  memcpy(buffer, buffer_ + next_, count);
  next_ += count;
  return count;
}

int WiFiClient::peek() { return available() ? buffer_[next_] : -1; }

uint8_t WiFiClient::connected() {
  if (socket_ < 0) return 0;
  if (HOST_CONNECTED_IS_OPEN) return host::lost(socket_) || !host::endsNext(socket_);
  if (next_ < fill_ || available()) return 1;
  return host::lost(socket_) || !host::tcp[socket_].ended;
}

void WiFiClient::stop() {
  if (socket_ >= 0 && !host::lost(socket_)) close(socket_);
  socket_ = -1;
  next_ = fill_ = 0;
}

// ---- HttpClient -----------------------------------------------------------------------

HttpClient::HttpClient(Client &client, const char *server, uint16_t port)
    : client_(&client), server_(server), port_(port), closes_(true) {
  reset();
}

void HttpClient::reset() {
  state_ = IDLE;
  timeout_ = 30000;
}

void HttpClient::stop() {
  client_->stop();
  reset();
}

void HttpClient::beginRequest() { state_ = REQUEST_STARTED; }

int HttpClient::get(const char *path) {
  if (state_ == READING_BODY) {
    while (client_->available()) client_->read();
    reset();
  }
  if (state_ != IDLE && state_ != REQUEST_STARTED) return HTTP_ERROR_API;
  // A connection that is open is used again, whatever has become of it.
  if (closes_ || !client_->connected()) {
    if (client_->connect(server_, port_) <= 0) return HTTP_ERROR_CONNECTION_FAILED;
  }
  client_->print("GET");
  client_->print(" ");
  client_->print(path);
  client_->println(" HTTP/1.1");
  client_->print("Host: ");
  client_->print(server_);
  if (port_ != 80 && port_ != 443) {
    client_->print(":");
    client_->print(port_);
  }
  client_->println();
  sendHeader("User-Agent", "Arduino/2.2.0");
  if (closes_) sendHeader("Connection", "close");
  state_ = REQUEST_STARTED;
  return HTTP_SUCCESS;
}

void HttpClient::sendHeader(const char *name, const char *value) {
  client_->print(name);
  client_->print(": ");
  client_->println(value);
}

void HttpClient::endRequest() {
  if (state_ < REQUEST_SENT) {
    client_->println();
    state_ = REQUEST_SENT;
  }
}

size_t HttpClient::write(const uint8_t *bytes, size_t count) {
  endRequest();
  return client_->write(bytes, count);
}

// The time limit counts from the last byte: an answer that drips can take for ever.
int HttpClient::readInTime() {
  for (uint32_t start = millis(); millis() - start < timeout_;) {
    if (client_->available()) return client_->read();
    delay(100);
  }
  return -1;
}

int HttpClient::responseStatusCode() {
  if (state_ < REQUEST_SENT) return HTTP_ERROR_API;
  int status;
  do {
    const char *expected = "HTTP/*.* ";
    int letter;
    status = 0;
    for (; *expected; expected++) {
      letter = readInTime();
      if (letter < 0) return HTTP_ERROR_TIMED_OUT;
      if (*expected != '*' && *expected != letter) return HTTP_ERROR_INVALID_RESPONSE;
      if (letter == '\n') return HTTP_ERROR_INVALID_RESPONSE;
    }
    while ((letter = readInTime()) >= '0' && letter <= '9') {
      if (status < 100000) status = status * 10 + letter - '0';
    }
    if (letter == '\n') return HTTP_ERROR_INVALID_RESPONSE;
    while (letter >= 0 && letter != '\n') letter = readInTime();
    if (letter < 0) return HTTP_ERROR_TIMED_OUT;
  } while (status < 200 && status != 101);
  state_ = READING_HEADERS;
  return status;
}

int HttpClient::skipResponseHeaders() {
  int letter = 0;
  for (bool lineStarts = true; letter >= 0; lineStarts = letter == '\n') {
    letter = readInTime();
    if (!lineStarts || letter != '\r') continue;
    while (letter >= 0 && letter != '\n') letter = readInTime();
    if (letter < 0) break;
    state_ = READING_BODY;
    return HTTP_SUCCESS;
  }
  return HTTP_ERROR_TIMED_OUT;
}

// ---- WebSocketClient ------------------------------------------------------------------

WebSocketClient::WebSocketClient(Client &client, const char *server, uint16_t port)
    : HttpClient(client, server, port), sending_(false), outSize_(0), opcode_(0), left_(0),
      masked_(false), maskIndex_(0) {}

int WebSocketClient::begin(const char *path) {
  beginRequest();
  connectionKeepAlive();
  int status = get(path);
  if (status == 0) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char key[25] = "";
    for (int at = 0; at < 21; at++) key[at] = letters[random(64)];
    memcpy(key + 21, "A==", 4);  // 16 bytes in base64 end like this
    sendHeader("Upgrade", "websocket");
    sendHeader("Connection", "Upgrade");
    sendHeader("Sec-WebSocket-Key", key);
    sendHeader("Sec-WebSocket-Version", "13");
    endRequest();
    status = responseStatusCode();
    if (status > 0) skipResponseHeaders();
  }
  left_ = 0;
  return status == 101 ? 0 : status;
}

int WebSocketClient::beginMessage(int type) {
  if (sending_) return 1;
  sending_ = true;
  type_ = type & 0x0F;
  outSize_ = 0;
  return 0;
}

size_t WebSocketClient::write(const uint8_t *bytes, size_t count) {
  if (state_ < READING_BODY) return HttpClient::write(bytes, count);
  if (!sending_) return 0;
  if (outSize_ + count > sizeof out_) count = sizeof outSize_ - outSize_;
  if (count > sizeof out_) host::trap("The library writes past its buffer.");
  memcpy(out_ + outSize_, bytes, count);
  outSize_ += count;
  return count;
}

int WebSocketClient::endMessage() {
  if (!sending_) return 1;
  uint8_t mask[4];
  HttpClient::write((uint8_t)(0x80 | type_));
  if (outSize_ < 126) {
    HttpClient::write((uint8_t)(0x80 | outSize_));
  } else {
    HttpClient::write((uint8_t)(0x80 | 126));
    HttpClient::write((uint8_t)(outSize_ >> 8));
    HttpClient::write((uint8_t)outSize_);
  }
  for (int at = 0; at < 4; at++) mask[at] = random(255);
  HttpClient::write(mask, sizeof mask);
  for (size_t at = 0; at < outSize_; at++) out_[at] ^= mask[at % 4];
  size_t size = outSize_;
  sending_ = false;
  outSize_ = 0;
  return HttpClient::write(out_, size) == size ? 0 : 1;
}

int WebSocketClient::parseMessage() {
  flushRx();
  if (HttpClient::available() < 2) return 0;
  uint8_t opcode = HttpClient::read();
  int length = HttpClient::read();
  opcode_ = opcode & 0x0F ? opcode : opcode_ | opcode;
  masked_ = length & 0x80;
  length &= 0x7F;
  left_ = length < 126 ? length : 0;
  for (int bytes = length < 126 ? 0 : length == 126 ? 2 : 8; bytes; bytes--) {
    left_ = left_ << 8 | (uint8_t)HttpClient::read();
  }
  for (int at = 0; masked_ && at < 4; at++) mask_[at] = HttpClient::read();
  maskIndex_ = 0;
  if (messageType() == TYPE_CONNECTION_CLOSE) {
    flushRx();
    stop();
    left_ = 0;
  } else if (messageType() == TYPE_PING) {
    beginMessage(TYPE_PONG);
    while (available()) write(read());
    endMessage();
    left_ = 0;
  } else if (messageType() == TYPE_PONG) {
    flushRx();
    left_ = 0;
  }
  return left_;
}

String WebSocketClient::readString() {
  String text;
  for (int left = available(); left > 0; left--) text += (char)read();
  return text;
}

int WebSocketClient::ping() {
  uint8_t bytes[16];
  for (int at = 0; at < 16; at++) bytes[at] = random(255);
  beginMessage(TYPE_PING);
  write(bytes, sizeof bytes);
  return endMessage();
}

int WebSocketClient::available() {
  return state_ < READING_BODY ? HttpClient::available() : (int)left_;
}

int WebSocketClient::read() {
  uint8_t letter = 0x5A;  // rubbish, if read() below answers -1
  return read(&letter, 1) ? letter : -1;
}

int WebSocketClient::read(uint8_t *buffer, size_t size) {
  int count = HttpClient::read(buffer, size);
  if (count > 0) {
    left_ -= count;
    for (int at = 0; masked_ && at < count; at++) buffer[at] ^= mask_[maskIndex_++ % 4];
  }
  return count;
}

int WebSocketClient::peek() { return HttpClient::peek(); }

void WebSocketClient::flushRx() {
  for (uint64_t start = host::now; available(); read()) {
    if (host::now - start > 60000) host::trap("The library waits for ever.");
    if (!HttpClient::connected()) host::pass(100);
  }
}

// ---- the board ------------------------------------------------------------------------

int main() {
  signal(SIGPIPE, SIG_IGN);
  host::control = atoi(host::setting("HOST_CONTROL", "-1"));
  host::speed = atof(host::setting("HOST_SPEED", "1"));
  host::firstMillis = strtoul(host::setting("HOST_MILLIS", "1000"), NULL, 10);
  host::pass(0);
  setup();
  for (;;) {
    host::loopStart = host::now;
    loop();
    for (; !host::commands.empty(); host::commands.pop_front()) {
#ifdef HOST_SENDS
      int count = atoi(host::commands.front().c_str() + 5);
      sendFrame(TYPE_TEXT, std::string(count, 'x').c_str());
#endif
    }
    host::pass(10);  // ms from one loop() to the next
  }
}
