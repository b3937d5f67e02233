// What the Wi-Fi libraries have in common here: a radio and TCP sockets. How they differ
// stands in the folder of each: the numbers of its states (HOST_…_STATUS), how long a try to
// connect takes that fails, what reading costs, and what connected() says while bytes wait.
#pragma once
#include "Arduino.h"

typedef enum {
  WL_NO_SHIELD = 255,
#ifdef HOST_ESP32
  WL_STOPPED = 254,
#endif
  WL_IDLE_STATUS = 0,
  WL_NO_SSID_AVAIL,
  WL_SCAN_COMPLETED,
  WL_CONNECTED,
  WL_CONNECT_FAILED,
  WL_CONNECTION_LOST,
#ifdef HOST_ESP8266
  WL_WRONG_PASSWORD,
#endif
  WL_DISCONNECTED
} wl_status_t;

#ifndef HOST_FIRST_STATUS
#define HOST_FIRST_STATUS WL_IDLE_STATUS  // before the first begin()
#endif
#ifndef HOST_JOINING_STATUS
#define HOST_JOINING_STATUS WL_IDLE_STATUS
#endif
#ifndef HOST_NO_NETWORK_STATUS
#define HOST_NO_NETWORK_STATUS WL_NO_SSID_AVAIL
#endif
#ifndef HOST_PASSWORD_STATUS
#define HOST_PASSWORD_STATUS WL_CONNECT_FAILED
#endif
#ifndef HOST_LOST_STATUS
#define HOST_LOST_STATUS WL_CONNECTION_LOST
#endif
#ifndef HOST_BYTE_COSTS
#define HOST_BYTE_COSTS 0  // µs for a byte on its way from the radio
#endif
#ifndef HOST_CONNECTED_IS_OPEN
#define HOST_CONNECTED_IS_OPEN 0  // 1: connected() is false while the last bytes wait
#endif

namespace host {
wl_status_t radioStatus();
IPAddress localAddress();  // 0.0.0.0 until the network has given one
// Starts to join; the radio goes on by itself. wait: how long to wait for the result, in ms.
wl_status_t radioBegin(const char *network, const char *password, uint32_t wait);
void radioGiveUp();  // what WiFi101 does when its time is over
}  // namespace host

// A client as WiFiNINA has it: bytes are fetched only into an empty buffer, so while one
// byte lies there, available() stays 1 whatever has arrived since.
class WiFiClient : public Client {
public:
  WiFiClient() : socket_(-1), fill_(0), next_(0) {}
  virtual int connect(IPAddress ip, uint16_t port);
  virtual int connect(const char *name, uint16_t port);
  virtual size_t write(uint8_t letter) { return write(&letter, 1); }
  virtual size_t write(const uint8_t *bytes, size_t count);
  virtual int available();
  virtual int read();
  virtual int read(uint8_t *buffer, size_t size);
  virtual int peek();
  virtual void flush() {}
  virtual void stop();
  virtual uint8_t connected();
  virtual operator bool() { return socket_ >= 0; }
  using Print::write;

private:
  int socket_;
  uint16_t fill_, next_;
  uint8_t buffer_[1400];
};
