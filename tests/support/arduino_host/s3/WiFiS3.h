// WiFiS3: begin() waits up to 10 s, less after setTimeout(). An attempt to connect that fails
// takes up to 10 s. read() of several bytes returns 0 when there are none.
// A UART is between the board and its radio.
#pragma once
#define HOST_BYTE_COSTS 120
// It doesn't say why it hasn't joined.
#define HOST_NO_NETWORK_STATUS WL_IDLE_STATUS
#define HOST_PASSWORD_STATUS WL_IDLE_STATUS
#include "host_wifi.h"
#define HOST_NOTHING_READ 0
#define HOST_CONNECT_FAILS_AFTER 10000

class WiFiSSLClient : public WiFiClient {};

class CWifi {
public:
  int begin(const char *network) { return begin(network, ""); }
  int begin(const char *network, const char *password) {
    wl_status_t status = host::radioBegin(network, password, timeout_);
    return status == WL_CONNECTED ? WL_CONNECTED : WL_CONNECT_FAILED;
  }
  void setTimeout(unsigned long timeout) { timeout_ = timeout; }
  int disconnect();
  uint8_t status() { return host::radioStatus(); }
  IPAddress localIP() { return host::localAddress(); }
  const char *SSID() { return "class"; }

private:
  unsigned long timeout_ = 10000;
};
extern CWifi WiFi;
